//! From the streams to what is published and remembered.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use aws_sdk_iotdataplane::error::SdkError;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_announce::{Announce, Config, Message, Publish, PublishFailed};
use parvis_events::{CloudEvent, alert::Alert, sensor::SensorLost};
use parvis_kit::event_store::EventStore;
use parvis_live::{LiveStore, PutOutcome};
use parvis_parking::{Block, BlockKey, DeviceMessage, SpaceNumber, SpaceReading, Status};
use parvis_places::DefaultPlace;
use serde_json::{Value, json};

const TABLES: [&str; 4] = ["Live", "Places", "Alerts", "Events"];

/// Keeps what would be published.
#[derive(Clone, Default)]
struct Broker {
    messages: Arc<Mutex<Vec<Message>>>,
    away: Arc<AtomicBool>,
}

impl Broker {
    fn take(&self) -> Vec<Message> {
        let mut messages = std::mem::take(&mut *self.messages.lock().unwrap());
        messages.sort_by(|a, b| a.topic.cmp(&b.topic));
        messages
    }

    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }
}

impl Publish for Broker {
    async fn publish(&self, message: Message) -> Result<(), PublishFailed> {
        if self.away.load(Ordering::SeqCst) {
            return Err(PublishFailed {
                topic: message.topic,
                source: Box::new(SdkError::construction_failure("the broker is away")),
            });
        }
        self.messages.lock().unwrap().push(message);
        Ok(())
    }
}

fn now() -> DateTime<Utc> {
    "2026-06-09T10:00:00Z".parse().unwrap()
}

/// The function over tables in the process, and a writer of the live state.
struct Town {
    client: Client,
    announce: Announce<Broker>,
    broker: Broker,
    live: LiveStore,
    key: BlockKey,
    block: Block,
    version: Option<u64>,
}

impl Town {
    async fn new() -> Self {
        let client = parvis_test_tables::start(&TABLES).await.unwrap();
        let broker = Broker::default();
        let config = Config {
            live_table: "Live".to_owned(),
            places_table: "Places".to_owned(),
            alerts_table: "Alerts".to_owned(),
            events_table: "Events".to_owned(),
            default_place: DefaultPlace { id: "default".parse().unwrap(), timezone: Tz::Europe__Paris },
        };
        let key = BlockKey::parse("default", "Zone_A#0000").unwrap();
        Self {
            announce: Announce::new(&client, config, broker.clone()),
            broker,
            live: LiveStore::new(client.clone(), "Live"),
            block: Block::empty(key.index),
            key,
            version: None,
            client,
        }
    }

    /// Writes readings of spaces at `second`, and returns the stream's record of it.
    async fn write(&mut self, second: i64, spaces: &[(u32, Status)]) -> EventRecord {
        let before = self.block.clone();
        let at = now() + TimeDelta::seconds(second);
        let readings: Vec<DeviceMessage> = spaces
            .iter()
            .map(|(number, status)| {
                DeviceMessage::Space(SpaceReading {
                    place: self.key.place.clone(),
                    zone: self.key.zone.clone(),
                    space: SpaceNumber::try_from(*number).unwrap(),
                    status: *status,
                    at,
                    sequence: None,
                    confidence: Some(95),
                    battery: None,
                    received_at: at,
                })
            })
            .collect();
        self.block.merge(&readings);
        let written = self.live.put_if(&self.key, self.version, &self.block).await.unwrap();
        let PutOutcome::Written(version) = written else { panic!("{written:?}") };
        let old = self.version.map(|version| (version, &before));
        self.version = Some(version);
        record(&self.key, old, (version, &self.block))
    }

    /// Occupies the first `occupied` of ten spaces.
    async fn fill(&mut self, second: i64, occupied: u32) -> EventRecord {
        let status = |number| if number <= occupied { Status::Occupied } else { Status::Free };
        let spaces: Vec<(u32, Status)> = (1..=10).map(|number| (number, status(number))).collect();
        self.write(second, &spaces).await
    }

