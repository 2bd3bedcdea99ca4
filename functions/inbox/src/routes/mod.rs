//! The routes, by topic, and the document that describes them.

mod alerts;
mod data;
mod devices;
mod mine;
mod staff;
mod webhooks;

use std::sync::LazyLock;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use parvis_kit::http::Asset;
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use utoipa::OpenApi;

use crate::error::{ApiResult, invalid};
use crate::state::App;

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parvis notifications API",
        version = "1.0.0",
        description = "What one is told, how and where; subscriptions to alerts for everybody; webhooks after Standard Webhooks for other \
                       systems; the log of what was sent. Times are RFC 3339 in UTC; errors are problem+json (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "Mine", description = "One's own notifications, preferences and addresses. A login is needed."),
        (name = "Alerts", description = "Being told of a car park or zone. Visitors confirm their address with a code."),
        (name = "Webhooks", description = "Other systems; for managers."),
        (name = "Staff", description = "What was sent, and how it reads; for managers."),
        (name = "Service", description = "About this API.")
    )
)]
struct Document;

fn described() -> Routes<App> {
    Routes::new()
        .merge(mine::router())
        .merge(data::router())
        .merge(devices::router())
        .merge(alerts::router())
        .merge(webhooks::router())
        .merge(staff::router())
        .routes(routes!(openapi))
}

/// All routes.
pub fn router(app: App) -> Router {
    described().into_router().with_state(app)
}

/// The OpenAPI 3.1 document as JSON.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| parvis_kit::api::document(described().describe(Document::openapi()), &["login"]));
    &DOCUMENT
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi/notifications.json",
    tag = "Service",
    responses((status = 200, description = "The API in the form of OpenAPI 3.1", content_type = "application/json"))
)]
async fn openapi(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Asset> = LazyLock::new(|| Asset::new("application/json", document()));
    DOCUMENT.respond(&headers)
}

/// Items of a page unless asked otherwise, and at most.
const USUAL: u16 = 30;
const MOST: u16 = 100;

fn page_size(limit: Option<u16>) -> ApiResult<u16> {
    let limit = limit.unwrap_or(USUAL);
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(invalid("limit", format!("must be from 1 to {MOST}"))) }
}
