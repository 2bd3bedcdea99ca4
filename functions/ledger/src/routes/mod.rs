//! The routes, by topic, and the document that describes them.

mod books;
mod docs;
mod receipts;

use std::sync::LazyLock;

use axum::Router;
use parvis_kit::problem::Problem;
use parvis_kit::routes::Routes;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::state::App;

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parvis ledger API",
        version = "1.0.0",
        description = "Receipts and credit notes of parking, revenue, the journal and its exports. Amounts are integer cents, \
                       VAT included; errors are problem+json (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "Receipts", description = "A driver's documents. Needs a login."),
        (name = "Books", description = "Revenue, journal, exports. Needs the role admin or manager."),
        (name = "Service", description = "About this API.")
    )
)]
struct Document;

fn described() -> Routes<App> {
    Routes::new().merge(receipts::router()).merge(books::router()).merge(docs::router())
}

/// All routes.
pub fn router(app: App) -> Router {
    described().into_router().with_state(app)
}

/// The OpenAPI 3.1 document as JSON.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let mut api = described().describe(Document::openapi());
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        api.components.get_or_insert_default().add_security_scheme("login", SecurityScheme::Http(bearer));
        // The types are ours and serialise; an empty document would be caught by the snapshot test.
        api.to_json().unwrap_or_default()
    });
    &DOCUMENT
}