    /// Marks the sensors that have been silent for five minutes at `second` as disconnected, and returns the stream's record of it.
    async fn fall_silent(&mut self, second: i64) -> EventRecord {
        let before = self.block.clone();
        let Block::Spaces(spaces) = &mut self.block else { panic!("a block of spaces") };
        let silent = spaces.mark_silent(now() + TimeDelta::seconds(second), TimeDelta::minutes(5));
        assert_eq!(silent, 1);
        let written = self.live.put_if(&self.key, self.version, &self.block).await.unwrap();
        let PutOutcome::Written(version) = written else { panic!("{written:?}") };
        let old = self.version.map(|version| (version, &before));
        self.version = Some(version);
        record(&self.key, old, (version, &self.block))
    }

    async fn deliver(&self, records: &[EventRecord]) {
        let response = self.announce.handle(records, now()).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
    }

    /// The alerts in the event table, oldest first, as kind and area.
    async fn alerts(&self) -> Vec<(String, Option<String>, String)> {
        let store = EventStore::new(self.client.clone(), "Events");
        let mut events: Vec<CloudEvent<Alert>> = store.newest("place/default", 100, None).await.unwrap();
        events.iter().for_each(parvis_test_events::check);
        events.reverse();
        let told = |event: CloudEvent<Alert>| {
            let kind = event.kind.rsplit('.').next().unwrap().to_owned();
            (kind, event.data.zone, event.data.level.as_str().to_owned())
        };
        events.into_iter().map(told).collect()
    }
}

fn image(key: &BlockKey, version: u64, block: &Block) -> Value {
    json!({
        "pk": { "S": key.place.as_str() },
        "sk": { "S": key.sort_key() },
        "v": { "N": version.to_string() },
        "d": serde_dynamo::AttributeValue::B(block.encode()),
    })
}

fn record(key: &BlockKey, old: Option<(u64, &Block)>, new: (u64, &Block)) -> EventRecord {
    serde_json::from_value(json!({
        "awsRegion": "eu-west-3",
        "eventID": format!("{key}@{}", new.0),
        "eventName": if old.is_some() { "MODIFY" } else { "INSERT" },
        "eventSourceARN": "arn:aws:dynamodb:eu-west-3:000000000000:table/Live/stream/2026-01-01T00:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": now().timestamp(),
            "NewImage": image(key, new.0, new.1),
            "OldImage": old.map(|(version, block)| image(key, version, block)),
            "SequenceNumber": format!("{:021}", new.0),
            "SizeBytes": 256,
        },
    }))
    .unwrap()
}

fn payload(messages: &[Message], topic: &str) -> Value {
    let found = messages.iter().find(|message| message.topic == topic);
    serde_json::from_str(&found.unwrap_or_else(|| panic!("nothing for {topic} in {messages:?}")).payload).unwrap()
}

