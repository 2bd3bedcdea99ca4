//! The routes, by topic, and the document that describes them.

mod books;
mod docs;
mod fec;
mod invoices;
mod receipts;

use std::sync::LazyLock;

use axum::Router;
use parvis_kit::problem::Problem;
use parvis_kit::routes::Routes;
use utoipa::OpenApi;

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
    Routes::new()
        .merge(receipts::router())
        .merge(books::router())
        .merge(fec::router())
        .merge(invoices::router())
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
