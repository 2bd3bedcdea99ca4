//! The OpenAPI document and the page that draws it.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use parvis_kit::problem::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiResult;
use crate::state::App;

/// The page takes everything from its own origin, so nothing else is allowed to run or to be asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .route("/docs", axum::routing::get(page))
        .route("/docs/{file}", axum::routing::get(asset))
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "Service",
    responses((status = 200, description = "The API in the form of OpenAPI 3.1", content_type = "application/json"))
)]
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], super::document())
}

async fn page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    ];
    (headers, include_str!("../../docs-page/index.html"))
}

async fn asset(axum::extract::Path(file): axum::extract::Path<String>) -> ApiResult<impl IntoResponse> {
    let (media_type, text) = match file.as_str() {
        "docs.js" => ("text/javascript; charset=utf-8", include_str!("../../docs-page/docs.js")),
        "docs.css" => ("text/css; charset=utf-8", include_str!("../../docs-page/docs.css")),
        _ => return Err(Problem::not_found("page").into()),
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], text))
}
