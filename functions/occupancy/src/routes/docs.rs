//! The OpenAPI document and the page that draws it.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use parvis_kit::http::Asset;
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;

use crate::error::ApiResult;
use crate::state::App;

/// The page takes everything from its own origin, so nothing else is allowed to run or to be asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router() -> Routes<App> {
    Routes::new()
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
async fn openapi(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Asset> = LazyLock::new(|| Asset::new("application/json", super::document()));
    DOCUMENT.respond(&headers)
}

async fn page(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<Asset> =
        LazyLock::new(|| Asset::new("text/html; charset=utf-8", include_str!("../../docs-page/index.html")));
    let mut response = PAGE.respond(&headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn asset(axum::extract::Path(file): axum::extract::Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    static SCRIPT: LazyLock<Asset> =
        LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", include_str!("../../docs-page/docs.js")));
    static STYLE: LazyLock<Asset> =
        LazyLock::new(|| Asset::new("text/css; charset=utf-8", include_str!("../../docs-page/docs.css")));
    match file.as_str() {
        "docs.js" => Ok(SCRIPT.respond(&headers)),
        "docs.css" => Ok(STYLE.respond(&headers)),
        _ => Err(Problem::not_found("page").into()),
    }
}
