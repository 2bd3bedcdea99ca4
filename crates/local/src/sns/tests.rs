//! The service as `aws-sdk-sns` speaks to it.

use std::{path::PathBuf, sync::Mutex, time::Duration};

use aws_sdk_sns::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::{ProvideErrorMetadata, SdkError},
    types::{MessageAttributeValue, PublishBatchRequestEntry},
};
use bytes::Bytes;
use parvis_sam::{Subscription as Subscribed, Topic};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    outbox::{Entry, Filter},
    *,
};
use crate::{
    faults::Faults,
    lambda::InvokeError,
    queues::{Definition, Receive},
};

const TOPIC: &str = "arn:aws:sns:eu-west-3:000000000000:AlertsTopic";
const QUEUE: &str = "arn:aws:sqs:eu-west-3:000000000000:Mail";

/// One function, which fails as often as told.
#[derive(Clone, Default)]
struct Player(Arc<Mutex<(Vec<Value>, u32)>>);

impl Invoke for Player {
    async fn invoke(&self, function: &LogicalId, payload: Bytes) -> Result<Bytes, InvokeError> {
        let mut player = self.0.lock().unwrap();
        if player.1 > 0 {
            player.1 -= 1;
            return Err(InvokeError::Crashed { function: function.to_string(), detail: "killed".into() });
        }
        player.0.push(serde_json::from_slice(&payload).unwrap());
        Ok("null".into())
    }
}

impl Functions for Player {
    fn find(&self, reference: &str) -> Option<LogicalId> {
        (reference.rsplit(':').next() == Some("NotifyFunction")).then(|| "NotifyFunction".into())
    }
}

struct Service {
    sns: Sns,
    client: Client,
    player: Player,
    queues: Queues,
    directory: TempDir,
}

fn subscribed(id: &str, protocol: &str, endpoint: &str, filter: Option<Value>) -> (LogicalId, Subscribed) {
    let subscription = Subscribed {
        logical_id: id.into(),
        topic: "AlertsTopic".into(),
        protocol: protocol.into(),
        endpoint: endpoint.into(),
        filter,
    };
    (id.into(), subscription)
}

impl Service {
    async fn start(subscriptions: Vec<(LogicalId, Subscribed)>, demo: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let player = Player::default();
        let queue = Definition {
            name: "Mail".into(),
            arn: QUEUE.into(),
            visibility: Duration::from_secs(30),
            retention: Duration::from_secs(3600),
            delay: Duration::ZERO,
            redrive: None,
        };
        let queues =
            Queues::open(&directory.path().join("queues.db"), vec![queue], Arc::new(Faults::default())).unwrap();
        let sns = start(subscriptions, demo, player.clone(), queues.clone(), directory.path().into()).await;
        let client = client(&sns);
        Self { sns, client, player, queues, directory }
    }

    async fn sent(&self) -> Vec<Entry> {
        self.sns.outbox().list(Filter { since: Some(0), ..Filter::default() }).await.unwrap()
    }

