//! A broker with its rules and its data plane, and the clients that drive it.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_iotdataplane::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use parvis_sam::{Rule, RuleAction};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS, SubscribeReasonCode, Transport};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::iot::*;

pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for something that must not come.
pub(super) const SILENCE: Duration = Duration::from_millis(300);

/// Queues and functions that remember what they were given and refuse on request.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) sent: Mutex<Vec<(String, Value)>>,
    pub(super) invoked: Mutex<Vec<Value>>,
    pub(super) refusing: Mutex<HashSet<&'static str>>,
    pub(super) answer: Mutex<Value>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend for Recorder {
    async fn send(&self, queue: &LogicalId, body: String) -> Result<(), ActionError> {
        if lock(&self.refusing).contains(queue.as_str()) {
            return Err(ActionError(format!("{queue} is full")));
        }
        lock(&self.sent).push((queue.to_string(), serde_json::from_str(&body).unwrap_or(Value::String(body))));
        Ok(())
    }

    async fn invoke(&self, _: &LogicalId, payload: Bytes) -> Result<Bytes, ActionError> {
        lock(&self.invoked).push(serde_json::from_slice(&payload).unwrap());
        Ok(lock(&self.answer).to_string().into())
    }
}

impl Recorder {
    pub(super) fn sent(&self) -> Vec<(String, Value)> {
        lock(&self.sent).clone()
    }

