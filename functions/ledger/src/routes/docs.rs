//! The OpenAPI document.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use parvis_kit::http::Asset;
use parvis_kit::routes;
use parvis_kit::routes::Routes;

use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(openapi))
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi/ledger.json",
    tag = "Service",
    responses((status = 200, description = "The API in the form of OpenAPI 3.1", content_type = "application/json"))
)]
async fn openapi(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Asset> = LazyLock::new(|| Asset::new("application/json", super::document()));
    DOCUMENT.respond(&headers)
}
