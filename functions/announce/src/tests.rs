use std::sync::Mutex;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_events::alert::Alert;
use parvis_parking::{Block, BlockKey, DeviceMessage, PlaceId, SpaceNumber, SpaceReading, Status, ZoneId};
use serde_json::{Value, json};

use super::*;
use crate::publisher::Outgoing;

/// Keeps what would be published.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Outgoing>>);

impl Publisher for &'static Recorder {
    async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        self.0.lock().unwrap().push(message);
        Ok(())
    }
}

impl Recorder {
    /// What was published since the last call, newest per topic.
    fn take(&self) -> std::collections::BTreeMap<String, Value> {
        let messages = std::mem::take(&mut *self.0.lock().unwrap());
        messages.into_iter().map(|m| (m.topic, serde_json::from_slice(&m.payload).unwrap())).collect()
    }
}

struct Bench {
    client: Client,
    announcer: Announcer<&'static Recorder>,
    heard: &'static Recorder,
    start: DateTime<Utc>,
}

const ZONE: &str = "Zone_A";

impl Bench {
    async fn new() -> Self {
        telemetry::init();
        let client = parvis_test_tables::start(&["live", "places", "alerts", "events"]).await.unwrap();
        let heard: &'static Recorder = Box::leak(Box::default());
        let default = DefaultPlace { id: "default".parse().unwrap(), timezone: chrono_tz::Europe::Paris };
        let announcer = Announcer {
            live: LiveStore::new(client.clone(), "live"),
            places: CachedPlaces::new(PlacesStore::new(client.clone(), "places"), default),
            levels: Levels::new(client.clone(), "alerts", EventStore::new(client.clone(), "events")),
            publisher: heard,
            events_table: "events".to_owned(),
        };
        let start = "2026-07-01T10:00:00Z".parse().unwrap();
        Self { client, announcer, heard, start }
    }

    /// Writes readings as `ingest` does and returns the stream record of the write.
    async fn write(&self, minute: i64, spaces: std::ops::RangeInclusive<u16>, status: Status) -> EventRecord {
        let at = self.start + TimeDelta::minutes(minute);
        let (place, zone): (PlaceId, ZoneId) = ("default".parse().unwrap(), ZONE.parse().unwrap());
        let space = |number| SpaceNumber::try_from(u32::from(number)).unwrap();
        let key = BlockKey::of_space(place.clone(), zone.clone(), space(*spaces.start()));
        let stored = self.announcer.live.get(&key).await.unwrap();
        let old_image = self.image(&key).await;
        let mut block = stored.as_ref().map_or_else(|| Block::empty(key.index), |stored| stored.block.clone());
        let readings: Vec<_> = spaces
            .map(|number| {
                DeviceMessage::Space(SpaceReading {
                    place: place.clone(),
                    zone: zone.clone(),
                    space: space(number),
                    status,
                    at,
                    sequence: None,
                    confidence: Some(95),
                    battery: None,
                    received_at: at,
                })
            })
            .collect();
        block.merge(&readings);
        self.announcer.live.put_if(&key, stored.map(|stored| stored.version), &block).await.unwrap();
        record("live", json!({ "NewImage": self.image(&key).await, "OldImage": old_image }))
    }

    async fn image(&self, key: &BlockKey) -> Value {
        let get = self.client.get_item().table_name("live").consistent_read(true);
        let get = get.key("pk", AttributeValue::S(key.place.to_string())).key("sk", AttributeValue::S(key.sort_key()));
        let item = get.send().await.unwrap().item.unwrap_or_default();
        serde_json::to_value(serde_dynamo::Item::from(item)).unwrap()
    }

    async fn events(&self) -> Vec<CloudEventOfAlert> {
        let events = EventStore::new(self.client.clone(), "events");
        let mut newest = events.newest::<Alert>("place/default", 100, None).await.unwrap();
        newest.reverse();
        newest
    }
}

type CloudEventOfAlert = parvis_events::CloudEvent<Alert>;

fn record(table: &str, change: Value) -> EventRecord {
    let mut dynamodb = json!({ "SequenceNumber": "1", "SizeBytes": 1 });
    dynamodb.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "awsRegion": "eu-west-3",
        "eventID": "1",
        "eventName": "MODIFY",
        "eventSourceARN": format!("arn:aws:dynamodb:eu-west-3:000000000000:table/{table}/stream/1"),
        "dynamodb": dynamodb,
    }))
    .unwrap()
}

