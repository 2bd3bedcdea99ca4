//! The handler of the events' stream: publishes alerts.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use parvis_events::{CloudEvent, alert::Alert};
use parvis_kit::{batch, event_store, metrics::Metrics, telemetry::chain};

use crate::{
    FUNCTION,
    publish::{Message, Publish, PublishFailed},
};

/// Publishes the alerts of a batch in their order. The batch comes again from the first on that the broker does not take.
pub(crate) async fn handle<P: Publish>(publisher: &P, records: &[EventRecord]) -> DynamoDbEventResponse {
    let mut metrics = Metrics::new(FUNCTION);
    let (response, failed) = batch::in_order(records, |record| publish(publisher, record)).await;
    if let Some(error) = failed {
        tracing::error!(error = %chain(&error), "an alert is delayed");
        metrics.count("AlertsDelayed", 1, &[]);
    }
    response
}

async fn publish<P: Publish>(publisher: &P, record: &EventRecord) -> Result<(), PublishFailed> {
    match message(record) {
        Ok(Some(message)) => publisher.publish(message).await,
        Ok(None) => Ok(()),
        Err(error) => {
            // No retry would read it; the others must not wait for it.
            tracing::error!(error = %chain(error.as_ref()), event_id = record.event_id, "an alert cannot be read");
            Ok(())
        }
    }
}

/// The message of an alert; nothing when the record only says that the table has forgotten an event.
fn message(record: &EventRecord) -> Result<Option<Message>, Box<dyn std::error::Error + Send + Sync>> {
    if record.change.new_image.is_empty() {
        return Ok(None);
    }
    let event: CloudEvent<Alert> = event_store::from_image(record.change.new_image.clone())?;
    let Alert { place, zone, .. } = &event.data;
    let topic = match zone {
        Some(zone) => format!("alerts/{place}/{zone}"),
        None => format!("alerts/{place}"),
    };
    Ok(Some(Message::json(topic, false, &event)?))
}
