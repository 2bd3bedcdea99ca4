//! An application with stores of its own, a clock that tests turn, and ways to ask it.

use std::cell::Cell;
use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use axum::body::to_bytes;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::pricing::QuoteKey;
use parvis_bookings::routes::router;
use parvis_bookings::schedule::{Swept, sweep};
use parvis_bookings::state::App;
use parvis_bookings::store::Store;
use parvis_events::CloudEvent;
use parvis_kit::event_store::EventStore;
use parvis_kit::http::service;
use parvis_kit::postgres::Database;
use parvis_live::LiveStore;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The tables of the template that this function uses.
const TABLES: [&str; 3] = ["live", "events", "forecasts"];

/// Where invitations come from.
pub const FROM: &str = "bookings@parvis.example";

thread_local! {
    /// Each test has a thread of its own, and so a clock of its own. It begins on a Monday at 08:00 in Paris.
    static NOW: Cell<DateTime<Utc>> = Cell::new(at("2026-07-13T06:00:00Z"));
}

static NEXT_KEY: AtomicU32 = AtomicU32::new(0);

/// The present of the test.
pub fn now() -> DateTime<Utc> {
    NOW.get()
}

/// Turns the clock.
pub fn set_now(text: &str) {
    NOW.set(at(text));
}

/// An instant.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A slot of today (UTC) as JSON: `slot("10:00", "11:00")`.
pub fn slot(from: &str, until: &str) -> Value {
    let day = now().format("%Y-%m-%d");
    json!({ "start": format!("{day}T{from}:00Z"), "end": format!("{day}T{until}:00Z") })
}