#[tokio::test]
async fn a_change_is_told_to_every_audience() {
    let mut town = Town::new().await;
    let first = town.write(0, &[(1, Status::Free), (2, Status::Occupied), (3, Status::Free)]).await;
    town.deliver(&[first]).await;
    town.broker.take();

    let second = town.write(60, &[(1, Status::Occupied)]).await;
    town.deliver(&[second]).await;
    let messages = town.broker.take();
    let topics: Vec<(&str, bool)> = messages.iter().map(|message| (message.topic.as_str(), message.retain)).collect();
    assert_eq!(
        topics,
        [
            ("live/default/Zone_A", false),
            ("parking/summary", true),
            ("summary/default", true),
            ("summary/default/Zone_A", true),
        ]
    );
    insta::assert_json_snapshot!(payload(&messages, "parking/summary"), @r#"
    {
      "free": 1,
      "occupancy_rate": 66.67,
      "occupied": 2,
      "timestamp": "2026-06-09T12:01:00.000000",
      "total_places": 3
    }
    "#);
    insta::assert_json_snapshot!(payload(&messages, "live/default/Zone_A"), @r#"
    {
      "at": "2026-06-09T10:00:00Z",
      "place": "default",
      "spaces": [
        {
          "battery": null,
          "confidence": 0.95,
          "connectivity": "online",
          "number": 1,
          "seen_at": "2026-06-09T10:01:00Z",
          "since": "2026-06-09T10:01:00Z",
          "status": "occupied"
        }
      ],
      "summary": {
        "free": 1,
        "occupancy_rate": 66.67,
        "occupied": 2,
        "place": "default",
        "timestamp": "2026-06-09T10:01:00Z",
        "total_places": 3,
        "unknown": 0,
        "zone": "Zone_A"
      },
      "version": 2,
      "zone": "Zone_A"
    }
    "#);
}

#[tokio::test]
async fn a_sign_of_life_alone_is_not_told() {
    let mut town = Town::new().await;
    let first = town.write(0, &[(1, Status::Free)]).await;
    let again = town.write(30, &[(1, Status::Free)]).await;
    town.deliver(&[first]).await;
    town.broker.take();
    town.deliver(&[again]).await;
    assert!(town.broker.take().is_empty());
}

#[tokio::test]
async fn there_and_back_within_a_batch_is_told_all_the_same() {
    // An earlier batch may have told the state in between, since what is told is read anew.
    let mut town = Town::new().await;
    let first = town.fill(0, 2).await;
    town.deliver(&[first]).await;
    town.broker.take();
    let there = town.fill(10, 3).await;
    let back = town.fill(20, 2).await;
    town.deliver(&[there, back]).await;
    assert_eq!(payload(&town.broker.take(), "summary/default")["occupied"], 2);
}

#[tokio::test]
async fn each_crossing_is_one_event_however_often_the_batch_comes() {
    let mut town = Town::new().await;
    let mut records = vec![town.fill(0, 2).await];
    town.deliver(&records).await;
    for (second, occupied) in [(60, 7), (120, 9), (180, 5)] {
        let record = town.fill(second, occupied).await;
        records.push(record.clone());
        town.deliver(std::slice::from_ref(&record)).await;
        town.deliver(&records).await;
    }
    let mut alerts = town.alerts().await;
    alerts.retain(|(_, zone, _)| zone.is_none());
    let kinds: Vec<(&str, &str)> = alerts.iter().map(|(kind, _, level)| (kind.as_str(), level.as_str())).collect();
    assert_eq!(kinds[..2], [("raised", "busy"), ("raised", "saturated")]);
    // Both end at the same instant.
    let mut ends = kinds[2..].to_vec();
    ends.sort_unstable();
    assert_eq!(ends, [("cleared", "busy"), ("cleared", "saturated")]);
}

#[tokio::test]
async fn two_invocations_at_the_same_place_cross_once() {
    let mut town = Town::new().await;
    let record = town.fill(0, 10).await;
    let records = [record];
    let (one, two, three) = tokio::join!(
        town.announce.handle(&records, now()),
        town.announce.handle(&records, now()),
        town.announce.handle(&records, now()),
    );
    for response in [one, two, three] {
        assert!(response.batch_item_failures.is_empty());
    }
    assert_eq!(town.alerts().await.len(), 4, "busy and saturated, of the place and of its zone");
}

#[tokio::test]
async fn while_the_broker_is_away_the_batch_comes_again_and_no_crossing_is_lost() {
    let mut town = Town::new().await;
    let quiet = record(
        &BlockKey::parse("deleted-place", "Z#0000").unwrap(),
        None,
        (1, &Block::empty(parvis_parking::BlockIndex::Spaces(0))),
    );
    let full = town.fill(0, 8).await;
    let records = [quiet, full];
    town.broker.set_away(true);
    let response = town.announce.handle(&records, now()).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|item| item.item_identifier.clone()).collect();
    assert_eq!(failed, [records[1].change.sequence_number.clone()], "from the first record of the place on");

    town.broker.set_away(false);
    town.deliver(&records[1..]).await;
    assert_eq!(town.alerts().await.len(), 2);
    assert_eq!(payload(&town.broker.take(), "summary/default")["occupied"], 8);
}

#[tokio::test]
async fn an_unreadable_block_does_not_hold_up_the_stream() {
    let mut town = Town::new().await;
    let record = town.fill(0, 1).await;
    town.client
        .put_item()
        .table_name("Live")
        .item("pk", AttributeValue::S("default".to_owned()))
        .item("sk", AttributeValue::S("Zone_B#0000".to_owned()))
        .send()
        .await
        .unwrap();
    town.deliver(&[record]).await;
    assert!(town.broker.take().is_empty());
}

#[tokio::test]
async fn alerts_are_published_in_the_order_of_the_stream() {
    let town = Town::new().await;
    let event: Event = serde_json::from_str(include_str!("../../../events/announce/alerts.json")).unwrap();
    town.deliver(&event.records).await;
    let messages = town.broker.take();
    let topics: Vec<&str> = messages.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["alerts/default", "alerts/default/Zone_A"]);
    assert!(messages.iter().all(|message| !message.retain));
    insta::assert_json_snapshot!(payload(&messages, "alerts/default/Zone_A"), @r#"
    {
      "data": {
        "at": "2026-06-09T10:13:20Z",
        "level": "busy",
        "occupancy_rate": 62.5,
        "occupied": 5,
        "place": "default",
        "place_name": "Parking de la Comédie",
        "previous": "busy",
        "threshold": 70.0,
        "timezone": "Europe/Paris",
        "total": 8,
        "zone": "Zone_A",
        "zone_name": "Niveau 1"
      },
      "datacontenttype": "application/json",
      "id": "01KTNXYMG0YWA7GY2PH13BBEA3",
      "source": "/parvis/announce",
      "specversion": "1.0",
      "subject": "place/default",
      "time": "2026-06-09T10:13:20Z",
      "type": "parvis.parking.alert.cleared"
    }
    "#);

    town.broker.set_away(true);
    let response = town.announce.handle(&event.records, now()).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|item| item.item_identifier.clone()).collect();
    assert_eq!(failed, [event.records[0].change.sequence_number.clone()]);
}

