//! Messages of the payment provider.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_stripe::webhook::{self, Rejected};

use crate::error::{ApiResult, Refusal};
use crate::provider::SESSION;
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(receive))
}

/// A signed message of the provider. It is only a reason to look: what has happened is asked of the provider, so messages
/// may come twice, late, in any order, or before our own answer.
#[utoipa::path(
    post,
    path = "/v1/parking/webhooks/stripe",
    tag = "Service",
    request_body(content = String, content_type = "application/json"),
    responses((status = 204, description = "Taken, or none of ours"), Refusal)
)]
async fn receive(State(app): State<App>, headers: HeaderMap, body: Bytes) -> ApiResult<StatusCode> {
    let signature = headers.get(webhook::HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let verified = webhook::verify(&app.settings().webhook_secret, signature, &body, app.now());
    let notice = verified.map_err(|rejected| match rejected {
        Rejected::NotAnEvent(_) => Problem::bad_request("The message is not an event."),
        _ => Problem::new(StatusCode::BAD_REQUEST, "signature", "The signature is not valid").cause(rejected),
    })?;
    let Some(session) = notice.metadata.get(SESSION).and_then(|id| id.parse().ok()) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    // A message for another deployment on the same account is none of ours.
    if let Some(record) = app.store().session(session).await? {
        app.told(record, notice.is_about_a_refund()).await?;
    } else if let Some(top_up) = app.store().top_up(session).await? {
        app.told_of_top_up(top_up, notice.is_about_a_refund()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