fn told(events: &[CloudEventOfAlert]) -> Vec<String> {
    let kind = |event: &CloudEventOfAlert| event.kind.rsplit('.').next().unwrap_or_default().to_owned();
    let area = |event: &CloudEventOfAlert| event.data.zone.clone().unwrap_or_else(|| "*".to_owned());
    let mut told: Vec<_> = events.iter().map(|e| format!("{} {} {}", area(e), kind(e), e.data.level.as_str())).collect();
    told.sort();
    told
}

#[tokio::test]
async fn a_change_is_told_as_summaries_and_as_a_live_update_of_the_changed_spaces_only() {
    let bench = Bench::new().await;
    let first = bench.write(0, 1..=8, Status::Free).await;
    assert!(bench.announcer.handle(&[first]).await.batch_item_failures.is_empty());
    bench.heard.take();
    let second = bench.write(1, 3..=3, Status::Occupied).await;
    bench.announcer.handle(&[second]).await;

    let mut heard = bench.heard.take();
    let update = heard.get_mut("live/default/Zone_A").unwrap();
    update["at"] = "now".into();
    insta::assert_json_snapshot!(heard);
}

#[tokio::test]
async fn each_crossing_gives_one_event_even_if_the_batch_comes_again() {
    let bench = Bench::new().await;
    let mut records = vec![bench.write(0, 1..=20, Status::Free).await];
    bench.announcer.handle(&records).await;
    assert!(bench.events().await.is_empty());

    records.push(bench.write(1, 1..=14, Status::Occupied).await);
    for _ in 0..3 {
        bench.announcer.handle(&records).await;
    }
    assert_eq!(told(&bench.events().await), ["* raised busy", "Zone_A raised busy"]);

    // From below both thresholds to above both, and back: both are crossed each time.
    let fresh = Bench::new().await;
    let full = fresh.write(0, 1..=20, Status::Occupied).await;
    fresh.announcer.handle(&[full]).await;
    let empty = fresh.write(1, 1..=20, Status::Free).await;
    fresh.announcer.handle(&[empty]).await;
    assert_eq!(
        told(&fresh.events().await),
        [
            "* cleared busy",
            "* cleared saturated",
            "* raised busy",
            "* raised saturated",
            "Zone_A cleared busy",
            "Zone_A cleared saturated",
            "Zone_A raised busy",
            "Zone_A raised saturated"
        ]
    );
}

#[tokio::test]
async fn two_invocations_at_the_same_time_tell_a_crossing_once() {
    let bench = Bench::new().await;
    let records = [bench.write(0, 1..=20, Status::Occupied).await];
    let batches = futures::future::join_all((0..4).map(|_| bench.announcer.handle(&records))).await;
    assert!(batches.iter().any(|batch| batch.batch_item_failures.is_empty()));
    assert_eq!(bench.events().await.len(), 4, "two thresholds of zone and place");
}

#[tokio::test]
async fn an_event_is_told_on_the_topic_of_its_area() {
    let bench = Bench::new().await;
    let sample: Event = serde_json::from_str(include_str!("../../../events/announce/alert-raised.json")).unwrap();
    let mut records = sample.records;
    records[0].event_source_arn = Some("arn:aws:dynamodb:eu-west-3:000000000000:table/events/stream/1".to_owned());
    bench.announcer.handle(&records).await;
    let heard = bench.heard.take();
    assert_eq!(heard["alerts/default/Zone_A"]["type"], "parvis.parking.alert.raised");
    assert_eq!(heard["alerts/default/Zone_A"]["data"]["level"], "saturated");
}

#[tokio::test]
async fn an_image_that_cannot_be_read_does_not_hold_up_the_others() {
    let bench = Bench::new().await;
    let bad = record("live", json!({ "NewImage": { "pk": { "S": "default" }, "sk": { "S": "?" } } }));
    let good = bench.write(0, 1..=2, Status::Occupied).await;
    let response = bench.announcer.handle(&[bad, good]).await;
    assert!(response.batch_item_failures.is_empty());
    assert_eq!(bench.heard.take()["parking/summary"]["occupied"], 2);
}
