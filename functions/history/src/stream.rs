//! The handler of the live state's stream.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use chrono::Utc;
use parvis_kit::{batch, metrics::Metrics, telemetry::chain};
use parvis_live::VersionedBlock;
use tokio::time::Instant;

use crate::{FUNCTION, HistoryStore, pieces};

/// Writes the changes of a batch of images, in as many transactions as it takes.
///
/// When the database fails or the deadline comes, the stream delivers the batch again from the first image that is not written, for
/// as long as it takes. An image that cannot be read, or whose values the database refuses, is logged and counted and does not hold up
/// the shard: no retry would ever help.
pub async fn handle(store: &HistoryStore, records: &[EventRecord], deadline: Instant) -> DynamoDbEventResponse {
    let mut metrics = Metrics::new(FUNCTION);
    let (sources, images): (Vec<_>, Vec<_>) = images(records, &mut metrics).into_iter().unzip();
    let progress = pieces::apply(store, &images, deadline).await;
    metrics
        .count("TransitionsRecorded", progress.applied.recorded, &[])
        .count("TransitionsRetracted", progress.applied.retracted, &[])
        .count("ReadingsRecorded", progress.applied.readings, &[])
        .count("ImagesRejected", progress.rejected, &[]);
    let Some(stopped) = progress.stopped else {
        if let Some(oldest) = records.first() {
            let lag = Utc::now() - oldest.change.approximate_creation_date_time;
            metrics.milliseconds("HistoryLag", lag.num_milliseconds().max(0) as f64, &[]);
        }
        return batch::stream_response(None);
    };
    tracing::error!(error = %chain(&stopped), images = images.len(), done = progress.done, "history is delayed");
    metrics.count("BatchesFailed", 1, &[]);
    batch::stream_response(sources.get(progress.done).copied())
}

/// The new images of `records` that change history, each with its record. An item that was removed says nothing about the past.
fn images<'r>(records: &'r [EventRecord], metrics: &mut Metrics) -> Vec<(&'r EventRecord, VersionedBlock)> {
    let mut images = Vec::with_capacity(records.len());
    let mut unreadable = 0;
    for record in records.iter().filter(|record| !record.change.new_image.is_empty()) {
        match parvis_live::from_image(&record.change.new_image) {
            Ok(image) if image.block.changes().is_empty() => {}
            Ok(image) => images.push((record, image)),
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
    images
}
