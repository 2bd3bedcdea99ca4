//! AWS IoT Core for the embedded stack: the MQTT broker, the template's rules, the data plane and the custom authorizer.
//!
//! A message that a client publishes passes through three gates before it is acknowledged: its sender must be allowed (`access`)
//! to publish it, the rules (`rules`) whose topic filter matches must have stored it durably (in a queue, or with the error action),
//! and only then do subscribers and the retained messages (`retain`) get it. So an acknowledged reading is never lost.
//!
//! Clients on the plain TCP port are demo devices and need no credentials; clients over WebSocket are browsers and get what the
//! template's custom authorizer grants them. Devices with certificates exist on AWS only.

mod access;
mod authorizer;
mod broker;
mod dataplane;
mod hooks;
mod policy;
mod retain;
mod rules;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parvis_sam::LogicalId;
use tokio_util::sync::CancellationToken;

use crate::lambda::Host;
use crate::queues::{Attributes, Queues};

pub use broker::{Broker, Message, PublishError, Qos};
pub use rules::{Delivery, RuleEngine};

use authorizer::CustomAuthorizer;

/// Why IoT could not be started.
#[derive(Debug, thiserror::Error)]
pub enum IotError {
    /// A rule's statement is not of the dialect, or not of the subset that is supported.
    #[error("rule {rule}: {source}")]
    Rule {
        /// The rule's name.
        rule: String,
        /// What is wrong with its statement.
        source: parvis_iot_sql::ParseError,
    },
    /// A port is taken.
    #[error("port {port} is in use by another program; choose another one with {option}")]
    PortInUse {
        /// The port.
        port: u16,
        /// The command-line option that changes it.
        option: &'static str,
    },
    /// The broker did not come up.
    #[error("MQTT broker: {0}")]
    Broker(String),
    /// The file of the retained messages cannot be used.
    #[error("retained messages: {0}")]
    Retained(#[from] rusqlite::Error),
    /// A port or a file cannot be had.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Why a rule's action failed, for the error action and the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct ActionError(pub String);

/// What IoT needs of the rest of the stack.
pub trait Backend: Send + Sync + 'static {
    /// Sends `body` to a queue; done means durable.
    fn send(&self, queue: &LogicalId, body: String) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Invokes a function and waits for its answer.
    fn invoke(&self, function: &LogicalId, payload: Bytes) -> impl Future<Output = Result<Bytes, ActionError>> + Send;
}

/// The queues and functions of a stack.
pub struct Services {
    template: Arc<parvis_sam::Stack>,
    queues: Queues,
    host: Host,
    /// Sandboxes started for an invocation must not end with the broker's runtime.
    runtime: tokio::runtime::Handle,
}

impl Backend for Services {
    async fn send(&self, queue: &LogicalId, body: String) -> Result<(), ActionError> {
        let queue = self.template.queues.get(queue).ok_or_else(|| ActionError(format!("there is no queue {queue}")))?;
        self.queues
            .send(&queue.name, body, Attributes::default())
            .await
            .map_err(|error| ActionError(error.to_string()))?;
        Ok(())
    }

    async fn invoke(&self, function: &LogicalId, payload: Bytes) -> Result<Bytes, ActionError> {
        let (host, function) = (self.host.clone(), function.clone());
        let invocation = self.runtime.spawn(async move { host.invoke(function, payload).await });
        let answer = invocation.await.map_err(|error| ActionError(error.to_string()))?;
        answer.map_err(|error| ActionError(error.to_string()))
    }
}

/// How to start IoT.
pub struct Config {
    /// The resolved template: its rules, its authorizer, its queues.
    pub template: Arc<parvis_sam::Stack>,
    /// Address of the two MQTT ports.
    pub bind: IpAddr,
    /// MQTT over TCP; 0 for any free port.
    pub mqtt_port: u16,
    /// MQTT over WebSocket; 0 for any free port.
    pub ws_port: u16,
    /// Where rules send.
    pub queues: Queues,
    /// What rules and the authorizer invoke.
    pub host: Host,
    /// Data directory; the retained messages are kept in it.
    pub dir: PathBuf,
}

/// A running IoT Core.
pub struct Iot {
    broker: Arc<Broker<Services>>,
    data_plane_endpoint: String,
    stop: CancellationToken,
}

impl Iot {
    /// Starts broker, rules and data plane.
    ///
    /// # Errors
    /// When a rule cannot be read, a port is taken or a file cannot be used.
    pub async fn start(config: Config) -> Result<Self, IotError> {
        let Config { template, bind, mqtt_port, ws_port, queues, host, dir } = config;
        let runtime = tokio::runtime::Handle::current();
        let backend = Arc::new(Services { template: Arc::clone(&template), queues, host, runtime });
        let rules = RuleEngine::new(template.rules.values(), Arc::clone(&backend))?;
        let authorizer = template
            .authorizers
            .values()
            .find(|authorizer| authorizer.enabled)
            .map(|authorizer| CustomAuthorizer::new(authorizer.function.clone(), backend));
        let listeners = broker::Listeners { bind, mqtt_port, ws_port };
        let broker = Arc::new(Broker::start(listeners, rules, authorizer, &dir.join("retained.db")).await?);
        let stop = CancellationToken::new();
        let data_plane_endpoint = dataplane::serve(Arc::clone(&broker), stop.clone()).await?;
        Ok(Self { broker, data_plane_endpoint, stop })
    }

    /// The broker, to publish without a client.
    #[must_use]
    pub fn broker(&self) -> &Broker<Services> {
        &self.broker
    }

    /// Port of MQTT over TCP.
    #[must_use]
    pub fn mqtt_port(&self) -> u16 {
        self.broker.mqtt_port()
    }

    /// Port of MQTT over WebSocket; any path.
    #[must_use]
    pub fn ws_port(&self) -> u16 {
        self.broker.ws_port()
    }

    /// Base URL of the data plane: the value of `AWS_ENDPOINT_URL_IOT_DATA_PLANE`.
    #[must_use]
    pub fn data_plane_endpoint(&self) -> &str {
        &self.data_plane_endpoint
    }

    /// Disconnects all clients. The data plane, which functions may still use while they come to their end, stays until this value
    /// is dropped; what it is given reaches nobody but rules and retained messages. Idempotent.
    pub async fn shutdown(&self) {
        self.broker.shutdown().await;
    }
}

impl Drop for Iot {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests;
