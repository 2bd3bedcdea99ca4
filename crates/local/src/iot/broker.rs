//! The MQTT broker: rmqtt with our hooks and our retained messages.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rmqtt::codec::types::{Publish as CodecPublish, QoS};
use rmqtt::codec::v5::PublishProperties;
use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Listener};
use rmqtt::server::MqttServer;
use rmqtt::session::SessionState;
use rmqtt::types::{ClientId, From as Sender, Id, Publish, TopicName};

use super::authorizer::CustomAuthorizer;
use super::hooks::{self, Gatekeeper};
use super::retain::{RetainedMessage, RetainedMessages, Retainer};
use super::rules::{Delivery, NotStored, RuleEngine};
use super::{Backend, IotError, Services};
use crate::runtime::OwnRuntime;

/// Longest topic, as on AWS (Basic Ingest's prefix does not count there; here it may use the rest of MQTT's limit).
const MAX_TOPIC_BYTES: usize = 256;
/// Largest message, as on AWS.
const MAX_PAYLOAD_BYTES: usize = 128 * 1024;
/// Room for headers and topic above the payload.
const MAX_PACKET_BYTES: u32 = 160 * 1024;
/// Messages that wait for a slow subscriber before they are dropped.
const SUBSCRIBER_QUEUE: usize = 10_000;
/// Unacknowledged messages per direction and client; generous, because a device fleet's replay is limited by it.
const MAX_INFLIGHT: u16 = 1000;
/// Attempts to find a port for each listener that may have any.
const PORT_ATTEMPTS: usize = 8;

/// Quality of service of a message published without a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Qos {
    /// Fire and forget.
    #[default]
    AtMostOnce,
    /// Until acknowledged by each subscriber that asked for it.
    AtLeastOnce,
}

/// A message published without a client.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its payload; empty and retained removes what was retained.
    pub payload: Bytes,
    /// Its quality of service.
    pub qos: Qos,
    /// Whether later subscribers get it too.
    pub retain: bool,
    /// MQTT 5: seconds after which it is not delivered any more.
    pub expires_after: Option<NonZeroU32>,
    /// MQTT 5: what the payload is.
    pub content_type: Option<String>,
    /// MQTT 5: where an answer is expected.
    pub response_topic: Option<String>,
}

/// Why a message published without a client was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The topic is empty, too long, contains wildcards or is reserved.
    #[error("{0:?} is not a topic that can be published to")]
    InvalidTopic(String),
    /// The payload is larger than AWS IoT takes.
    #[error("a payload of {0} bytes is larger than {MAX_PAYLOAD_BYTES}")]
    TooLarge(usize),
    /// A rule could not store it.
    #[error(transparent)]
    NotStored(#[from] NotStored),
    /// The broker has been shut down, or could not keep the retained message.
    #[error("the broker did not take the message: {0}")]
    Broker(String),
}

/// Where the broker listens.
pub(super) struct Listeners {
    pub(super) bind: IpAddr,
    pub(super) mqtt_port: u16,
    pub(super) ws_port: u16,
}

/// A running broker. It has a runtime of its own, because rmqtt's tasks end in no other way than with it.
pub struct Broker<B = Services> {
    context: ServerContext,
    rules: Arc<RuleEngine<B>>,
    retained: Arc<RetainedMessages>,
    mqtt_port: u16,
    ws_port: u16,
    runtime: OwnRuntime,
}

impl<B: Backend> Broker<B> {
    pub(super) async fn start(
        listeners: Listeners,
        rules: RuleEngine<B>,
        authorizer: Option<CustomAuthorizer<B>>,
        retained_file: &Path,
    ) -> Result<Self, IotError> {
        let runtime = OwnRuntime::start("mqtt", None)?;
        let rules = Arc::new(rules);
        let gatekeeper = Arc::new(Gatekeeper { rules: Arc::clone(&rules), authorizer, browsers: Default::default() });
        let retained = RetainedMessages::open(retained_file).await?;
        let retainer = Retainer(Arc::clone(&retained));
        let started = spawn_on(&runtime, async move {
            let (mqtt_port, mqtt) = listen(listeners.bind, listeners.mqtt_port, "--mqtt-port")?;
            let (ws_port, web_socket) = listen(listeners.bind, listeners.ws_port, "--ws-port")?;
            // A busy machine must not make it turn clients away.
            let context = ServerContext::new().busy_check_enable(false).build().await;
            *context.extends.retain_mut().await = Box::new(retainer);
            hooks::register(&context, gatekeeper).await;
            let server = MqttServer::new(context.clone())
                .listener_by_id(mqtt.tcp().map_err(broker_error)?, hooks::TCP)
                .listener_by_id(web_socket.ws().map_err(broker_error)?, hooks::WEB_SOCKET)
                .build();
            tokio::spawn(server.run());
            Ok::<_, IotError>((context, mqtt_port, ws_port))
        });
        let (context, mqtt_port, ws_port) = started.await.map_err(IotError::Broker)??;
        Ok(Self { context, rules, retained, mqtt_port, ws_port, runtime })
    }

