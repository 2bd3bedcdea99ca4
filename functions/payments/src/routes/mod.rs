//! The routes, by topic, and the document that describes them.

mod bookings;
mod docs;
mod exemptions;
mod operator;
mod permits;
mod personal;
mod quotes;
mod rights;
mod sessions;
mod tariffs;
mod wallet;
mod webhook;
mod zones;

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
        title = "Parvis parking payments API",
        version = "1.0.0",
        description = "Tariffs, quotes, parking sessions and rights. Amounts are integer cents; times are RFC 3339 in UTC; \
                       errors are problem+json (RFC 9457), refusals with the reasons of APDS.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "Tariffs", description = "What parking costs, and why."),
        (name = "Sessions", description = "Starting, extending and stopping. Needs a login."),
        (name = "Operators", description = "Other apps that sell parking here: client credentials with the scope `parvis/park`."),
        (name = "Rights", description = "Who may park where. Needs the role admin, manager or agent; of a booking, its owner may."),
        (name = "Wallets", description = "Wallets of others. Needs the role admin."),
        (name = "Personal", description = "A person's own data."),
        (name = "Service", description = "Messages of the payment provider; this document.")
    )
)]
struct Document;

fn described() -> Routes<App> {
    Routes::new()
        .merge(zones::router())
        .merge(quotes::router())
        .merge(sessions::router())
        .merge(operator::router())
        .merge(tariffs::router())
        .merge(rights::router())
        .merge(permits::router())
        .merge(exemptions::router())
        .merge(bookings::router())
        .merge(personal::router())
        .merge(wallet::router())
        .merge(webhook::router())
        .merge(docs::router())
}

/// All routes.
pub fn router(app: App) -> Router {
    described().into_router().with_state(app)
}

/// The OpenAPI 3.1 document as JSON.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| parvis_kit::api::document(described().describe(Document::openapi()), &["login", "operator"]));
    &DOCUMENT
}
