//! Writes transitions and counter readings from the stream of the live state into PostgreSQL.
//!
//! Every image of a block carries what its write changed in history, so history is a pure function of the stream: a dead
//! database delays it and loses nothing. Images may come again, and, when a shard changes hands, at the same time; see
//! [`edits`] for why that changes nothing.

pub mod edits;
pub mod store;
mod stream;

use std::sync::Arc;

use aws_lambda_events::dynamodb::Event;
use lambda_runtime::LambdaEvent;
use parvis_kit::{aws, lambda, postgres::Database, telemetry};

pub use store::HistoryStore;
pub use stream::handle;

/// The function's name in metrics and at the database.
pub const FUNCTION: &str = "history";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let database = Database::from_env(&aws::config().await?, FUNCTION)?;
    database.warm().await;
    let store = Arc::new(HistoryStore::new(database));
    lambda::run(move |event: LambdaEvent<Event>| {
        let store = Arc::clone(&store);
        async move { Ok(handle(&store, &event.payload.records).await) }
    })
    .await
}
