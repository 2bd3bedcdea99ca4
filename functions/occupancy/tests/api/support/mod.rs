//! An application with stores of its own, and ways to fill them and to ask it.

pub mod dynamodb;
pub mod postgres;

use std::io::Read as _;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::to_bytes;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_events::{CloudEvent, StoredEvent};
use parvis_kit::event_store::EventStore;
use parvis_kit::http::service;
use parvis_kit::postgres::Database;
use parvis_live::LiveStore;
use parvis_occupancy::config::Rules;
use parvis_occupancy::routes::router;
use parvis_occupancy::state::{App, Stores};
use parvis_parking::{
    Block, BlockKey, Count, CounterReading, DeviceMessage, PlaceId, SpaceNumber, SpaceReading, Status, ZoneId,
};
use parvis_places::{CachedPlaces, DefaultPlace, PlacesStore};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The present of all tests: a Saturday, 13:00 in Paris.
pub fn now() -> DateTime<Utc> {
    at("2026-01-31T12:00:00Z")
}

/// An instant.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An application under test.
pub struct Platform {
    router: axum::Router,
    pub database: Database,
    dynamodb: Client,
    pub live: LiveStore,
}

/// What the application answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The JSON of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The problem of a refusal.
    #[track_caller]
    pub fn refused(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        self.json()
    }
}

impl Platform {
    /// Empty stores: the default place is not even registered.
    pub async fn empty() -> Self {
        Self::over(postgres::database().await).await
    }

    /// The demo lot of 24 spaces, registered and silent.
    pub async fn with_lot() -> Self {
        let platform = Self::empty().await;
        let lot: Value = serde_json::from_str(include_str!("../../../../../samples/places/default.json")).unwrap();
        platform.send("POST", "/v1/places", Some("admin"), &[], Some(lot)).await.ok();
        platform
    }

    pub async fn over(database: Database) -> Self {
        Self::of(database, dynamodb::client().await)
    }

    /// Another sandbox over the same tables.
    pub fn sandbox(&self, database: Database) -> Self {
        Self::of(database, self.dynamodb.clone())
    }

    fn of(database: Database, dynamodb: Client) -> Self {
        let default = DefaultPlace { id: "default".parse().unwrap(), timezone: chrono_tz::Europe::Paris };
        let live = LiveStore::new(dynamodb.clone(), "live");
        let stores = Stores {
            places: CachedPlaces::new(PlacesStore::new(dynamodb.clone(), "places"), default),
            live: live.clone(),
            events: EventStore::new(dynamodb.clone(), "events"),
            database: database.clone(),
        };
        Self { router: router(App::new(stores, Rules::default(), now)), database, dynamodb, live }
    }

    /// What the function answers to an event of API Gateway.
    pub async fn invoke(&self, event: &str) -> Answer {
        let request = lambda_http::request::from_str(event).unwrap();
        let response = service(self.router.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let mut body = Vec::new();
        if parts.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
            flate2::read::GzDecoder::new(bytes.as_ref()).read_to_end(&mut body).unwrap();
        } else {
            body.extend(bytes);
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[], None).await
    }

