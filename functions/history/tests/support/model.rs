//! Readings, the images that their merge leaves in the stream, and the truth about them.

use aws_lambda_events::dynamodb::EventRecord;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_parking::{Block, BlockKey, DeviceMessage, SpaceNumber, SpaceReading, Status};
use sqlx::PgPool;

/// When everything begins.
pub fn start() -> DateTime<Utc> {
    "2026-01-31T23:50:00Z".parse().unwrap()
}

/// As long as an invocation has.
pub fn deadline() -> tokio::time::Instant {
    tokio::time::Instant::now() + std::time::Duration::from_secs(26)
}

/// A reading: seconds after the start, the space, and whether it is occupied.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub second: i64,
    pub space: u16,
    pub occupied: bool,
}

impl Reading {
    pub fn at(&self) -> DateTime<Utc> {
        start() + TimeDelta::seconds(self.second)
    }

    fn message(&self, key: &BlockKey, order: i64) -> DeviceMessage {
        DeviceMessage::Space(SpaceReading {
            place: key.place.clone(),
            zone: key.zone.clone(),
            space: SpaceNumber::try_from(u32::from(self.space)).unwrap(),
            status: if self.occupied { Status::Occupied } else { Status::Free },
            at: self.at(),
            sequence: None,
            confidence: None,
            battery: None,
            received_at: start() + TimeDelta::seconds(order),
        })
    }
}

/// The block of the first spaces of a zone of `place`.
pub fn block_key(place: &str) -> BlockKey {
    BlockKey::parse(place, "Zone_A#0000").unwrap()
}

/// The records that the stream delivers when `writes` are merged one after the other.
pub fn records(place: &str, writes: &[Vec<Reading>]) -> Vec<EventRecord> {
    let key = block_key(place);
    let mut block = Block::empty(key.index);
    let mut version = 0;
    let mut records = Vec::new();
    for (order, write) in writes.iter().enumerate() {
        let messages: Vec<DeviceMessage> =
            write.iter().map(|reading| reading.message(&key, i64::try_from(order).unwrap())).collect();
        if block.merge(&messages).changed() {
            version += 1;
            records.push(record(&key, version, &block));
        }
    }
    records
}

/// The record of one write.
pub fn record(key: &BlockKey, version: u64, block: &Block) -> EventRecord {
    let item = serde_json::json!({
        "pk": { "S": key.place.as_str() },
        "sk": { "S": key.sort_key() },
        "v": { "N": version.to_string() },
        "d": serde_dynamo::AttributeValue::B(block.encode()),
    });
    serde_json::from_value(serde_json::json!({
        "awsRegion": "eu-west-3",
        "eventID": format!("{key}@{version}"),
        "eventName": if version == 1 { "INSERT" } else { "MODIFY" },
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-3:000000000000:table/Live/stream/2026-01-01T00:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": start().timestamp(),
            "Keys": { "pk": item["pk"], "sk": item["sk"] },
            "NewImage": item,
            "SequenceNumber": format!("{version:021}"),
            "SizeBytes": 256,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }))
    .unwrap()
}

/// A row of history: space, time, kind, dwell.
pub type Row = (i32, DateTime<Utc>, String, Option<i64>);

/// The history in the order of device time, as the readings make it.
pub fn truth(readings: &[Reading]) -> Vec<Row> {
    let mut sorted = readings.to_vec();
    sorted.sort_by_key(|reading| (reading.space, reading.second));
    let mut rows = Vec::new();
    let mut present: Option<(u16, bool, Option<DateTime<Utc>>)> = None;
    for reading in sorted {
        let (occupied, arrived) = match present {
            Some((space, occupied, arrived)) if space == reading.space => (occupied, arrived),
            _ => (false, None),
        };
        let mut since = arrived;
        if reading.occupied != occupied {
            let dwell = arrived.filter(|_| occupied).map(|arrived| (reading.at() - arrived).num_seconds());
            let kind = if reading.occupied { "park_start" } else { "park_end" };
            rows.push((i32::from(reading.space), reading.at(), kind.to_owned(), dwell));
            since = Some(reading.at());
        }
        present = Some((reading.space, reading.occupied, since));
    }
    rows
}

/// The history as the table has it.
pub async fn table(pool: &PgPool, place: &str) -> Vec<Row> {
    sqlx::query_as(
        "SELECT space, at, kind, dwell_seconds FROM parking_transition WHERE place = $1 ORDER BY space, at, kind",
    )
    .bind(place)
    .fetch_all(pool)
    .await
    .unwrap()
}
