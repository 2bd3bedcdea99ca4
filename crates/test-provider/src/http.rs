//! The routes.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};

use crate::account::{Answer, Fields};
use crate::{PUBLISHABLE_KEY, Provider};

/// The provider's routes, below `/v1`.
pub fn router<S: Clone + Send + Sync + 'static>(provider: Provider) -> Router<S> {
    Router::new()
        .route("/v1/payment_intents", post(create).get(list))
        .route("/v1/payment_intents/{id}", get(read))
        .route("/v1/payment_intents/{id}/confirm", post(confirm))
        .route("/v1/payment_intents/{id}/authenticate", post(authenticate))
        .route("/v1/payment_intents/{id}/cancel", post(cancel))
        .route("/v1/refunds", post(refund).get(refunds))
        .with_state(provider)
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK), Json(self.body)).into_response()
    }
}

/// The key that a request carries.
fn key_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Whichever key is not the public one: a deployment makes up its own, and there is nothing to protect.
fn is_secret(headers: &HeaderMap) -> bool {
    key_of(headers).is_some_and(|key| !key.is_empty() && key != PUBLISHABLE_KEY)
}

fn denied() -> Answer {
    Answer::error(401, "invalid_request_error", "api_key_invalid", "Invalid API Key provided")
}

/// The secret key, or the publishable one with the intent's secret, as a browser has it.
fn may_touch(provider: &Provider, headers: &HeaderMap, id: &str, fields: &Fields) -> bool {
    let public = key_of(headers) == Some(PUBLISHABLE_KEY);
    let opens = fields.get("client_secret").is_some_and(|secret| provider.account().opens(id, secret));
    is_secret(headers) || (public && opens)
}

fn idempotency(headers: &HeaderMap) -> Option<&str> {
    headers.get("idempotency-key").and_then(|key| key.to_str().ok())
}

async fn create(State(provider): State<Provider>, headers: HeaderMap, Form(fields): Form<Fields>) -> Answer {
    if !is_secret(&headers) {
        return denied();
    }
    provider.once(idempotency(&headers), |account, now| account.create(&fields, now)).await
}

async fn list(State(provider): State<Provider>, headers: HeaderMap, Query(query): Query<Fields>) -> Answer {
    if !is_secret(&headers) {
        return denied();
    }
    let (since, after, limit) = part(&query);
    provider.account().list(since, after, limit)
}

/// Which part of a list is asked for: made since when, after which object, and how many.
fn part(query: &Fields) -> (i64, Option<&str>, usize) {
    let number = |name: &str| query.get(name).and_then(|value| value.parse::<i64>().ok());
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(10).clamp(1, 100);
    (number("created[gte]").unwrap_or(0), query.get("starting_after").map(String::as_str), limit)
}

async fn read(State(provider): State<Provider>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    if is_secret(&headers) { provider.account().intent(&id) } else { denied() }
}

async fn confirm(State(provider): State<Provider>, headers: HeaderMap, Path(id): Path<String>, body: Bytes) -> Answer {
    let fields = fields(&body);
    if !may_touch(&provider, &headers, &id, &fields) {
        return denied();
    }
    provider.once(idempotency(&headers), |account, _| account.confirm(&id, &fields)).await
}

async fn authenticate(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let fields = fields(&body);
    if !may_touch(&provider, &headers, &id, &fields) {
        return denied();
    }
    let success = fields.get("success").is_none_or(|success| success == "true");
    provider.act(|account, _| account.authenticate(&id, success))
}

async fn cancel(State(provider): State<Provider>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    if !is_secret(&headers) {
        return denied();
    }
    provider.once(idempotency(&headers), |account, _| account.cancel(&id)).await
}

async fn refund(State(provider): State<Provider>, headers: HeaderMap, Form(fields): Form<Fields>) -> Answer {
    if !is_secret(&headers) {
        return denied();
    }
    provider.once(idempotency(&headers), |account, now| account.refund(&fields, now)).await
}

async fn refunds(State(provider): State<Provider>, headers: HeaderMap, Query(query): Query<Fields>) -> Answer {
    if !is_secret(&headers) {
        return denied();
    }
    let (since, after, limit) = part(&query);
    provider.account().list_refunds(query.get("payment_intent").map(String::as_str), since, after, limit)
}

/// The fields of a form, which may be empty.
fn fields(body: &Bytes) -> Fields {
    reqwest::Url::parse(&format!("http://form/?{}", String::from_utf8_lossy(body)))
        .map(|url| url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
        .unwrap_or_default()
}
