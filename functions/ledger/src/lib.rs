//! The books of parking: double entry, receipts and credit notes, exports, revenue.
//!
//! | module | for |
//! |---|---|
//! | [`stream`] | movements of money from the stream of payments |
//! | [`complete`] | the movements that the stream did not bring, or that were refused then |
//! | [`invoices`] | monthly invoices to operators, and what was paid of them |
//! | [`movements`] | the movements as payments keep them |
//! | [`post`] | a movement into the books, once, with its entry and its document |
//! | [`draft`] | a movement as a receipt or credit note |
//! | [`read`] | what is asked of the books |
//! | [`routes`] | the API and its document |
//!
//! The rules are in `parvis-ledger-rules`, the documents' form in `parvis-documents`.

pub mod complete;
pub mod config;
pub mod draft;
pub mod error;
pub mod invoices;
pub mod movements;
pub mod post;
pub mod read;
pub mod routes;
pub mod state;
pub mod stream;
pub mod tasks;
pub mod zones;

use lambda_runtime::LambdaEvent;

/// The function's name in metrics and at the database.
pub const FUNCTION: &str = "ledger";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let app = config::app_from_env().await?;
    app.database().warm().await;
    let (books, tasks) = (app.clone(), app.clone());
    parvis_kit::http::run_http_stream_and_tasks(
        routes::router(app),
        move |event: LambdaEvent<aws_lambda_events::dynamodb::Event>| {
            let books = books.clone();
            async move { Ok(stream::handle(&books, &event.payload.records).await) }
        },
        move |task| {
            let app = tasks.clone();
            async move { tasks::run(&app, task).await }
        },
    )
    .await
}
