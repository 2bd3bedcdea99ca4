//! Writes transitions and counter readings from the stream of the live state into PostgreSQL.
//!
//! Every image of a block carries what its write changed in history, so history is a pure function of the stream: a dead
//! database delays it and loses nothing. Images may come again, and, when a shard changes hands, at the same time; see
//! [`edits`] for why that changes nothing.

pub mod edits;
mod pieces;
pub mod store;
mod stream;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_lambda_events::dynamodb::Event;
use lambda_runtime::LambdaEvent;
use parvis_kit::{aws, lambda, postgres::Database, telemetry};

use tokio::time::Instant;

pub use store::HistoryStore;
pub use stream::handle;

/// The function's name in metrics and at the database.
pub const FUNCTION: &str = "history";

/// What remains of the function's timeout when an invocation stops, to answer what is left.
const MARGIN: Duration = Duration::from_secs(4);

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
        let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let deadline = Instant::now() + left.saturating_sub(MARGIN);
        async move { Ok(handle(&store, &event.payload.records, deadline).await) }
    })
    .await
}
