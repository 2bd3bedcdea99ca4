//! Turns events into notifications over SNS.
//!
//! The function reads the stream of the events table and publishes each alert once to the alerts topic, whose
//! subscribers get the text of their channel. An event is claimed before and marked done after it is published
//! ([`parvis_kit::idempotency`]): a crash in between sends it again rather than not at all.

mod texts;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::DynamoDbEventResponse;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;
use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;
use parvis_events::CloudEvent;
use parvis_events::alert::Alert;
use parvis_kit::idempotency::{Claim, Idempotency, IdempotencyError};
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_kit::{aws, batch, env, event_store, lambda, telemetry};
use serde_json::json;

pub use texts::{Language, Message, TextError, Texts, UnknownLanguage};

/// Streams keep records for a day; what was published is remembered longer.
const REMEMBER: Duration = Duration::from_secs(3 * 86_400);

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let aws = aws::config().await?;
    let notifier = Arc::new(Notifier {
        sns: aws_sdk_sns::Client::new(&aws),
        published: Idempotency::new(aws_sdk_dynamodb::Client::new(&aws), env::required("NOTIFY_TABLE")?, REMEMBER),
        topic: env::required("ALERTS_TOPIC_ARN")?,
        language: env::parsed("NOTIFY_LANGUAGE", Language::French)?,
        texts: Texts::load()?,
    });
    lambda::run(move |event: LambdaEvent<Event>| {
        let notifier = Arc::clone(&notifier);
        async move { notifier.handle(event).await }
    })
    .await
}

/// Publishes alerts to the alerts topic.
#[derive(Debug)]
pub struct Notifier {
    sns: aws_sdk_sns::Client,
    published: Idempotency,
    topic: String,
    language: Language,
    texts: Texts,
}

/// Why a notification could not be sent now; it is tried again.
#[derive(Debug, thiserror::Error)]
enum NotifyError {
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("SNS did not take the message")]
    Publish(#[source] Box<SdkError<PublishError>>),
    #[error("another invocation is publishing this event")]
    Busy,
}

enum Outcome {
    Published,
    Duplicate,
    Unreadable,
}

impl Notifier {
    async fn handle(&self, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Failure> {
        let lease_until = DateTime::<Utc>::from(event.context.deadline());
        let mut metrics = Metrics::new("notify");
        for record in &event.payload.records {
            match self.notify(record, lease_until).await {
                Ok(Outcome::Published) => metrics.count("NotificationsPublished", 1, &[]),
                Ok(Outcome::Duplicate) => metrics.count("DuplicateEvents", 1, &[]),
                Ok(Outcome::Unreadable) => metrics.count("UnreadableEvents", 1, &[]),
                Err(error) => {
                    tracing::warn!(error = %chain(&error), event = record.event_id, "will be retried");
                    metrics.count("PublishFailures", 1, &[]);
                    return Ok(batch::stream_response(Some(record)));
                }
            };
        }
        Ok(batch::stream_response(None))
    }

    async fn notify(&self, record: &EventRecord, lease_until: DateTime<Utc>) -> Result<Outcome, NotifyError> {
        let Some((event, message)) = self.read(record) else { return Ok(Outcome::Unreadable) };
        let key = event.id.as_str();
        match self.published.claim(key, Utc::now(), lease_until).await? {
            Claim::Done => return Ok(Outcome::Duplicate),
            Claim::Busy => return Err(NotifyError::Busy),
            Claim::Granted => {}
        }
        if let Err(error) = self.publish(&event, &message).await {
            self.published.release(key).await?;
            return Err(NotifyError::Publish(Box::new(error)));
        }
        self.published.complete(key).await?;
        Ok(Outcome::Published)
    }

    /// An event that cannot be read would block its shard for ever; it is logged, counted and left in the events table.
    fn read(&self, record: &EventRecord) -> Option<(CloudEvent<Alert>, Message)> {
        let event: CloudEvent<Alert> = match event_store::from_image(record.change.new_image.clone()) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(error = %chain(&error), event = record.event_id, "not an alert");
                return None;
            }
        };
        match self.texts.alert(&event.kind, &event.data, self.language) {
            Ok(Some(message)) => Some((event, message)),
            Ok(None) => {
                tracing::error!(kind = event.kind, event = event.id.as_str(), "no text for this type of event");
                None
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), event = event.id.as_str(), "text failed");
                None
            }
        }
    }

    async fn publish(&self, event: &CloudEvent<Alert>, message: &Message) -> Result<(), SdkError<PublishError>> {
        let per_channel = json!({ "default": message.email, "email": message.email, "sms": message.sms });
        let mut publish = self
            .sns
            .publish()
            .topic_arn(&self.topic)
            .subject(&message.subject)
            .message_structure("json")
            .message(per_channel.to_string());
        for (name, value) in attributes(event, self.language) {
            // Building fails only without a data type.
            if let Ok(value) = MessageAttributeValue::builder().data_type("String").string_value(value).build() {
                publish = publish.message_attributes(name, value);
            }
        }
        publish.send().await.map(drop)
    }
}

/// What subscribers may filter on.
fn attributes(event: &CloudEvent<Alert>, language: Language) -> Vec<(&'static str, String)> {
    let alert = &event.data;
    let mut attributes = vec![
        ("type", event.kind.clone()),
        ("place", alert.place.clone()),
        ("level", alert.level.as_str().to_owned()),
        ("language", language.code().to_owned()),
    ];
    attributes.extend(alert.zone.clone().map(|zone| ("zone", zone)));
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_event_is_read_and_its_attributes_allow_filters() {
        let sample: Event = serde_json::from_str(include_str!("../../../events/notify/alert-raised.json")).unwrap();
        let event: CloudEvent<Alert> = event_store::from_image(sample.records[0].change.new_image.clone()).unwrap();
        let attributes = attributes(&event, Language::French);
        let names: Vec<_> = attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            names,
            ["type=parvis.parking.alert.raised", "place=default", "level=saturated", "language=fr", "zone=Zone_A"]
        );
    }
}
