//! The broker as devices, browsers and functions see it: rumqttc in MQTT 3.1.1, 5 and over WebSocket, and the AWS SDK.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_iotdataplane::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_iotdataplane::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parvis_sam::{Rule, RuleAction};
use rumqttc::{AsyncClient, Event, Incoming, LastWill, MqttOptions, QoS, SubscribeReasonCode, Transport, v5};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for something that must not come.
const SILENCE: Duration = Duration::from_millis(300);

/// Queues and functions that remember what they were given and refuse on request.
#[derive(Default)]
struct Recorder {
    sent: Mutex<Vec<(String, Value)>>,
    invoked: Mutex<Vec<Value>>,
    refusing: Mutex<HashSet<&'static str>>,
    answer: Mutex<Value>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
    fn sent(&self) -> Vec<(String, Value)> {
        lock(&self.sent).clone()
    }

    /// The topics of the messages in the ingest queue, in order.
    fn topics(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, body)| body["topic"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

const INGEST_SQL: &str =
    "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS received_at, clientid() AS client_id FROM ";

fn rule(name: &str, filter: &str, action: RuleAction) -> Rule {
    Rule {
        logical_id: name.into(),
        name: name.to_owned(),
        sql: format!("{INGEST_SQL}'{filter}'"),
        actions: vec![action],
        error_action: Some(queue("DeadLetters")),
        enabled: true,
    }
}

fn queue(name: &str) -> RuleAction {
    RuleAction::Sqs { queue: name.into(), use_base64: false }
}

/// A broker with the rules of the platform's kind, its data plane, and what its rules sent.
struct Bench {
    backend: Arc<Recorder>,
    broker: Arc<Broker<Recorder>>,
    data_plane: aws_sdk_iotdataplane::Client,
    stop: CancellationToken,
    _directory: Option<tempfile::TempDir>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bench {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Self::start_in(directory.path()).await;
        bench._directory = Some(directory);
        bench
    }

    async fn start_in(directory: &Path) -> Self {
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

    fn device(&self, client_id: &str) -> MqttOptions {
        MqttOptions::new(client_id, "127.0.0.1", self.broker.mqtt_port())
    }

    fn browser(&self, client_id: &str) -> MqttOptions {
        let port = self.broker.ws_port();
        let mut options = MqttOptions::new(client_id, format!("ws://127.0.0.1:{port}/any/path"), port);
        options.set_transport(Transport::Ws);
        options
    }
}

/// What the function mqtt-auth answers for a visitor without login.
fn visitor() -> Value {
    let prefix = "arn:aws:iot:eu-west-3:000000000000";
    let public = ["parking", "summary", "live", "alerts"];
    json!({
        "isAuthenticated": true,
        "principalId": "visitor",
        "disconnectAfterInSeconds": 86400,
        "refreshAfterInSeconds": 300,
        "policyDocuments": [{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": format!("{prefix}:client/*")},
            {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": public.map(|topic| format!("{prefix}:topicfilter/{topic}/*"))},
            {"Effect": "Allow", "Action": "iot:Receive", "Resource": public.map(|topic| format!("{prefix}:topic/{topic}/*"))},
        ]}],
    })
}

/// An MQTT 3.1.1 client whose events can be waited for.
struct Client {
    mqtt: AsyncClient,
    events: mpsc::UnboundedReceiver<Result<Incoming, String>>,
}

impl Client {
    fn start(mut options: MqttOptions) -> Self {
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

    async fn connect(options: MqttOptions) -> Self {
        let mut client = Self::start(options);
        client.wait_for(|event| matches!(event, Ok(Incoming::ConnAck(_)))).await.unwrap();
        client
    }

    async fn wait_for(&mut self, wanted: impl Fn(&Result<Incoming, String>) -> bool) -> Result<Incoming, String> {
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

    async fn publish(&mut self, topic: &str, payload: &str) {
        self.mqtt.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
        self.wait_for(|event| matches!(event, Ok(Incoming::PubAck(_)))).await.unwrap();
    }

    async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        self.mqtt.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        match self.wait_for(|event| matches!(event, Ok(Incoming::SubAck(_)))).await {
            Ok(Incoming::SubAck(ack)) => ack.return_codes[0],
            other => panic!("{other:?}"),
        }
    }

    /// The next message: topic, payload, whether it comes from what was retained.
    async fn message(&mut self) -> (String, String, bool) {
        match self.wait_for(|event| matches!(event, Ok(Incoming::Publish(_)))).await {
            Ok(Incoming::Publish(publish)) => (publish.topic, String::from_utf8(publish.payload.to_vec()).unwrap(), publish.retain),
            other => panic!("{other:?}"),
        }
    }

    async fn hears_nothing(&mut self) {
        let deadline = tokio::time::Instant::now() + SILENCE;
        while let Ok(event) = tokio::time::timeout_at(deadline, self.events.recv()).await {
            assert!(!matches!(event, Some(Ok(Incoming::Publish(_)))), "{event:?}");
        }
    }
}

fn granted() -> SubscribeReasonCode {
    SubscribeReasonCode::Success(QoS::AtLeastOnce)
}

#[tokio::test]
async fn an_acknowledged_reading_is_in_the_queue_as_the_rule_says() {
    let bench = Bench::start().await;
    let mut device = Client::connect(bench.device("sensor-3")).await;
    let before = chrono::Utc::now().timestamp_millis();
    device.publish("parking/Zone_A/place_3", r#"{"sensor_id":3,"status":"free"}"#).await;

    let sent = bench.backend.sent();
    let [(queue, message)] = sent.as_slice() else { panic!("not one message: {sent:?}") };
    assert_eq!(queue, "Ingest");
    assert_eq!(message["topic"], "parking/Zone_A/place_3");
    assert_eq!(message["client_id"], "sensor-3");
    assert_eq!(message["payload"], STANDARD.encode(r#"{"sensor_id":3,"status":"free"}"#));
    assert!(message["received_at"].as_i64().unwrap() >= before);

    device.publish("weather/today", "sunny").await;
    assert_eq!(bench.backend.sent().len(), 1, "no rule selects this topic");
}

#[tokio::test]
async fn mqtt_5_shares_the_port_and_is_told_reasons() {
    let bench = Bench::start().await;
    let mut options = v5::MqttOptions::new("sensor-5", "127.0.0.1", bench.broker.mqtt_port());
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut event_loop) = v5::AsyncClient::new(options, 10);
    let properties = v5::mqttbytes::v5::PublishProperties {
        user_properties: vec![("firmware".to_owned(), "1.2".to_owned())],
        ..Default::default()
    };
    let at_least_once = v5::mqttbytes::QoS::AtLeastOnce;
    client.publish_with_properties("parking/Zone_A/place_4", at_least_once, false, "{}", properties).await.unwrap();
    client.publish("summary/default", at_least_once, true, "forged").await.unwrap();
    client.publish("$aws/rules/zone/parking/Zone_A/place_5", at_least_once, false, "{}").await.unwrap();

    let mut reasons = Vec::new();
    while reasons.len() < 3 {
        if let v5::Event::Incoming(v5::Incoming::PubAck(ack)) = timeout(PATIENCE, event_loop.poll()).await.unwrap().unwrap() {
            reasons.push(ack.reason);
        }
    }
    use v5::mqttbytes::v5::PubAckReason;
    assert_eq!(reasons, [PubAckReason::Success, PubAckReason::NotAuthorized, PubAckReason::NoMatchingSubscribers]);
    assert_eq!(bench.backend.topics(), ["parking/Zone_A/place_4", "parking/Zone_A/place_5"]);

    // And a device of the older version still is welcome.
    let mut device = Client::connect(bench.device("sensor-3")).await;
    device.publish("parking/Zone_A/place_3", "{}").await;
}

#[tokio::test]
async fn a_reading_that_cannot_be_stored_is_not_acknowledged() {
    let bench = Bench::start().await;
    lock(&bench.backend.refusing).extend(["Ingest", "DeadLetters"]);
    let mut device = Client::connect(bench.device("sensor-3")).await;
    let mut onlooker = Client::connect(bench.device("onlooker")).await;
    assert_eq!(onlooker.subscribe("parking/#").await, granted());

    device.mqtt.publish("parking/Zone_A/place_3", QoS::AtLeastOnce, false, "{}").await.unwrap();
    let end = device.wait_for(|event| matches!(event, Err(_) | Ok(Incoming::PubAck(_)))).await;
    assert!(end.is_err(), "hung up instead of acknowledging: {end:?}");
    onlooker.hears_nothing().await;
}

#[tokio::test]
async fn a_failed_action_is_reported_to_the_error_action_with_the_original() {
    let bench = Bench::start().await;
    lock(&bench.backend.refusing).insert("Ingest");
    let mut device = Client::connect(bench.device("sensor-3")).await;
    device.publish("parking/Zone_A/place_3", "not even json").await;

    let sent = bench.backend.sent();
    let [(queue, report)] = sent.as_slice() else { panic!("not one message: {sent:?}") };
    assert_eq!(queue, "DeadLetters");
    let mut report = report.clone();
    assert!(report["cloudwatchTraceId"].take().as_str().is_some_and(|id| id.len() == 36));
    assert_eq!(
        report,
        json!({
            "ruleName": "zone",
            "topic": "parking/Zone_A/place_3",
            "cloudwatchTraceId": null,
            "clientId": "sensor-3",
            "base64OriginalPayload": STANDARD.encode("not even json"),
            "failures": [{"failedAction": "SqsAction", "failedResource": "Ingest", "errorMessage": "Ingest is full"}],
        })
    );
}

#[tokio::test]
async fn a_rule_may_invoke_a_function() {
    let bench = Bench::start().await;
    let mut device = Client::connect(bench.device("gate-1")).await;
    device.publish("commands/open", "now").await;
    timeout(PATIENCE, async {
        while lock(&bench.backend.invoked).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(lock(&bench.backend.invoked)[0]["topic"], "commands/open");
}

#[tokio::test]
async fn basic_ingest_goes_to_its_rule_and_to_no_subscriber() {
    let bench = Bench::start().await;
    let mut onlooker = Client::connect(bench.device("onlooker")).await;
    assert_eq!(onlooker.subscribe("#").await, granted());
    let mut device = Client::connect(bench.device("sensor-3")).await;
    device.publish("$aws/rules/zone/parking/Zone_A/place_3", "{}").await;
    device.publish("$aws/rules/nobody/parking/Zone_A/place_3", "{}").await;
    assert_eq!(bench.backend.topics(), ["parking/Zone_A/place_3"]);
    onlooker.hears_nothing().await;

    device.publish("parking/Zone_A/place_3", "{}").await;
    assert_eq!(onlooker.message().await.0, "parking/Zone_A/place_3");
}

#[tokio::test]
async fn a_device_cannot_forge_announcements_not_even_as_its_last_will() {
    let bench = Bench::start().await;
    let mut device = Client::connect(bench.device("sensor-3")).await;
    device.mqtt.publish("alerts/default", QoS::AtLeastOnce, false, "{}").await.unwrap();
    let end = device.wait_for(|event| matches!(event, Err(_) | Ok(Incoming::PubAck(_)))).await;
    assert!(end.is_err(), "AWS hangs up, and MQTT 3.1.1 has no other way: {end:?}");

    let mut options = bench.device("sensor-4");
    options.set_last_will(LastWill::new("summary/default", "{}", QoS::AtLeastOnce, true));
    let mut device = Client::start(options);
    assert!(device.wait_for(Result::is_err).await.is_err());
}

#[tokio::test]
async fn a_last_will_passes_the_rules_too() {
    let bench = Bench::start().await;
    let mut options = bench.device("sensor-3");
    options.set_last_will(LastWill::new("parking/Zone_A/place_3", "gone", QoS::AtLeastOnce, false));
    let (mqtt, mut event_loop) = AsyncClient::new(options, 10);
    while !matches!(event_loop.poll().await.unwrap(), Event::Incoming(Incoming::ConnAck(_))) {}
    // The connection breaks without a DISCONNECT.
    drop((mqtt, event_loop));
    timeout(PATIENCE, async {
        while bench.backend.topics().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(bench.backend.topics(), ["parking/Zone_A/place_3"]);
}

#[tokio::test]
async fn a_browser_may_do_what_the_authorizer_grants_and_nothing_else() {
    let bench = Bench::start().await;
    let mut browser = Client::connect(bench.browser("browser-1")).await;
    let event = lock(&bench.backend.invoked)[0].clone();
    assert_eq!(event["protocolData"]["mqtt"]["clientId"], "browser-1");

    for filter in ["parking/#", "summary/#", "live/#", "alerts/#"] {
        assert_eq!(browser.subscribe(filter).await, granted(), "{filter}");
    }
    for filter in ["#", "+/parking/#", "rights/#"] {
        assert_eq!(browser.subscribe(filter).await, SubscribeReasonCode::Failure, "{filter}");
    }
    let mut device = Client::connect(bench.device("sensor-3")).await;
    device.publish("parking/Zone_A/place_3", "free").await;
    assert_eq!(browser.message().await, ("parking/Zone_A/place_3".to_owned(), "free".to_owned(), false));

    browser.mqtt.publish("parking/Zone_A/place_3", QoS::AtLeastOnce, false, "forged").await.unwrap();
    let end = browser.wait_for(|event| matches!(event, Err(_) | Ok(Incoming::PubAck(_)))).await;
    assert!(end.is_err(), "{end:?}");
    assert_eq!(bench.backend.topics(), ["parking/Zone_A/place_3"]);
}

#[tokio::test]
async fn what_may_be_subscribed_to_but_not_received_does_not_arrive() {
    let bench = Bench::start().await;
    let mut answer = visitor();
    answer["policyDocuments"][0]["Statement"][1]["Resource"] = json!("*");
    *lock(&bench.backend.answer) = answer;
    let mut browser = Client::connect(bench.browser("browser-1")).await;
    assert_eq!(browser.subscribe("#").await, granted());
    let mut device = Client::connect(bench.device("sensor-3")).await;
    device.publish("rights/north", "secret").await;
    device.publish("parking/Zone_A/place_3", "free").await;
    assert_eq!(browser.message().await.0, "parking/Zone_A/place_3");
}

#[tokio::test]
async fn a_browser_that_is_not_authenticated_is_not_let_in() {
    let bench = Bench::start().await;
    *lock(&bench.backend.answer) = json!({"isAuthenticated": false, "policyDocuments": []});
    let mut options = bench.browser("browser-1");
    options.set_credentials("agent", "stale token");
    let mut browser = Client::start(options);
    let refused = browser.wait_for(Result::is_err).await.unwrap_err();
    assert!(refused.contains("NotAuthorized"), "{refused}");
    let event = lock(&bench.backend.invoked)[0].clone();
    assert_eq!(event["protocolData"]["mqtt"]["username"], "agent");
    assert_eq!(event["protocolData"]["mqtt"]["password"], STANDARD.encode("stale token"));
}

#[tokio::test]
async fn retained_messages_are_replaced_removed_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::start_in(directory.path()).await;
    let mut device = Client::connect(bench.device("sensor-3")).await;
    for (topic, payload) in [("parking/A/place_1", "old"), ("parking/A/place_1", "new"), ("parking/A/place_2", "x"), ("parking/A/place_2", "")] {
        device.mqtt.publish(topic, QoS::AtLeastOnce, true, payload).await.unwrap();
        device.wait_for(|event| matches!(event, Ok(Incoming::PubAck(_)))).await.unwrap();
    }
    let mut onlooker = Client::connect(bench.device("onlooker")).await;
    onlooker.subscribe("parking/#").await;
    assert_eq!(onlooker.message().await, ("parking/A/place_1".to_owned(), "new".to_owned(), true));
    onlooker.hears_nothing().await;
    bench.broker.shutdown().await;
    drop(bench);

    let bench = Bench::start_in(directory.path()).await;
    let mut onlooker = Client::connect(bench.device("onlooker")).await;
    onlooker.subscribe("parking/#").await;
    assert_eq!(onlooker.message().await, ("parking/A/place_1".to_owned(), "new".to_owned(), true));
    onlooker.hears_nothing().await;
}

#[tokio::test]
async fn functions_publish_through_the_data_plane() {
    let bench = Bench::start().await;
    let mut browser = Client::connect(bench.browser("browser-1")).await;
    browser.subscribe("summary/#").await;
    let publish = |topic: &str, payload: &str| {
        bench.data_plane.publish().topic(topic).qos(1).retain(true).payload(Blob::new(payload.as_bytes()))
    };
    publish("summary/default/Zone_A", r#"{"free":3}"#).send().await.unwrap();
    let (topic, payload, from_retained) = browser.message().await;
    assert_eq!((topic.as_str(), payload.as_str(), from_retained), ("summary/default/Zone_A", r#"{"free":3}"#, false));

    let retained = bench.data_plane.get_retained_message().topic("summary/default/Zone_A").send().await.unwrap();
    assert_eq!(retained.payload().unwrap().as_ref(), br#"{"free":3}"#);
    assert_eq!(retained.qos(), 1);
    assert!(retained.last_modified_time() > 1_700_000_000_000);

    let missing = bench.data_plane.get_retained_message().topic("summary/nowhere").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    let invalid = publish("summary/#", "x").send().await.unwrap_err();
    assert!(invalid.into_service_error().is_invalid_request_exception());

    publish("parking/Zone_A/place_3", "{}").send().await.unwrap();
    assert_eq!(bench.backend.sent()[0].1["client_id"], "n/a", "rules see it, as on AWS");
}

#[tokio::test]
async fn two_brokers_in_one_process_know_nothing_of_each_other() {
    let (one, other) = tokio::join!(Bench::start(), Bench::start());
    let mut onlooker = Client::connect(other.device("onlooker")).await;
    onlooker.subscribe("#").await;
    let mut device = Client::connect(one.device("onlooker")).await;
    device.publish("parking/Zone_A/place_3", "{}").await;
    onlooker.hears_nothing().await;
    assert!(other.backend.sent().is_empty());
    one.broker.shutdown().await;
    onlooker.publish("parking/Zone_A/place_4", "{}").await;
    assert_eq!(other.backend.topics(), ["parking/Zone_A/place_4"]);
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_option() {
    let bench = Bench::start().await;
    let listeners = broker::Listeners { bind: Ipv4Addr::LOCALHOST.into(), mqtt_port: bench.broker.mqtt_port(), ws_port: 0 };
    let rules = RuleEngine::new(&[], Arc::clone(&bench.backend)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let refused = Broker::start(listeners, rules, None, &directory.path().join("retained.db")).await.err().unwrap();
    let expected = format!("port {} is in use by another program; choose another one with --mqtt-port", bench.broker.mqtt_port());
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_rule_beyond_the_subset_is_refused_by_name() {
    let mut rule = rule("odd", "a/b", queue("Ingest"));
    rule.sql = "SELECT aws_lambda('x', *) FROM 'a/b'".to_owned();
    let refused = RuleEngine::new(&[rule], Arc::new(Recorder::default())).err().unwrap();
    assert!(refused.to_string().starts_with("rule odd: "), "{refused}");
}

/// Not a test of speed: `cargo test -p parvis-local publish_rate -- --ignored --nocapture` prints figures.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures, asserts nothing"]
async fn publish_rate() {
    const CLIENTS: usize = 20;
    const MESSAGES: usize = 1000;
    for retain in [false, true] {
        let bench = Bench::start().await;
        let started = std::time::Instant::now();
        let work = (0..CLIENTS).map(|number| {
            let options = bench.device(&format!("sensor-{number}"));
            tokio::spawn(async move {
                let mut client = Client::connect(options).await;
                let mqtt = client.mqtt.clone();
                let sending = tokio::spawn(async move {
                    for message in 0..MESSAGES {
                        let topic = format!("parking/Zone_{number}/place_{}", message % 30);
                        mqtt.publish(topic, QoS::AtLeastOnce, retain, r#"{"status":"free"}"#).await.unwrap();
                    }
                });
                for _ in 0..MESSAGES {
                    client.wait_for(|event| matches!(event, Ok(Incoming::PubAck(_)))).await.unwrap();
                }
                sending.await.unwrap();
            })
        });
        for worker in futures::future::join_all(work).await {
            worker.unwrap();
        }
        let total = CLIENTS * MESSAGES;
        println!("retain {retain}: {:.0} acknowledged messages/s", total as f64 / started.elapsed().as_secs_f64());
        assert_eq!(bench.backend.sent().len(), total);
    }
}
