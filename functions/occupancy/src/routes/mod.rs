//! The routes, by topic, and the document that describes them.

mod alerts;
mod docs;
pub mod events;
mod export;
mod findings;
pub mod history;
mod places;
pub mod statistics;
mod turnover;

use std::sync::LazyLock;

use axum::Router;
use parvis_kit::problem::Problem;
use parvis_kit::routes::Routes;
use utoipa::OpenApi;

use crate::state::App;
use crate::{admin, field, open_data};

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parvis occupancy API",
        version = "1.0.0",
        description = "Where there is room to park: current state, history, statistics, exports and open data, and the \
                       administration of places. Reading is public. Times are RFC 3339 in UTC; rates are percent; \
                       errors are problem+json (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "Current state", description = "What is free now."),
        (name = "History", description = "What was, event by event and step by step."),
        (name = "Statistics", description = "What is usual."),
        (
            name = "Administration",
            description = "Creating, changing and closing places, zones and spaces. Needs the role admin or manager."
        ),
        (name = "Open data", description = "Feeds in the shapes of APDS and CDS."),
        (
            name = "Field project",
            description = "The routes and shapes of the smart-parking field project, for the default place."
        ),
        (name = "Service", description = "About this API.")
    )
)]
struct Document;

fn described() -> Routes<App> {
    Routes::new()
        .merge(places::router())
        .merge(alerts::router())
        .merge(findings::router())
        .merge(events::router())
        .merge(history::router())
        .merge(export::router())
        .merge(statistics::router())
        .merge(turnover::router())
        .merge(admin::router())
        .merge(open_data::router())
        .merge(field::router())
        .merge(docs::router())
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
