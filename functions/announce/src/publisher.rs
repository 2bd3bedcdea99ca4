//! The port to MQTT.

use std::future::Future;

use aws_sdk_iotdataplane::Client;
use aws_sdk_iotdataplane::error::SdkError;
use aws_sdk_iotdataplane::primitives::Blob;

/// One message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// MQTT topic.
    pub topic: String,
    /// JSON.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}

/// The broker did not take a message.
#[derive(Debug, thiserror::Error)]
#[error("the message on {topic} was not published")]
pub struct PublishError {
    topic: String,
    source: Box<SdkError<aws_sdk_iotdataplane::operation::publish::PublishError>>,
}

/// Publishes MQTT messages.
pub trait Publisher {
    /// Publishes one message.
    ///
    /// # Errors
    /// When the broker does not take it.
    fn publish(&self, message: Outgoing) -> impl Future<Output = Result<(), PublishError>> + Send;
}

/// Publishes through the data plane of AWS IoT Core.
#[derive(Debug, Clone)]
pub struct IotPublisher {
    client: Client,
}

impl IotPublisher {
    /// A publisher over a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Publisher for IotPublisher {
    async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        let Outgoing { topic, payload, retain } = message;
        // A retained message must arrive; a live update that is lost is overtaken by the next one or by a refetch.
        let qos = i32::from(retain);
        let publish = self.client.publish().topic(&topic).payload(Blob::new(payload)).retain(retain).qos(qos);
        match publish.send().await {
            Ok(_) => Ok(()),
            Err(source) => Err(PublishError { topic, source: Box::new(source) }),
        }
    }
}
