//! The broker as devices, browsers and functions see it: rumqttc in MQTT 3.1.1, 5 and over WebSocket, and the AWS SDK.

mod bench;

use std::net::Ipv4Addr;
use std::time::Duration;

use aws_sdk_iotdataplane::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rumqttc::{AsyncClient, Event, Incoming, LastWill, QoS, SubscribeReasonCode, v5};
use serde_json::json;
use tokio::time::timeout;

use super::*;
use bench::{Bench, Client, PATIENCE, Recorder, granted, lock, queue, rule, visitor};

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
        if let v5::Event::Incoming(v5::Incoming::PubAck(ack)) =
            timeout(PATIENCE, event_loop.poll()).await.unwrap().unwrap()
        {
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
    let mut browser = Client::connect(bench.browser("web-1")).await;
    let event = lock(&bench.backend.invoked)[0].clone();
    assert_eq!(event["protocolData"]["mqtt"]["clientId"], "web-1");

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
    let mut browser = Client::connect(bench.browser("web-1")).await;
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
    let mut options = bench.browser("web-1");
    options.set_credentials("agent", "stale token");
    let mut browser = Client::start(options);
    let refused = browser.wait_for(Result::is_err).await.unwrap_err();
    assert!(refused.contains("NotAuthorized"), "{refused}");
    let event = lock(&bench.backend.invoked)[0].clone();
    assert_eq!(event["protocolData"]["mqtt"]["username"], "agent");
    assert_eq!(event["protocolData"]["mqtt"]["password"], STANDARD.encode("stale token"));
}

#[tokio::test]
async fn the_field_projects_pages_are_let_in_as_they_are_but_nobody_else_under_a_foreign_id() {
    let bench = Bench::start().await;
    let mut page = Client::connect(bench.browser("mqttjs_5a3c")).await;
    assert_eq!(page.subscribe("parking/#").await, granted());
    assert_eq!(page.subscribe("rights/#").await, SubscribeReasonCode::Failure);

    let mut options = bench.browser("sensor-3");
    options.set_credentials("agent", "token");
    assert!(Client::start(options).wait_for(Result::is_err).await.unwrap_err().contains("NotAuthorized"));
    *lock(&bench.backend.answer) = json!({"isAuthenticated": true, "policyDocuments": []});
    assert!(
        Client::start(bench.browser("web-2")).wait_for(Result::is_err).await.unwrap_err().contains("NotAuthorized")
    );
}

#[tokio::test]
async fn retained_messages_are_replaced_removed_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::start_in(directory.path()).await;
    let mut device = Client::connect(bench.device("sensor-3")).await;
    for (topic, payload) in [
        ("parking/A/place_1", "old"),
        ("parking/A/place_1", "new"),
        ("parking/A/place_2", "x"),
        ("parking/A/place_2", ""),
    ] {
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
    let mut browser = Client::connect(bench.browser("web-1")).await;
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
    let listeners =
        broker::Listeners { bind: Ipv4Addr::LOCALHOST.into(), mqtt_port: bench.broker.mqtt_port(), ws_port: 0 };
    let rules = RuleEngine::new(&[], Arc::clone(&bench.backend)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let refused = Broker::start(listeners, rules, None, &directory.path().join("retained.db")).await.err().unwrap();
    let expected =
        format!("port {} is in use by another program; choose another one with --mqtt-port", bench.broker.mqtt_port());
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_rule_beyond_the_subset_is_refused_by_name() {
    let mut rule = rule("odd", "a/b", queue("Ingest"));
    rule.sql = "SELECT aws_lambda('x', *) FROM 'a/b'".to_owned();
    let refused = RuleEngine::new(&[rule], Arc::new(Recorder::default())).err().unwrap();
    assert!(refused.to_string().starts_with("rule odd: "), "{refused}");
}
