//! What happens to bookings, from the stream of events.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use parvis_events::CloudEvent;
use parvis_events::booking::BookingChanged;
use parvis_kit::{batch, event_store, metrics::Metrics, telemetry::chain};

use crate::FUNCTION;
use crate::flow::booking_facts;
use crate::state::App;
use crate::store::StoreError;

/// Takes in the events of a batch, in their order. When the table is away, the batch comes again from the first that is not taken. One
/// that cannot be read is logged and counted, and does not hold up the shard.
pub async fn handle(app: &App, records: &[EventRecord]) -> DynamoDbEventResponse {
    let mut metrics = Metrics::new(FUNCTION);
    for record in records {
        match take(app, record).await {
            Ok(taken) => {
                metrics.count("BookingsFollowed", u64::from(taken), &[]);
            }
            Err(Failed::Table(error @ (StoreError::Unavailable(_) | StoreError::Conflict))) => {
                tracing::warn!(error = %chain(&error), event = record.event_id, "rights of bookings are delayed");
                return batch::stream_response(Some(record));
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), event = record.event_id, "a booking cannot be followed");
                metrics.count("UnreadableEvents", 1, &[]);
            }
        }
    }
    batch::stream_response(None)
}

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("not an event about a booking")]
    Event(#[from] event_store::EventStoreError),
    #[error("the booking has no id of ours")]
    Id,
    #[error(transparent)]
    Table(#[from] StoreError),
}

async fn take(app: &App, record: &EventRecord) -> Result<bool, Failed> {
    let event: CloudEvent<BookingChanged> = event_store::from_image(record.change.new_image.clone())?;
    let (id, facts) = booking_facts(&event).ok_or(Failed::Id)?;
    Ok(app.booking_told(id, &facts, event.time).await?)
}