    /// Waits until nothing is on its way.
    async fn settled(&self) -> Vec<Entry> {
        for _ in 0..300 {
            if self.sns.outbox().pending().await.unwrap().is_empty() {
                return self.sent().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("still on its way: {:?}", self.sns.outbox().pending().await);
    }
}

async fn start(
    subscriptions: Vec<(LogicalId, Subscribed)>,
    demo: bool,
    functions: Player,
    queues: Queues,
    directory: PathBuf,
) -> Sns {
    let topic = Topic { logical_id: "AlertsTopic".into(), name: "AlertsTopic".into(), arn: TOPIC.into() };
    let template = Stack {
        topics: BTreeMap::from([("AlertsTopic".into(), topic)]),
        subscriptions: subscriptions.into_iter().collect(),
        ..Stack::default()
    };
    Sns::start(Config { template: &template, functions, queues, directory: &directory, faults: Arc::default(), demo })
        .await
        .unwrap()
}

fn client(sns: &Sns) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_sns::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-3"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(sns.endpoint())
        .http_client(http)
        .retry_config(aws_sdk_sns::config::retry::RetryConfig::disabled());
    Client::from_conf(config.build())
}

fn text(kind: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type(kind).string_value(value).build().unwrap()
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_published_alert_is_an_sms_and_an_email_of_the_demo_manager() {
    let service = Service::start(vec![], true).await;
    let published =
        service.client.publish().topic_arn(TOPIC).subject("Zone_A saturée").message("Zone_A: 86 % <occupied> & rising");
    let id =
        published.message_attributes("level", text("String", "saturated")).send().await.unwrap().message_id.unwrap();
    let sent = service.sent().await;
    let kinds: Vec<(Kind, &str)> = sent.iter().map(|entry| (entry.kind, entry.to.as_str())).collect();
    assert_eq!(kinds, [(Kind::Topic, TOPIC), (Kind::Sms, "+33639980002"), (Kind::Email, "malik.benali@example.org")]);
    for entry in &sent {
        assert_eq!(
            (entry.message_id.as_str(), entry.body.as_str(), entry.status),
            (id.as_str(), "Zone_A: 86 % <occupied> & rising", Status::Delivered)
        );
        assert_eq!(
            (entry.subject.as_deref(), entry.attributes["level"].value.as_str()),
            (Some("Zone_A saturée"), "saturated")
        );
    }
}

#[tokio::test]
async fn without_subscribers_the_topics_message_still_shows() {
    let service = Service::start(vec![], false).await;
    service.client.publish().topic_arn(TOPIC).message("hello").send().await.unwrap();
    let sent = service.sent().await;
    assert_eq!(sent.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [Kind::Topic]);
}

#[tokio::test]
async fn numbers_and_devices_are_reached_without_a_topic() {
    let service = Service::start(vec![], false).await;
    service.client.publish().phone_number("+33639980004").message("Your parking ends in 10 min").send().await.unwrap();
    let device = service.client.create_platform_endpoint().platform_application_arn(FCM_APPLICATION).token("t");
    let device = device.send().await.unwrap().endpoint_arn.unwrap();
    service.client.publish().target_arn(device).message("push").send().await.unwrap();
    let sent = service.sent().await;
    assert_eq!(
        sent.iter().map(|entry| (entry.kind, entry.topic.is_none())).collect::<Vec<_>>(),
        [(Kind::Sms, true), (Kind::Push, true)]
    );
}

#[tokio::test]
async fn functions_and_queues_of_the_template_get_what_their_filters_want() {
    let busy = json!({ "level": ["busy"] });
    let service = Service::start(
        vec![
            subscribed("A", "lambda", "arn:aws:lambda:eu-west-3:000000000000:function:NotifyFunction", None),
            subscribed("B", "sqs", QUEUE, Some(busy.clone())),
            subscribed("C", "sms", "+33639980001", Some(json!({ "level": [{ "anything-but": "busy" }] }))),
        ],
        false,
    )
    .await;
    for level in ["busy", "saturated"] {
        let publish =
            service.client.publish().topic_arn(TOPIC).message(level).message_attributes("level", text("String", level));
        publish.send().await.unwrap();
    }
    let sent = service.settled().await;
    let delivered: Vec<(Kind, &str)> = sent.iter().map(|entry| (entry.kind, entry.body.as_str())).collect();
    assert_eq!(
        delivered,
        [
            (Kind::Topic, "busy"),
            (Kind::Lambda, "busy"),
            (Kind::Sqs, "busy"),
            (Kind::Topic, "saturated"),
            (Kind::Lambda, "saturated"),
            (Kind::Sms, "saturated"),
        ]
    );
    assert!(sent.iter().all(|entry| entry.status == Status::Delivered));

    let events = service.player.0.lock().unwrap().0.clone();
    assert_eq!(events.len(), 2);
    let event = events.iter().find(|event| event["Records"][0]["Sns"]["Message"] == "busy").unwrap();
    assert_eq!(event["Records"][0]["EventSource"], "aws:sns");
    assert_eq!(
        event["Records"][0]["Sns"]["MessageAttributes"],
        json!({ "level": { "Type": "String", "Value": "busy" } })
    );

    let received =
        service.queues.receive("Mail", Receive { most: 10, wait: Duration::ZERO, visibility: None }).await.unwrap();
    assert_eq!(received.len(), 1);
    let envelope: Value = serde_json::from_str(&received[0].body).unwrap();
    assert_eq!(
        (&envelope["Type"], &envelope["Message"], &envelope["TopicArn"]),
        (&json!("Notification"), &json!("busy"), &json!(TOPIC))
    );
}

#[tokio::test]
async fn a_delivery_is_tried_again_and_survives_a_restart() {
    let function =
        || vec![subscribed("A", "lambda", "arn:aws:lambda:eu-west-3:000000000000:function:NotifyFunction", None)];
    let service = Service::start(function(), false).await;
    service.player.0.lock().unwrap().1 = 1;
    service.client.publish().topic_arn(TOPIC).message("one").send().await.unwrap();
    assert!(
        service.settled().await.iter().all(|entry| entry.status == Status::Delivered),
        "the second attempt arrives"
    );

    service.player.0.lock().unwrap().1 = u32::MAX;
    service.client.publish().topic_arn(TOPIC).message("two").send().await.unwrap();
    service.sns.shutdown().await;
    assert_eq!(service.sns.outbox().pending().await.unwrap().len(), 1);
    service.player.0.lock().unwrap().1 = 0;
    let again =
        start(function(), false, service.player.clone(), service.queues.clone(), service.directory.path().into()).await;
    for _ in 0..300 {
        if again.outbox().pending().await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let bodies: Vec<String> = service
        .player
        .0
        .lock()
        .unwrap()
        .0
        .iter()
        .map(|event| event["Records"][0]["Sns"]["Message"].as_str().unwrap().into())
        .collect();
    assert_eq!(bodies, ["one", "two"]);
}

#[tokio::test]
async fn entries_of_a_batch_fail_alone() {
    let service = Service::start(vec![], false).await;
    let entry = |id: &str, message: &str| PublishBatchRequestEntry::builder().id(id).message(message).build().unwrap();
    let result = service.client.publish_batch().topic_arn(TOPIC).publish_batch_request_entries(entry("a", "fine"));
    let result = result.publish_batch_request_entries(entry("b", "")).send().await.unwrap();
    assert_eq!(result.successful().iter().map(|entry| entry.id().unwrap()).collect::<Vec<_>>(), ["a"]);
    let failed = &result.failed()[0];
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("b", "InvalidParameter", true));
    assert_eq!(service.sent().await.len(), 1);

    let twice = service.client.publish_batch().topic_arn(TOPIC).publish_batch_request_entries(entry("a", "x"));
    let error = twice.publish_batch_request_entries(entry("a", "y")).send().await.unwrap_err();
    assert!(error.into_service_error().is_batch_entry_ids_not_distinct_exception());
    let error = service.client.publish_batch().topic_arn(TOPIC).send().await.unwrap_err();
    assert!(error.into_service_error().is_empty_batch_request_exception());
}

#[tokio::test]
async fn subscriptions_come_and_go_and_are_remembered() {
    let service = Service::start(vec![], false).await;
    let subscribe = |protocol: &str, endpoint: &str| {
        service.client.subscribe().topic_arn(TOPIC).protocol(protocol).endpoint(endpoint)
    };
    let sms = subscribe("sms", "+33639980004")
        .attributes("FilterPolicy", r#"{"level":["busy"]}"#)
        .send()
        .await
        .unwrap()
        .subscription_arn
        .unwrap();
    let raw = subscribe("sqs", QUEUE)
        .attributes("RawMessageDelivery", "true")
        .send()
        .await
        .unwrap()
        .subscription_arn
        .unwrap();
    assert_eq!(
        subscribe("sqs", QUEUE)
            .attributes("RawMessageDelivery", "true")
            .send()
            .await
            .unwrap()
            .subscription_arn
            .unwrap(),
        raw
    );

    service
        .client
        .publish()
        .topic_arn(TOPIC)
        .message("raw")
        .message_attributes("rate", text("Number", "71.5"))
        .send()
        .await
        .unwrap();
    service.settled().await;
    let received =
        service.queues.receive("Mail", Receive { most: 1, wait: Duration::ZERO, visibility: None }).await.unwrap();
    assert_eq!(
        (received[0].body.as_str(), received[0].attributes["rate"].string_value.as_deref()),
        ("raw", Some("71.5"))
    );

    service.client.unsubscribe().subscription_arn(&raw).send().await.unwrap();
    service.sns.shutdown().await;
    let again =
        start(vec![], false, service.player.clone(), service.queues.clone(), service.directory.path().into()).await;
    let listed = client(&again).list_subscriptions_by_topic().topic_arn(TOPIC).send().await.unwrap();
    let listed: Vec<(&str, &str)> =
        listed.subscriptions().iter().map(|s| (s.subscription_arn().unwrap(), s.endpoint().unwrap())).collect();
    assert_eq!(listed, [(sms.as_str(), "+33639980004")]);
}

#[tokio::test]
async fn what_is_not_there_or_not_supported_is_refused_by_name() {
    let service = Service::start(vec![], false).await;
    let unknown = service
        .client
        .publish()
        .topic_arn("arn:aws:sns:eu-west-3:000000000000:Nothing")
        .message("x")
        .send()
        .await
        .unwrap_err();
    assert!(unknown.into_service_error().is_not_found_exception());
    let empty = service.client.publish().topic_arn(TOPIC).message("").send().await.unwrap_err();
    assert!(empty.into_service_error().is_invalid_parameter_exception());
    for (protocol, endpoint) in [
        ("https", "https://a.example"),
        ("lambda", "arn:aws:lambda:eu-west-3:0:function:Nothing"),
        ("sqs", "arn:aws:sqs:eu-west-3:0:Nothing"),
    ] {
        let error =
            service.client.subscribe().topic_arn(TOPIC).protocol(protocol).endpoint(endpoint).send().await.unwrap_err();
        assert_eq!(code(&error), "InvalidParameter", "{protocol}");
    }
    let topic = service.client.create_topic().name("t").send().await.unwrap_err();
    assert_eq!(code(&topic), "InvalidAction");
    assert!(topic.into_service_error().to_string().contains("InvalidAction"));
}

#[tokio::test]
async fn a_device_is_registered_once_turned_off_and_on_and_remembered() {
    let service = Service::start(vec![], false).await;
    let sns = &service.client;
    let made = sns.create_platform_application().platform("APNS").name("own").attributes("PlatformCredential", "key");
    let application = made.send().await.unwrap().platform_application_arn.unwrap();
    let register = |token: &str| sns.create_platform_endpoint().platform_application_arn(&application).token(token);
    let device = register("one").send().await.unwrap().endpoint_arn.unwrap();
    assert!(device.starts_with("arn:aws:sns:eu-west-3:000000000000:endpoint/APNS/own/"), "{device}");
    assert_eq!(register("one").send().await.unwrap().endpoint_arn.unwrap(), device, "the same token");
    let other = register("one").custom_user_data("somebody else").send().await.unwrap_err();
    assert_eq!(code(&other), "InvalidParameter");
    assert_ne!(register("two").send().await.unwrap().endpoint_arn.unwrap(), device);
    let unknown = sns.create_platform_endpoint().platform_application_arn("arn:x").token("t").send().await.unwrap_err();
    assert_eq!(code(&unknown), "NotFound");

    let publish = || sns.publish().target_arn(&device).message("push").send();
    let turn = |on: &str| sns.set_endpoint_attributes().endpoint_arn(&device).attributes("Enabled", on).send();
    publish().await.unwrap();
    turn("false").await.unwrap();
    assert!(publish().await.unwrap_err().into_service_error().is_endpoint_disabled_exception());
    turn("true").await.unwrap();
    let attributes = sns.get_endpoint_attributes().endpoint_arn(&device).send().await.unwrap().attributes.unwrap();
    assert_eq!((attributes["Enabled"].as_str(), attributes["Token"].as_str()), ("true", "one"));

    service.sns.shutdown().await;
    let again =
        start(vec![], false, service.player.clone(), service.queues.clone(), service.directory.path().into()).await;
    let sns = client(&again);
    sns.publish().target_arn(&device).message("push").send().await.unwrap();
    sns.delete_endpoint().endpoint_arn(&device).send().await.unwrap();
    let gone = sns.publish().target_arn(&device).message("push").send().await.unwrap_err();
    assert!(gone.into_service_error().is_not_found_exception());
}

#[tokio::test]
async fn a_template_subscription_that_cannot_be_served_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let queues = Queues::open(&directory.path().join("queues.db"), vec![], Arc::new(Faults::default())).unwrap();
    let topic = Topic { logical_id: "AlertsTopic".into(), name: "AlertsTopic".into(), arn: TOPIC.into() };
    let template = Stack {
        topics: BTreeMap::from([("AlertsTopic".into(), topic)]),
        subscriptions: BTreeMap::from([subscribed("Webhook", "https", "https://a.example", None)]),
        ..Stack::default()
    };
    let config = Config {
        template: &template,
        functions: Player::default(),
        queues,
        directory: directory.path(),
        faults: Arc::default(),
        demo: false,
    };
    let error = Sns::start(config).await.err().unwrap().to_string();
    assert!(error.starts_with("subscription Webhook: InvalidParameter") && error.contains("https"), "{error}");
}

#[tokio::test]
async fn the_pages_show_and_wait() {
    let service = Service::start(vec![], true).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/_local/outbox", listener.local_addr().unwrap());
    let app: Router = pages::router(service.sns.outbox().clone());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let http = crate::http::client();
    let get = async |url: String| http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(get(base.clone()).await.contains("Nothing was sent yet"));
    let waiting = tokio::spawn(http.get(format!("{base}.json?since=0&kind=sms&wait=20")).send());
    tokio::task::yield_now().await;
    service.client.publish().topic_arn(TOPIC).message("<b>86 %</b>").send().await.unwrap();
    let found: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((&found["messages"][0]["to"], &found["messages"][0]["kind"]), (&json!("+33639980002"), &json!("sms")));
    let page = get(base.clone()).await;
    assert!(
        page.contains("&lt;b&gt;86 %&lt;/b&gt;") && page.contains(r#"<span class="tag">SMS</span> +33639980002"#),
        "{page}"
    );
    let nothing: Value =
        serde_json::from_str(&get(format!("{base}.json?kind=sms&since={}", found["last"])).await).unwrap();
    assert_eq!(nothing["messages"], json!([]));
    let first: Value = serde_json::from_str(&get(format!("{base}.json?since=0&limit=2")).await).unwrap();
    assert_eq!(
        (first["messages"].as_array().unwrap().len(), &first["last"]),
        (2, &first["messages"][1]["id"]),
        "a cursor that skips nothing"
    );
    assert!(get(format!("{base}?part=true")).await.starts_with("<main data-last="));
}
