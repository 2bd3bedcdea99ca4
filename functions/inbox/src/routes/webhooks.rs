//! Other systems that are told of events.

use axum::extract::State;
use axum::http::StatusCode;
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_notices::public_web::read;
use parvis_notices::watch::Filter;
use parvis_notices::webhook::{Webhook, secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiResult, Refusal, invalid};
use crate::state::App;
use crate::views::{AttemptView, FilterInput, WebhookView};

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(list_webhooks, make_webhook))
        .routes(routes!(change_webhook, end_webhook))
        .routes(routes!(list_attempts))
}

const MANAGERS: [Role; 2] = [Role::Admin, Role::Manager];
const MOST_WEBHOOKS: usize = 50;
const NAME_CHARS: usize = 100;
const ATTEMPTS: i32 = 100;

/// Webhooks.
#[derive(Debug, Serialize, ToSchema)]
struct Webhooks {
    /// Oldest first.
    webhooks: Vec<WebhookView>,
}

/// Which systems are told
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    tag = "Webhooks",
    security(("login" = [])),
    responses((status = 200, description = "All webhooks, without their secrets", body = Webhooks), Refusal)
)]
async fn list_webhooks(State(app): State<App>, caller: Caller) -> ApiResult<Json<Webhooks>> {
    caller.require(&MANAGERS)?;
    Ok(Json(Webhooks { webhooks: app.store().webhooks().await?.iter().map(Into::into).collect() }))
}

/// A new webhook.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookInput {
    /// What it is, for people.
    #[schema(example = "City's traffic signs")]
    name: String,
    /// Where it listens: https, on the public internet.
    #[schema(example = "https://signs.example.org/parvis")]
    url: String,
    /// Which events it is told.
    filter: FilterInput,
}

/// Tell another system of events
///
/// Each event is posted as CloudEvents JSON with the headers of Standard Webhooks: `webhook-id` (the event's id, the same at each attempt),
/// `webhook-timestamp` and `webhook-signature`. Of the data goes out what the schema of its type allows, nothing about people. The secret is
/// told in this answer only. What is not answered with 2xx within ten seconds is tried again with growing pauses; 410, or a day without an
/// event that was taken, turns the webhook off.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    tag = "Webhooks",
    security(("login" = [])),
    request_body = WebhookInput,
    responses((status = 201, description = "With its secret", body = WebhookView), Refusal)
)]
async fn make_webhook(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<WebhookInput>,
) -> ApiResult<(StatusCode, Json<WebhookView>)> {
    caller.require(&MANAGERS)?;
    let name = input.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS {
        return Err(invalid("/name", format!("must have 1 to {NAME_CHARS} characters")));
    }
    let url = read(&input.url, app.private_hosts())?;
    if app.store().webhooks().await?.len() >= MOST_WEBHOOKS {
        return Err(Problem::conflict(format!("At most {MOST_WEBHOOKS} webhooks; end one first.")).into());
    }
    let FilterInput { types, subjects } = input.filter;
    let filter = checked(&app, Filter { types, subjects, ..Filter::default() })?;
    let mut webhook = Webhook {
        id: app.id(),
        name: name.to_owned(),
        url: url.into(),
        secret: secret(app.random()),
        filter,
        active: true,
        failing_since: None,
        turned_off: None,
        owner: caller.subject,
        created_at: app.now(),
        version: 0,
    };
    app.store().save_webhook(&mut webhook).await?;
    let view = WebhookView { secret: Some(webhook.secret.clone()), ..(&webhook).into() };
    Ok((StatusCode::CREATED, Json(view)))
}

/// A filter whose types are such as go out of the house.
fn checked(app: &App, filter: Filter) -> ApiResult<Filter> {
    let goes_out = |wanted: &String| {
        let one = Filter { types: vec![wanted.clone()], ..Filter::default() };
        app.writer().catalog.kinds().any(|(name, kind)| kind.rule.webhook.is_some() && one.takes_type(name))
    };
    match filter.types.iter().find(|wanted| !goes_out(wanted)) {
        Some(unknown) => {
            Err(invalid("/filter/types", format!("no type of event that webhooks are told is named {unknown}")))
        }
        None if filter.types.is_empty() => Err(invalid("/filter/types", "name at least one type of event")),
        None => Ok(filter),
    }
}

async fn webhook(app: &App, id: &str) -> ApiResult<Webhook> {
    Ok(app.store().webhook(id).await?.ok_or_else(|| Problem::not_found("webhook"))?)
}

/// A change of a webhook.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookChange {
    /// Whether it is told at all.
    active: bool,
}

/// Turn a webhook on or off
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{id}",
    tag = "Webhooks",
    security(("login" = [])),
    params(("id" = String, Path, description = "The webhook")),
    request_body = WebhookChange,
    responses((status = 200, description = "As it is now", body = WebhookView), Refusal)
)]
async fn change_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(change): Json<WebhookChange>,
) -> ApiResult<Json<WebhookView>> {
    caller.require(&MANAGERS)?;
    let mut webhook = webhook(&app, &id).await?;
    webhook.turn(change.active);
    app.store().save_webhook(&mut webhook).await?;
    Ok(Json((&webhook).into()))
}

/// End a webhook
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    tag = "Webhooks",
    security(("login" = [])),
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 204, description = "It is told no more"), Refusal)
)]
async fn end_webhook(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> ApiResult<StatusCode> {
    caller.require(&MANAGERS)?;
    webhook(&app, &id).await?;
    app.store().drop_webhook(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The attempts to tell a webhook.
#[derive(Debug, Serialize, ToSchema)]
struct Attempts {
    /// Newest first, at most 100, for 30 days.
    attempts: Vec<AttemptView>,
}

/// What came of telling a webhook
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/attempts",
    tag = "Webhooks",
    security(("login" = [])),
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 200, description = "The newest attempts", body = Attempts), Refusal)
)]
async fn list_attempts(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> ApiResult<Json<Attempts>> {
    caller.require(&MANAGERS)?;
    webhook(&app, &id).await?;
    let attempts = app.store().attempts(&id, ATTEMPTS, app.now()).await?;
    Ok(Json(Attempts { attempts: attempts.into_iter().map(Into::into).collect() }))
}
