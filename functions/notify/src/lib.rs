//! Turns events into notifications: alerts over SNS, invitations to the guests of bookings by e-mail.
//!
//! The function reads the stream of the events table and publishes each alert once to the alerts topic, whose
//! subscribers get the text of their channel. An event is claimed before and marked done after it is published
//! ([`parvis_kit::idempotency`]): a crash in between sends it again rather than not at all.

mod invitations;
mod mailer;
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
use parvis_events::alert::{self, Alert};
use parvis_events::booking::BookingChanged;
use parvis_kit::idempotency::{Claim, Idempotency, IdempotencyError};
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_kit::{aws, batch, env, event_store, lambda, telemetry};
use serde_json::json;

pub use invitations::{Mail, Word, mails};
pub use mailer::{MailError, Mailer};
pub use texts::{Language, Letter, Message, TextError, Texts, UnknownLanguage};

/// Streams keep records for a day; what was published is remembered longer.
const REMEMBER: Duration = Duration::from_secs(3 * 86_400);

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let aws = aws::config().await?;
    let mailer = env::optional("INVITATIONS_FROM").map(|from| Mailer::new(aws_sdk_sesv2::Client::new(&aws), from));
    let notifier = Arc::new(Notifier {
        sns: aws_sdk_sns::Client::new(&aws),
        mailer,
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

/// Publishes alerts to the alerts topic, and writes to guests.
#[derive(Debug)]
pub struct Notifier {
    sns: aws_sdk_sns::Client,
    /// None where no sender's address is set: guests are then told by those who invite them.
    mailer: Option<Mailer>,
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
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error("another invocation is publishing this event")]
    Busy,
}

enum Outcome {
    /// So many were sent.
    Published(u64),
    Duplicate,
    Unreadable,
}

impl Notifier {
    async fn handle(&self, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Failure> {
        let lease_until = DateTime::<Utc>::from(event.context.deadline());
        let mut metrics = Metrics::new("notify");
        for record in &event.payload.records {
            match self.notify(record, lease_until).await {
                Ok(Outcome::Published(count)) => metrics.count("NotificationsPublished", count, &[]),
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
        if kind(record).is_some_and(|kind| !kind.starts_with(alert::PREFIX)) {
            return self.invite(record, lease_until).await;
        }
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
        Ok(Outcome::Published(1))
    }

    /// Writes to the guests of a booking, to each once.
    async fn invite(&self, record: &EventRecord, lease_until: DateTime<Utc>) -> Result<Outcome, NotifyError> {
        let Some(mailer) = &self.mailer else { return Ok(Outcome::Published(0)) };
        let event: CloudEvent<BookingChanged> = match event_store::from_image(record.change.new_image.clone()) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(error = %chain(&error), event = record.event_id, "not an event of a booking");
                return Ok(Outcome::Unreadable);
            }
        };
        let mails = match invitations::mails(&event, mailer.from(), &self.texts, self.language) {
            Ok(mails) => mails,
            Err(error) => {
                tracing::error!(error = %chain(&error), event = event.id.as_str(), "text failed");
                return Ok(Outcome::Unreadable);
            }
        };
        let mut sent = 0;
        for (number, mail) in mails.iter().enumerate() {
            let key = format!("{}|{number}", event.id);
            match self.published.claim(&key, Utc::now(), lease_until).await? {
                Claim::Done => continue,
                Claim::Busy => return Err(NotifyError::Busy),
                Claim::Granted => {}
            }
            match mailer.send(mail).await {
                Ok(()) => sent += 1,
                // One bad address must not keep the others from their mail.
                Err(error) if error.is_for_good() => {
                    tracing::error!(error = %chain(&error), event = event.id.as_str(), number, "an invitation is refused");
                }
                Err(error) => {
                    self.published.release(&key).await?;
                    return Err(error.into());
                }
            }
            self.published.complete(&key).await?;
        }
        Ok(if sent == 0 && !mails.is_empty() { Outcome::Duplicate } else { Outcome::Published(sent) })
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

/// The type of the event of a record.
fn kind(record: &EventRecord) -> Option<&str> {
    match record.change.new_image.get("type") {
        Some(serde_dynamo::AttributeValue::S(kind)) => Some(kind),
        _ => None,
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