    /// Port of MQTT over TCP.
    #[must_use]
    pub fn mqtt_port(&self) -> u16 {
        self.mqtt_port
    }

    /// Port of MQTT over WebSocket; any path.
    #[must_use]
    pub fn ws_port(&self) -> u16 {
        self.ws_port
    }

    /// Publishes as the data plane does: through the rules to the subscribers and the retained messages.
    ///
    /// # Errors
    /// When the topic or the size is not allowed, or a rule could not store the message; then nobody gets it.
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let basic_ingest = parvis_iot_sql::basic_ingest(&message.topic).is_some();
        let reserved = message.topic.starts_with('$') && !basic_ingest;
        let too_long = message.topic.len() > MAX_TOPIC_BYTES && !basic_ingest;
        if message.topic.is_empty() || reserved || too_long || message.topic.contains(['+', '#', '\0']) {
            return Err(PublishError::InvalidTopic(message.topic));
        }
        if message.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(PublishError::TooLarge(message.payload.len()));
        }
        match self.rules.on_publish(&message.topic, &message.payload, None).await? {
            Delivery::Subscribers => self.forward(message).await,
            Delivery::RuleOnly => Ok(()),
        }
    }

    async fn forward(&self, message: Message) -> Result<(), PublishError> {
        let context = self.context.clone();
        let from = Sender::from_admin(Id::from(context.node.id(), ClientId::from_static("iot-data-plane")));
        let publish = packet(message);
        let forwarding =
            spawn_on(&self.runtime, async move { SessionState::forwards(&context, from, publish, false, None).await });
        forwarding.await.map_err(PublishError::Broker)?.map_err(|error| PublishError::Broker(error.to_string()))
    }

    pub(super) async fn retained(&self, topic: &str) -> Option<RetainedMessage> {
        self.retained.on_topic(topic).await
    }

    /// Disconnects all clients and closes the ports. Idempotent.
    pub async fn shutdown(&self) {
        // Nothing in it is worth waiting for: a message whose acknowledgement has not been sent will be sent again.
        self.runtime.shutdown(Duration::from_secs(2)).await;
    }
}

/// Runs `work` on the broker's runtime, which rmqtt takes for granted.
async fn spawn_on<T: Send + 'static>(
    runtime: &OwnRuntime,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    let handle = runtime.handle().ok_or("it has been shut down")?;
    handle.spawn(work).await.map_err(|error| error.to_string())
}

fn packet(message: Message) -> Publish {
    let properties = PublishProperties {
        message_expiry_interval: message.expires_after,
        content_type: message.content_type.map(Into::into),
        response_topic: message.response_topic.map(Into::into),
        ..PublishProperties::default()
    };
    let packet = CodecPublish {
        dup: false,
        retain: message.retain,
        qos: match message.qos {
            Qos::AtMostOnce => QoS::AtMostOnce,
            Qos::AtLeastOnce => QoS::AtLeastOnce,
        },
        topic: TopicName::from(message.topic),
        packet_id: None,
        payload: message.payload,
        properties: Some(properties),
    };
    Publish::from(packet).create_time(chrono::Utc::now().timestamp_millis())
}

/// Binds a port; 0 for any free one.
fn listen(bind: IpAddr, port: u16, option: &'static str) -> Result<(u16, Listener), IotError> {
    let mut attempt = 1;
    loop {
        // The broker's listener does not tell which port it was given, so a free one is found first.
        let chosen = if port == 0 { std::net::TcpListener::bind((bind, 0))?.local_addr()?.port() } else { port };
        match listener(SocketAddr::new(bind, chosen)).bind() {
            Ok(listener) => return Ok((chosen, listener)),
            Err(error) if is_in_use(&error) && port == 0 && attempt < PORT_ATTEMPTS => attempt += 1,
            Err(error) if is_in_use(&error) => return Err(IotError::PortInUse { port, option }),
            Err(error) => return Err(broker_error(error)),
        }
    }
}

fn is_in_use(error: &rmqtt::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

fn listener(address: SocketAddr) -> Builder {
    Builder::new()
        .name("parvis")
        .laddr(address)
        .reuseaddr(Some(true))
        .nodelay(true)
        // Everybody is asked for, including who brings no user name.
        .allow_anonymous(false)
        .max_packet_size(MAX_PACKET_BYTES)
        .max_inflight(MAX_INFLIGHT.try_into().unwrap_or(std::num::NonZeroU16::MIN))
        .max_mqueue_len(SUBSCRIBER_QUEUE)
        // Messages expire when their publishers say so, and retained ones never by themselves.
        .message_expiry_interval(Duration::ZERO)
        .max_session_expiry_interval(Duration::from_secs(3600))
}

fn broker_error(error: rmqtt::Error) -> IotError {
    IotError::Broker(error.to_string())
}
