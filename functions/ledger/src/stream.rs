//! Movements from the stream of payments.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use chrono::Utc;
use parvis_kit::{batch, metrics::Metrics, telemetry::chain};
use parvis_ledger_rules::{ParkingMovement, Posted};
use serde::Deserialize;

use crate::FUNCTION;
use crate::state::App;

/// What of an item the books need; the template's filter lets only movements through.
#[derive(Deserialize)]
struct Stored {
    data: String,
}

/// Takes the movements of a batch, in their order, each in its own transaction.
///
/// When the database is away, the batch comes again from the first movement that is not taken. A movement that cannot be read or
/// that has no entry is logged and counted and does not hold up the shard: no retry would help, and it stays in the table.
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
        match app.post(&movement).await {
            Ok(Posted::New) => metrics.count("MovementsPosted", 1, &[]),
            Ok(Posted::Known) => metrics.count("MovementsKnown", 1, &[]),
            Err(error) if error.is_transient() => {
                tracing::error!(error = %chain(&error), movement = %movement.id, "the books are delayed");
                metrics.count("BatchesFailed", 1, &[]);
                return batch::stream_response(Some(record));
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), movement = %movement.id, "a movement has no place in the books");
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

fn read(record: &EventRecord) -> Result<ParkingMovement, parvis_kit::lambda::BoxError> {
    let stored: Stored = serde_dynamo::from_item(record.change.new_image.clone())?;
    Ok(serde_json::from_str(&stored.data)?)
}