    /// Sends JSON, as a caller of the role.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        role: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut all = json!({ "host": "api.example", "content-type": "application/json" });
        for (name, value) in headers {
            all[*name] = (*value).into();
        }
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": all,
            "requestContext": { "stage": "$default", "http": { "method": method, "path": path } },
            "isBase64Encoded": false,
        });
        if let Some(role) = role {
            event["requestContext"]["authorizer"] =
                json!({ "jwt": { "claims": { "sub": "42", "cognito:groups": format!("[{role}]") }, "scopes": null } });
        }
        if let Some(body) = body {
            event["body"] = match body {
                Value::String(text) => text.into(),
                other => other.to_string().into(),
            };
        }
        self.invoke(&event.to_string()).await
    }

    /// A sensor's reading enters the live state.
    pub async fn sense(
        &self,
        place: &str,
        zone: &str,
        space: u32,
        status: Status,
        time: DateTime<Utc>,
        battery: Option<u8>,
    ) {
        let place: PlaceId = place.parse().unwrap();
        let zone: ZoneId = zone.parse().unwrap();
        let space = SpaceNumber::try_from(space).unwrap();
        let key = BlockKey::of_space(place.clone(), zone.clone(), space);
        let reading = SpaceReading {
            place,
            zone,
            space,
            status,
            at: time,
            sequence: None,
            confidence: Some(95),
            battery,
            received_at: time + TimeDelta::seconds(1),
        };
        self.merge(key, DeviceMessage::Space(reading)).await;
    }

    /// A counter's reading enters the live state.
    pub async fn count(&self, place: &str, zone: &str, occupied: u32, capacity: u32, time: DateTime<Utc>) {
        let place: PlaceId = place.parse().unwrap();
        let zone: ZoneId = zone.parse().unwrap();
        let key = BlockKey::of_counter(place.clone(), zone.clone());
        let count = Count::Occupied(occupied);
        let reading = CounterReading { place, zone, at: time, count, capacity, received_at: time };
        self.merge(key, DeviceMessage::Counter(reading)).await;
    }

    pub async fn merge(&self, key: BlockKey, message: DeviceMessage) {
        self.change(key, |block| {
            block.merge(std::slice::from_ref(&message));
        })
        .await;
    }

    /// Changes a block of the live state.
    pub async fn change(&self, key: BlockKey, change: impl Fn(&mut Block)) {
        let stored = self.live.get(&key).await.unwrap();
        let version = stored.as_ref().map(|stored| stored.version);
        let mut block = stored.map_or_else(|| Block::empty(key.index), |stored| stored.block);
        change(&mut block);
        self.live.put_if(&key, version, &block).await.unwrap();
    }

    /// A block of the live state becomes one that no version of the program has written.
    pub async fn spoil(&self, place: &str, zone: &str, space: u32) {
        let number = SpaceNumber::try_from(space).unwrap();
        let key = BlockKey::of_space(place.parse().unwrap(), zone.parse().unwrap(), number);
        let update = self.dynamodb.update_item().table_name("live").update_expression("REMOVE #v");
        let update = update.expression_attribute_names("#v", "v");
        let update = update.key("pk", AttributeValue::S(place.to_owned())).key("sk", AttributeValue::S(key.sort_key()));
        update.send().await.unwrap();
    }

    /// A transition enters the history.
    pub async fn transition(&self, zone: &str, space: i32, time: &str, kind: &str, dwell: Option<i64>) {
        let time = at(time);
        self.months(&[time]).await;
        sqlx::query(
            "INSERT INTO parking_transition (place, zone, space, at, kind, dwell_seconds, version)
             VALUES ('default', $1, $2, $3, $4, $5, 1)",
        )
        .bind(zone)
        .bind(space)
        .bind(time)
        .bind(kind)
        .bind(dwell)
        .execute(self.database.pool().await.unwrap())
        .await
        .unwrap();
    }

    /// A stay enters the history: its beginning and, unless it lasts, its end.
    pub async fn stay(&self, zone: &str, space: i32, from: &str, to: Option<&str>) {
        self.transition(zone, space, from, "park_start", None).await;
        if let Some(to) = to {
            let dwell = (at(to) - at(from)).num_seconds();
            self.transition(zone, space, to, "park_end", Some(dwell)).await;
        }
    }

    /// Readings of a counter enter the history.
    pub async fn readings(&self, place: &str, zone: &str, readings: &[(DateTime<Utc>, i32, i32, Option<f64>)]) {
        let times: Vec<DateTime<Utc>> = readings.iter().map(|reading| reading.0).collect();
        self.months(&times).await;
        sqlx::query(
            "INSERT INTO parking_reading (place, zone, at, occupied, capacity, percent, version)
             SELECT $1, $2, r.at, r.occupied, r.capacity, r.percent, 1
             FROM unnest($3::timestamptz[], $4::int[], $5::int[], $6::float8[]) AS r(at, occupied, capacity, percent)",
        )
        .bind(place)
        .bind(zone)
        .bind(&times)
        .bind(readings.iter().map(|reading| reading.1).collect::<Vec<_>>())
        .bind(readings.iter().map(|reading| reading.2).collect::<Vec<_>>())
        .bind(readings.iter().map(|reading| reading.3).collect::<Vec<_>>())
        .execute(self.database.pool().await.unwrap())
        .await
        .unwrap();
    }

    /// An event enters the table that contexts share.
    pub async fn event<D: serde::Serialize>(&self, event: &CloudEvent<D>) {
        let stored = StoredEvent::keeping(event, TimeDelta::days(1)).unwrap();
        let item = serde_dynamo::aws_sdk_dynamodb_1::to_item(stored).unwrap();
        self.dynamodb.put_item().table_name("events").set_item(Some(item)).send().await.unwrap();
    }

    /// Makes the partitions of the months.
    pub async fn months(&self, times: &[DateTime<Utc>]) {
        let mut days: Vec<chrono::NaiveDate> = times.iter().map(DateTime::date_naive).collect();
        days.dedup();
        let pool = self.database.pool().await.unwrap();
        sqlx::query("SELECT parking_ensure_partitions($1::date[])").bind(days).execute(pool).await.unwrap();
    }
}