/// The ids of what a booking was given.
pub fn given(booking: &Value) -> Vec<&str> {
    booking["resources"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

/// An application under test.
pub struct Platform {
    router: axum::Router,
    pub app: App,
    pub database: Database,
    pub dynamodb: Client,
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
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The JSON of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem of a refusal, by the last part of its type.
    #[track_caller]
    pub fn refused(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["type"], format!("https://parvis.dev/problems/{slug}"), "{problem}");
        problem
    }
}

/// Somebody with a role.
#[derive(Clone, Copy, Debug)]
pub struct Person(pub &'static str, pub &'static str);

pub const ANNE: Person = Person("anne", "driver");
pub const BEN: Person = Person("ben", "driver");
pub const CLEO: Person = Person("cleo", "driver");
pub const MANAGER: Person = Person("marc", "manager");
pub const AGENT: Person = Person("ali", "agent");

impl Platform {
    /// A site, a policy that allows everything, and three rooms: arago and braille on floor 1, curie on floor 2.
    pub async fn start() -> Self {
        let platform = Self::over(parvis_test_postgres::database().await).await;
        platform.put("/v1/sites/hq", json!({ "name": "HQ", "timezone": "Europe/Paris" })).await;
        platform.put("/v1/policies/free", json!({ "name": "Free" })).await;
        for (room, floor, capacity) in [("arago", "1", 4), ("braille", "1", 4), ("curie", "2", 12)] {
            platform.room(room, json!({ "floor": floor, "capacity": capacity, "features": ["screen"] })).await;
        }
        platform
    }

    pub async fn over(database: Database) -> Self {
        let dynamodb = parvis_test_tables::start(&TABLES).await.unwrap();
        let live = LiveStore::new(dynamodb.clone(), "live");
        let key = QuoteKey::new(*b"a secret of enough bytes").unwrap();
        let events = EventStore::new(dynamodb.clone(), "events");
        let app = App::new(Store::new(database.clone()), events, live.clone(), key, Some(FROM.to_owned()), now);
        Self { router: router(app.clone()), app, database, dynamodb, live }
    }

    /// Another instance of the function over the same stores.
    pub fn with(&self, app: App, router: axum::Router) -> Self {
        let Self { database, dynamodb, live, .. } = self;
        Self { router, app, database: database.clone(), dynamodb: dynamodb.clone(), live: live.clone() }
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

    /// Sends JSON, or text as it is, under the given headers.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        who: Option<Person>,
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
        if let Some(Person(subject, role)) = who {
            event["requestContext"]["authorizer"] = json!({
                "jwt": { "claims": { "sub": subject, "cognito:groups": format!("[{role}]") }, "scopes": null }
            });
        }
        if let Some(body) = body {
            event["body"] = match body {
                Value::String(text) => text.into(),
                other => other.to_string().into(),
            };
        }
        self.invoke(&event.to_string()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[], None).await
    }

    pub async fn get_as(&self, who: Person, path: &str) -> Answer {
        self.send("GET", path, Some(who), &[], None).await
    }

    /// A write under a new key.
    pub async fn write(&self, who: Person, method: &str, path: &str, body: Value) -> Answer {
        let key = format!("test-key-{}", NEXT_KEY.fetch_add(1, Ordering::Relaxed));
        self.write_under(&key, who, method, path, body).await
    }

    /// A write under a given key.
    pub async fn write_under(&self, key: &str, who: Person, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, path, Some(who), &[("idempotency-key", key)], Some(body)).await
    }

    /// Puts something of the catalogue, as the manager.
    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.send("PUT", path, Some(MANAGER), &[], Some(body)).await.ok()
    }

    /// A room under the policy `free`, with what `more` says.
    pub async fn room(&self, id: &str, more: Value) -> Value {
        let mut room = json!({ "id": id, "site": "hq", "kind": "room", "name": id, "policy": "free" });
        room.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.put(&format!("/v1/resources/{id}"), room).await
    }

    /// Asks for a booking of resources.
    pub async fn ask(&self, who: Person, resources: &[&str], slot: Value, more: Value) -> Answer {
        let items: Vec<Value> = resources.iter().map(|id| json!({ "resource": id })).collect();
        let mut body = json!({ "items": items, "slot": slot, "title": "Meeting" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.write(who, "POST", "/v1/bookings", body).await
    }

    /// Books a room.
    pub async fn book(&self, who: Person, room: &str, from: &str, until: &str) -> Value {
        self.ask(who, &[room], slot(from, until), json!({})).await.ok()
    }

    /// A step in the life of a booking.
    pub async fn act(&self, who: Person, booking: &Value, step: &str) -> Answer {
        let path = format!("/v1/bookings/{}/{step}", booking["id"].as_str().unwrap());
        self.write(who, "POST", &path, json!({})).await
    }

    /// The booking as its owner sees it now.
    pub async fn read(&self, who: Person, booking: &Value) -> Value {
        self.get_as(who, &format!("/v1/bookings/{}", booking["id"].as_str().unwrap())).await.ok()
    }

    /// A run of the schedule.
    pub async fn sweep(&self) -> Swept {
        sweep(&self.app).await.unwrap()
    }

    /// The types of the events about a booking in the table that contexts share, oldest first.
    pub async fn events(&self, booking: &Value) -> Vec<String> {
        self.told(booking).await.into_iter().map(|event| event.kind).collect()
    }

    /// The events themselves.
    pub async fn told(&self, booking: &Value) -> Vec<CloudEvent<Value>> {
        let mut found = self.told_of(&format!("booking/{}", booking["id"].as_str().unwrap())).await;
        found.sort_by_key(|event| event.data["version"].as_i64());
        found
    }

    /// The events about a subject; each is what its schema describes.
    pub async fn told_of(&self, subject: &str) -> Vec<CloudEvent<Value>> {
        let events = EventStore::new(self.dynamodb.clone(), "events");
        let mut found: Vec<_> = events.newest::<Value>(subject, 100, None).await.unwrap();
        found.reverse();
        found.iter().for_each(parvis_test_events::check);
        found
    }

    /// Counts rows.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(self.database.pool().await.unwrap()).await.unwrap()
    }
}

/// The clock some minutes later.
pub fn later(minutes: i64) {
    NOW.set(now() + TimeDelta::minutes(minutes));
}

impl Platform {
    /// Marks a favourite.
    pub async fn put_favourite(&self, who: Person, resource: &str) {
        self.send("PUT", &format!("/v1/me/favourites/{resource}"), Some(who), &[], None).await.ok();
    }
}
