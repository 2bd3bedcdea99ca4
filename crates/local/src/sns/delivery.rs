//! Deliveries to functions and queues: at least once, in the background, retried with growing pauses.

use std::time::Duration;

use bytes::Bytes;
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{
    Functions, Service,
    outbox::{Attributes, Entry, Kind, Status},
};
use crate::{
    lambda::InvokeError,
    queues::{self, queue_name},
};

/// Attempts after a function's own error: Lambda retries an asynchronous invocation twice.
const FUNCTION_ATTEMPTS: u32 = 3;
/// Attempts when the subscriber cannot be reached; with the pauses below about an hour.
const ATTEMPTS: u32 = 65;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Stands where AWS signs: nobody verifies it here.
const UNSIGNED: &str = "the local stack does not sign";

impl<F: Functions> Service<F> {
    /// Delivers an entry in the background and notes how it ended.
    pub(super) fn deliver(&self, entry: Entry) {
        let service = self.clone();
        self.0.tasks.spawn(async move {
            let delivered = tokio::select! {
                outcome = service.attempts(&entry) => outcome,
                // Still pending in the file, so the next start goes on with it.
                () = service.0.stop.cancelled() => return,
            };
            let (status, error) = match delivered {
                Ok(()) => (Status::Delivered, None),
                Err(error) => {
                    tracing::error!(message = %entry.message_id, to = %entry.to, %error, "a delivery was given up");
                    (Status::Failed, Some(error))
                }
            };
            if let Err(error) = service.0.outbox.settle(entry.id, status, error).await {
                tracing::error!(message = %entry.message_id, %error, "the outbox cannot be written");
            }
        });
    }

    async fn attempts(&self, entry: &Entry) -> Result<(), String> {
        let (mut attempt, mut pause) = (1, FIRST_PAUSE);
        loop {
            let (error, most) = match self.attempt(entry).await {
                Ok(()) => return Ok(()),
                Err(Failure { error, own: true }) => (error, FUNCTION_ATTEMPTS),
                Err(Failure { error, own: false }) => (error, ATTEMPTS),
            };
            if attempt >= most {
                return Err(error);
            }
            tracing::warn!(message = %entry.message_id, to = %entry.to, attempt, %error, "a delivery will be tried again");
            tokio::time::sleep(pause).await;
            (attempt, pause) = (attempt + 1, (pause * 2).min(LONGEST_PAUSE));
        }
    }

    async fn attempt(&self, entry: &Entry) -> Result<(), Failure> {
        match entry.kind {
            Kind::Lambda => {
                let function = self
                    .0
                    .functions
                    .find(&entry.to)
                    .ok_or_else(|| Failure::unreachable(format!("there is no function {}", entry.to)))?;
                let answer = self.0.functions.invoke(&function, Bytes::from(lambda_event(entry).to_string())).await;
                answer.map(drop).map_err(|error| Failure {
                    own: matches!(error, InvokeError::Function { .. }),
                    error: error.to_string(),
                })
            }
            Kind::Sqs => {
                let raw = self.subscription_is_raw(entry);
                let (body, attributes) = if raw {
                    (entry.body.clone(), queue_attributes(&entry.attributes))
                } else {
                    (envelope(entry).to_string(), queues::Attributes::new())
                };
                let sent = self.0.queues.send(queue_name(&entry.to), body, attributes).await;
                sent.map(drop).map_err(|error| Failure::unreachable(error.to_string()))
            }
            // These arrive by standing in the outbox.
            Kind::Topic | Kind::Sms | Kind::Email | Kind::Push => Ok(()),
        }
    }

    fn subscription_is_raw(&self, entry: &Entry) -> bool {
        let topic = entry.topic.as_deref().unwrap_or_default();
        self.subscriptions(topic)
            .iter()
            .any(|subscription| Some(&subscription.arn) == entry.subscription.as_ref() && subscription.raw)
    }
}

/// Why an attempt failed, and whether it was the function's own word.
struct Failure {
    error: String,
    own: bool,
}

impl Failure {
    fn unreachable(error: String) -> Self {
        Self { error, own: false }
    }
}

/// The event that a subscribed function gets.
fn lambda_event(entry: &Entry) -> Value {
    let mut sns = notification(entry);
    sns["SigningCertUrl"] = json!(UNSIGNED);
    sns["UnsubscribeUrl"] = json!(UNSIGNED);
    sns["MessageAttributes"] = json!(entry.attributes);
    json!({ "Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": entry.subscription,
        "Sns": sns,
    }] })
}

/// The envelope that a queue gets.
fn envelope(entry: &Entry) -> Value {
    let mut envelope = notification(entry);
    envelope["SigningCertURL"] = json!(UNSIGNED);
    envelope["UnsubscribeURL"] = json!(UNSIGNED);
    if !entry.attributes.is_empty() {
        envelope["MessageAttributes"] = json!(entry.attributes);
    }
    envelope
}

fn notification(entry: &Entry) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": entry.message_id,
        "TopicArn": entry.topic,
        "Subject": entry.subject,
        "Message": entry.body,
        "Timestamp": entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "SignatureVersion": "1",
        "Signature": UNSIGNED,
    })
}

/// With raw delivery the attributes become those of the queue's message.
fn queue_attributes(attributes: &Attributes) -> queues::Attributes {
    let attribute = |attribute: &super::outbox::Attribute| {
        let (data_type, value) = (attribute.r#type.clone(), Some(attribute.value.clone()));
        if data_type.starts_with("Binary") {
            queues::Attribute { data_type, string_value: None, binary_value: value }
        } else {
            queues::Attribute { data_type, string_value: value, binary_value: None }
        }
    };
    attributes.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}
