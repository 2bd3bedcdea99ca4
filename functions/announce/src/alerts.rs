//! The handler of the events' stream: publishes alerts, and what happens to bookings.

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use parvis_events::{CloudEvent, alert, alert::Alert};
use parvis_kit::{batch, event_store, metrics::Metrics, telemetry::chain};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    FUNCTION, bookings,
    publish::{Message, Publish, PublishFailed},
};

/// Publishes the events of a batch in their order. The batch comes again from the first on that the broker does not take.
pub(crate) async fn handle<P: Publish>(publisher: &P, records: &[EventRecord]) -> DynamoDbEventResponse {
    let mut metrics = Metrics::new(FUNCTION);
    let (response, failed) = batch::in_order(records, |record| publish(publisher, record)).await;
    if let Some(error) = failed {
        tracing::error!(error = %chain(&error), "an event is delayed");
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
            tracing::error!(error = %chain(error.as_ref()), event_id = record.event_id, "an event cannot be read");
            Ok(())
        }
    }
}

/// The message of an event; nothing when the record only says that the table has forgotten one.
fn message(record: &EventRecord) -> Result<Option<Message>, Box<dyn std::error::Error + Send + Sync>> {
    if record.change.new_image.is_empty() {
        return Ok(None);
    }
    let event: CloudEvent<Value> = event_store::from_image(record.change.new_image.clone())?;
    let message = if event.kind.starts_with(alert::PREFIX) {
        of_alert(&typed(event)?)
    } else {
        bookings::message(&typed(event)?)
    };
    Ok(Some(message?))
}

/// The event with its facts read as those of its type.
fn typed<D: DeserializeOwned>(event: CloudEvent<Value>) -> Result<CloudEvent<D>, serde_json::Error> {
    let CloudEvent { specversion, id, source, kind, subject, time, datacontenttype, data } = event;
    let data = serde_json::from_value(data)?;
    Ok(CloudEvent { specversion, id, source, kind, subject, time, datacontenttype, data })
}

fn of_alert(event: &CloudEvent<Alert>) -> Result<Message, serde_json::Error> {
    let Alert { place, zone, .. } = &event.data;
    let topic = match zone {
        Some(zone) => format!("alerts/{place}/{zone}"),
        None => format!("alerts/{place}"),
    };
    Message::json(topic, false, event)
}