#[tokio::test]
async fn the_sample_of_the_live_state_is_understood() {
    let town = Town::new().await;
    let event: Event = serde_json::from_str(include_str!("../../../events/announce/live-state.json")).unwrap();
    town.deliver(&event.records).await;
    assert_eq!(payload(&town.broker.take(), "summary/default")["total_places"], 0, "the table itself is empty");
}

#[tokio::test]
async fn a_change_of_the_register_is_told_without_any_sensor() {
    let mut town = Town::new().await;
    let filled = town.fill(0, 4).await;
    town.deliver(&[filled]).await;
    town.broker.take();

    let event: Event = serde_json::from_str(include_str!("../../../events/announce/register.json")).unwrap();
    town.deliver(&event.records).await;
    let messages = town.broker.take();
    let told: Vec<(&str, bool)> =
        messages.iter().map(|message| (message.topic.as_str(), message.payload.is_empty())).collect();
    let expected = [
        ("parking/summary", false),
        ("summary/default", false),
        ("summary/default/Zone_A", false),
        ("summary/default/Zone_X", true),
    ];
    assert_eq!(told, expected, "the zone that is gone is taken back");
    assert!(messages.iter().all(|message| message.retain));
}

#[tokio::test]
async fn a_sensor_that_is_lost_is_told_once_as_an_event() {
    let mut town = Town::new().await;
    let first = town.write(0, &[(1, Status::Free)]).await;
    let second = town.write(600, &[(2, Status::Free)]).await;
    let silent = town.fall_silent(700).await;
    town.deliver(&[first, second, silent.clone()]).await;
    town.deliver(&[silent]).await;
    let store = EventStore::new(town.client.clone(), "Events");
    let events: Vec<CloudEvent<SensorLost>> = store.newest("sensor/default/Zone_A/1", 10, None).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].data.space, events[0].data.seen_at), (1, now()));
    parvis_test_events::check(&events[0]);
    let others: Vec<CloudEvent<SensorLost>> = store.newest("sensor/default/Zone_A/2", 10, None).await.unwrap();
    assert!(others.is_empty());
}
