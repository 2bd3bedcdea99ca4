//! The routes, by topic, and the document that describes them.

mod actions;
mod availability;
mod bookings;
mod calendars;
mod catalog;
mod import;
mod input;
mod members;
pub mod past;
mod people;
mod quotes;
mod reports;
mod resources;
mod series;
mod suggestions;
mod writes;

use std::sync::LazyLock;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use parvis_kit::http::Asset;
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use utoipa::OpenApi;

use crate::state::App;

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parvis bookings API",
        version = "1.0.0",
        description = "Shared places and equipment: what there is, what is free, and booking it. Reading resources and availability \
                       is public; booking needs a login. Writes carry an `Idempotency-Key`: the same key and body give the same \
                       answer again. Times are RFC 3339 in UTC, amounts are cents; errors are problem+json (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "Resources", description = "Sites, policies, pools, resources. Changing them needs the role admin or manager."),
        (name = "Availability", description = "What is free, and what is nearest to a wish."),
        (name = "Bookings", description = "Quotes, bookings and their life, series."),
        (name = "Personal", description = "Preferences, favourites, recommendations, calendars."),
        (name = "Overview", description = "For managers.")
    )
)]
struct Document;

fn described() -> Routes<App> {
    Routes::new()
        .merge(catalog::router())
        .merge(resources::router())
        .merge(import::router())
        .merge(availability::router())
        .merge(suggestions::router())
        .merge(quotes::router())
        .merge(bookings::router())
        .merge(actions::router())
        .merge(series::router())
        .merge(people::router())
        .merge(members::router())
        .merge(calendars::router())
        .merge(reports::router())
        .merge(past::router())
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
    path = "/openapi/bookings.json",
    tag = "Overview",
    responses((status = 200, description = "The API in the form of OpenAPI 3.1", content_type = "application/json"))
)]
async fn openapi(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Asset> = LazyLock::new(|| Asset::new("application/json", document()));
    DOCUMENT.respond(&headers)
}
