//! The handler of the live state's stream.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use chrono::Utc;
use parvis_kit::{batch, metrics::Metrics, telemetry::chain};
use parvis_live::VersionedBlock;

use crate::{FUNCTION, HistoryStore, edits::Edits};

/// Writes the changes of a batch of images in one transaction.
///
/// A failure of the database fails the batch from its first record on, so the stream delivers all of it again, for as long as
/// it takes. An image that cannot be read is logged and counted and does not hold up the shard: no retry would ever
/// read it.
pub async fn handle(store: &HistoryStore, records: &[EventRecord]) -> DynamoDbEventResponse {
    let mut metrics = Metrics::new(FUNCTION);
    let edits = edits(records, &mut metrics);
    if edits.is_empty() {
        return batch::stream_response(None);
    }
    match store.apply(&edits).await {
        Ok(applied) => {
            metrics
                .count("TransitionsRecorded", applied.recorded, &[])
                .count("TransitionsRetracted", applied.retracted, &[])
                .count("ReadingsRecorded", applied.readings, &[]);
            if let Some(oldest) = records.first() {
                let lag = Utc::now() - oldest.change.approximate_creation_date_time;
                metrics.milliseconds("HistoryLag", lag.num_milliseconds().max(0) as f64, &[]);
            }
            batch::stream_response(None)
        }
        Err(error) => {
            let transient = error.is_transient();
            tracing::error!(error = %chain(&error), transient, records = records.len(), "history is delayed");
            metrics.count("BatchesFailed", 1, &[]);
            batch::stream_response(records.first())
        }
    }
}

/// The edits that the new images of `records` carry. An item that was removed says nothing about the past.
fn edits(records: &[EventRecord], metrics: &mut Metrics) -> Edits {
    let mut edits = Edits::default();
    let mut unreadable = 0;
    for record in records.iter().filter(|record| !record.change.new_image.is_empty()) {
        match parvis_live::from_image(&record.change.new_image) {
            Ok(VersionedBlock { key, version, block }) => edits.add(&key, version, block.changes()),
            Err(error) => {
                unreadable += 1;
                tracing::error!(
                    error = %chain(&error),
                    event_id = record.event_id,
                    "an image of the live state cannot be read"
                );
            }
        }
    }
    metrics.count("ImagesUnreadable", unreadable, &[]);
    edits
}
