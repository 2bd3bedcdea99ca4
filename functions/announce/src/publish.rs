//! The way out: the data plane of AWS IoT.

use aws_config::SdkConfig;
use aws_sdk_iotdataplane::{Client, error::SdkError, operation::publish::PublishError, primitives::Blob};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

/// Messages on their way at the same time.
const CONCURRENCY: usize = 16;

/// A message to the devices and pages that subscribed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it goes.
    pub topic: String,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
    /// JSON; empty to take a retained message back.
    pub payload: String,
}

impl Message {
    /// A message with `payload` as JSON.
    ///
    /// # Errors
    /// When the payload cannot be written as JSON.
    pub fn json(topic: String, retain: bool, payload: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { topic, retain, payload: serde_json::to_string(payload)? })
    }

    /// What takes a retained message back: one without content, by MQTT's rules.
    #[must_use]
    pub fn cleared(topic: String) -> Self {
        Self { topic, retain: true, payload: String::new() }
    }
}

/// A message that the broker has not taken.
#[derive(Debug, thiserror::Error)]
#[error("the message to {topic} was not taken")]
pub struct PublishFailed {
    /// Where it was to go.
    pub topic: String,
    /// Why it was not taken.
    pub source: Box<SdkError<PublishError>>,
}

/// Something that publishes messages.
pub trait Publish: Clone + Send + Sync {
    /// Publishes one message; returns when the broker has it.
    fn publish(&self, message: Message) -> impl Future<Output = Result<(), PublishFailed>> + Send;

    /// Publishes several, in no particular order.
    fn publish_all(&self, messages: Vec<Message>) -> impl Future<Output = Result<(), PublishFailed>> + Send {
        stream::iter(messages).map(|message| self.publish(message)).buffer_unordered(CONCURRENCY).try_collect()
    }
}

/// Publishes through the data plane of AWS IoT.
#[derive(Clone, Debug)]
pub struct IotPublisher(Client);

impl IotPublisher {
    /// A publisher with the SDK's configuration.
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws))
    }
}

impl Publish for IotPublisher {
    async fn publish(&self, Message { topic, retain, payload }: Message) -> Result<(), PublishFailed> {
        // QoS 1 reaches a page that is there; one that is not reads the state when it comes back.
        let sent = self.0.publish().topic(&topic).qos(1).retain(retain).payload(Blob::new(payload)).send().await;
        sent.map(drop).map_err(|error| PublishFailed { topic, source: Box::new(error) })
    }
}