    /// The topics of the messages in the ingest queue, in order.
    pub(super) fn topics(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, body)| body["topic"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

pub(super) const INGEST_SQL: &str = "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS received_at, clientid() AS client_id FROM ";

pub(super) fn rule(name: &str, filter: &str, action: RuleAction) -> Rule {
    Rule {
        logical_id: name.into(),
        name: name.to_owned(),
        sql: format!("{INGEST_SQL}'{filter}'"),
        actions: vec![action],
        error_action: Some(queue("DeadLetters")),
        enabled: true,
    }
}

pub(super) fn queue(name: &str) -> RuleAction {
    RuleAction::Sqs { queue: name.into(), use_base64: false }
}

/// A broker with the rules of the platform's kind, its data plane, and what its rules sent.
pub(super) struct Bench {
    pub(super) backend: Arc<Recorder>,
    pub(super) broker: Arc<Broker<Recorder>>,
    pub(super) data_plane: aws_sdk_iotdataplane::Client,
    stop: CancellationToken,
    _directory: Option<tempfile::TempDir>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bench {
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Self::start_in(directory.path()).await;
        bench._directory = Some(directory);
        bench
    }

    pub(super) async fn start_in(directory: &Path) -> Self {
        let backend = Arc::new(Recorder::default());
        *lock(&backend.answer) = visitor();
        let rules = [
            rule("zone", "parking/+/+", queue("Ingest")),
            rule("space", "parking/+/+/+", queue("Ingest")),
            rule("commands", "commands/#", RuleAction::Lambda { function: "Commands".into() }),
        ];
        let rules = RuleEngine::new(&rules, Arc::clone(&backend)).unwrap();
        let authorizer = CustomAuthorizer::new("MqttAuth".into(), Arc::clone(&backend));
        let listeners = broker::Listeners { bind: Ipv4Addr::LOCALHOST.into(), mqtt_port: 0, ws_port: 0 };
        let broker = Broker::start(listeners, rules, Some(authorizer), &directory.join("retained.db")).await.unwrap();
        let broker = Arc::new(broker);
        let stop = CancellationToken::new();
        let endpoint = dataplane::serve(Arc::clone(&broker), stop.clone()).await.unwrap();
        let config = aws_sdk_iotdataplane::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-3"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(endpoint)
            .build();
        let data_plane = aws_sdk_iotdataplane::Client::from_conf(config);
        Self { backend, broker, data_plane, stop, _directory: None }
    }

    pub(super) fn device(&self, client_id: &str) -> MqttOptions {
        MqttOptions::new(client_id, "127.0.0.1", self.broker.mqtt_port())
    }

    pub(super) fn browser(&self, client_id: &str) -> MqttOptions {
        let port = self.broker.ws_port();
        let mut options = MqttOptions::new(client_id, format!("ws://127.0.0.1:{port}/any/path"), port);
        options.set_transport(Transport::Ws);
        options
    }
}

/// What the function mqtt-auth answers for a visitor without login.
pub(super) fn visitor() -> Value {
    let prefix = "arn:aws:iot:eu-west-3:000000000000";
    let public = ["parking", "summary", "live", "alerts"];
    json!({
        "isAuthenticated": true,
        "principalId": "visitor",
        "disconnectAfterInSeconds": 86400,
        "refreshAfterInSeconds": 300,
        "policyDocuments": [{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": format!("{prefix}:client/web-*")},
            {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": public.map(|topic| format!("{prefix}:topicfilter/{topic}/*"))},
            {"Effect": "Allow", "Action": "iot:Receive", "Resource": public.map(|topic| format!("{prefix}:topic/{topic}/*"))},
        ]}],
    })
}

/// An MQTT 3.1.1 client whose events can be waited for.
pub(super) struct Client {
    pub(super) mqtt: AsyncClient,
    events: mpsc::UnboundedReceiver<Result<Incoming, String>>,
}

impl Client {
    pub(super) fn start(mut options: MqttOptions) -> Self {
        options.set_keep_alive(Duration::from_secs(30)).set_max_packet_size(1 << 20, 1 << 20);
        let (mqtt, mut event_loop) = AsyncClient::new(options, 100);
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let event = match event_loop.poll().await {
                    Ok(Event::Incoming(incoming)) => Ok(incoming),
                    Ok(Event::Outgoing(_)) => continue,
                    Err(error) => Err(error.to_string()),
                };
                let over = event.is_err();
                if sender.send(event).is_err() || over {
                    return;
                }
            }
        });
        Self { mqtt, events }
    }

    pub(super) async fn connect(options: MqttOptions) -> Self {
        let mut client = Self::start(options);
        client.wait_for(|event| matches!(event, Ok(Incoming::ConnAck(_)))).await.unwrap();
        client
    }

    pub(super) async fn wait_for(
        &mut self,
        wanted: impl Fn(&Result<Incoming, String>) -> bool,
    ) -> Result<Incoming, String> {
        timeout(PATIENCE, async {
            loop {
                let event = self.events.recv().await.expect("the connection is still there");
                if wanted(&event) {
                    return event;
                }
                assert!(event.is_ok(), "unexpected end: {event:?}");
            }
        })
        .await
        .expect("it comes in time")
    }

    pub(super) async fn publish(&mut self, topic: &str, payload: &str) {
        self.mqtt.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
        self.wait_for(|event| matches!(event, Ok(Incoming::PubAck(_)))).await.unwrap();
    }

    pub(super) async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        self.mqtt.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        match self.wait_for(|event| matches!(event, Ok(Incoming::SubAck(_)))).await {
            Ok(Incoming::SubAck(ack)) => ack.return_codes[0],
            other => panic!("{other:?}"),
        }
    }

    /// The next message: topic, payload, whether it comes from what was retained.
    pub(super) async fn message(&mut self) -> (String, String, bool) {
        match self.wait_for(|event| matches!(event, Ok(Incoming::Publish(_)))).await {
            Ok(Incoming::Publish(publish)) => {
                (publish.topic, String::from_utf8(publish.payload.to_vec()).unwrap(), publish.retain)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn hears_nothing(&mut self) {
        let deadline = tokio::time::Instant::now() + SILENCE;
        while let Ok(event) = tokio::time::timeout_at(deadline, self.events.recv()).await {
            assert!(!matches!(event, Some(Ok(Incoming::Publish(_)))), "{event:?}");
        }
    }
}

pub(super) fn granted() -> SubscribeReasonCode {
    SubscribeReasonCode::Success(QoS::AtLeastOnce)
}
