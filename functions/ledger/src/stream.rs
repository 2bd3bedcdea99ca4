//! Movements from the stream of payments.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use chrono::{TimeDelta, Utc};
use parvis_kit::{batch, metrics::Metrics, telemetry::chain};
use parvis_ledger_rules::{KeptMovement, Posted};

use crate::FUNCTION;
use crate::movements::Stored;
use crate::post::PostError;
use crate::state::App;

/// How long a refund waits for its sale, which comes before it in the same partition: later, it was refused or lost.
const SALE_COMES_WITHIN: TimeDelta = TimeDelta::minutes(5);

/// Takes the movements of a batch, in their order, each in its own transaction.
///
/// When the database is away, the batch comes again from the first movement that is not taken. A movement that cannot be read,
/// that has no entry, or whose sale does not come is logged and counted and does not hold up the shard: it stays in the table,
/// and [`crate::complete`] tries it again every day.
pub async fn handle(app: &App, records: &[EventRecord]) -> DynamoDbEventResponse {
    let mut metrics = Metrics::new(FUNCTION);
    for record in records {
        if record.change.new_image.is_empty() {
            continue;
        }
        let movement = match read(record) {
            Ok(movement) => movement,
            Err(error) => {
                tracing::error!(%error, event_id = record.event_id, "a movement cannot be read");
                metrics.count("MovementsRefused", 1, &[]);
                continue;
            }
        };
        match app.post_kept(&movement).await {
            Ok(Posted::New) => metrics.count("MovementsPosted", 1, &[]),
            Ok(Posted::Known) => metrics.count("MovementsKnown", 1, &[]),
            Err(error) if waits(app, &error, record) => {
                tracing::error!(error = %chain(&error), movement = %movement.id(), "the books are delayed");
                metrics.count("BatchesFailed", 1, &[]);
                return batch::stream_response(Some(record));
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), movement = %movement.id(), "a movement has no place in the books");
                metrics.count("MovementsRefused", 1, &[])
            }
        };
    }
    if let Some(oldest) = records.first() {
        let lag = Utc::now() - oldest.change.approximate_creation_date_time;
        metrics.milliseconds("LedgerLag", lag.num_milliseconds().max(0) as f64, &[]);
    }
    batch::stream_response(None)
}

fn waits(app: &App, error: &PostError, record: &EventRecord) -> bool {
    let age = app.now() - record.change.approximate_creation_date_time;
    error.is_transient() || (matches!(error, PostError::SaleMissing) && age < SALE_COMES_WITHIN)
}

fn read(record: &EventRecord) -> Result<KeptMovement, parvis_kit::lambda::BoxError> {
    let stored: Stored = serde_dynamo::from_item(record.change.new_image.clone())?;
    Ok(serde_json::from_str(&stored.data)?)
}
