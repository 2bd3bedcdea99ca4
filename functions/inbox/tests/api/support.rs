//! An application with stores of its own, a queue that keeps what is posted, and ways to ask.

use std::cell::Cell;
use std::io::Read as _;
use std::sync::Mutex;

use axum::Router;
use axum::body::to_bytes;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_inbox::{App, Stores, routes::router};
use parvis_kit::http::service;
use parvis_mailroom::{LetterQueue, NoticeStore};
use parvis_notices::compose::{House, Writer};
use parvis_notices::token::LinkKey;
use parvis_notices::{Catalog, Language, Letter, Texts};
use parvis_places::{CachedPlaces, DefaultPlace, Enrolment, Place, PlacesStore};
use parvis_test_letters::Queue;
use serde_json::{Value, json};
use tower::ServiceExt as _;

thread_local! {
    static NOW: Cell<DateTime<Utc>> = Cell::new("2026-07-13T08:00:00Z".parse().unwrap());
}

/// The present of the test; it stands still unless [`later`] moves it.
pub fn now() -> DateTime<Utc> {
    NOW.get()
}

/// Some seconds pass.
pub fn later(seconds: i64) {
    NOW.set(now() + TimeDelta::seconds(seconds));
}

/// Always the same bytes, so that codes are known: the last digits of the number that sixteen of them make.
fn bytes() -> [u8; 32] {
    [7; 32]
}

/// The code that every address is sent.
pub fn code() -> String {
    format!("{:06}", u128::from_be_bytes([7; 16]) % 1_000_000)
}

/// An application under test.
pub struct Platform {
    router: Router,
    pub store: NoticeStore,
    pub writer: Writer,
    places: PlacesStore,
    queue: Queue,
    network: Mutex<String>,
    asked: crate::sns::Asked,
}

/// What the application answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The JSON of a success; null when it has none.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    /// The problem of a refusal.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The fields that a 422 names.
    #[track_caller]
    pub fn fields(&self) -> Vec<String> {
        let problem = self.refused(422);
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

fn writer() -> Writer {
    let house = House {
        language: Language::French,
        timezone: chrono_tz::Europe::Paris,
        web_url: Some("https://parvis.example/".to_owned()),
        api_url: None,
        links: LinkKey::new("0123456789abcdef").unwrap(),
    };
    Writer { catalog: Catalog::load().unwrap(), texts: Texts::load().unwrap(), house }
}

fn default_place() -> DefaultPlace {
    DefaultPlace { id: "default".parse().unwrap(), timezone: chrono_tz::Europe::Paris }
}

impl Platform {
    /// Nobody is known yet.
    pub async fn start() -> Self {
        let dynamodb = parvis_test_tables::start(&["notices", "places"]).await.unwrap();
        let store = NoticeStore::new(dynamodb.clone(), "notices");
        let places = PlacesStore::new(dynamodb, "places");
        let queue = Queue::start().await.unwrap();
        let stores = Stores {
            notices: store.clone(),
            queue: LetterQueue::new(queue.client.clone(), &queue.url),
            places: CachedPlaces::new(places.clone(), default_place()),
        };
        let (devices, asked) = crate::sns::devices().await;
        let app = App::new(stores, writer(), devices, Vec::new(), now, bytes);
        Self {
            router: router(app),
            store,
            writer: writer(),
            places,
            queue,
            network: Mutex::new("192.0.2.1".to_owned()),
            asked,
        }
    }

    /// A place that knows its zones: none.
    pub async fn register(&self, id: &str) {
        let place = DefaultPlace { id: id.parse().unwrap(), ..default_place() }.record().place;
        self.places.put_place(&Place { enrolment: Enrolment::Closed, ..place }).await.unwrap();
    }

    /// Requests come from there from now on.
    pub fn from(&self, network: &str) {
        network.clone_into(&mut self.network.lock().unwrap());
    }

    /// What was posted since the last look.
    pub fn posted(&self) -> Vec<Letter> {
        self.queue.posted()
    }

    /// What SNS was asked since the last look.
    pub fn asked_of_sns(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
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

    /// Asks as a role, whose name is the login's subject as well; as a visitor without one.
    pub async fn send(&self, method: &str, path: &str, role: Option<&str>, body: Option<Value>) -> Answer {
        self.send_under(None, method, path, role, body).await
    }

    /// Posts under an idempotency key.
    pub async fn post_under(&self, key: &str, path: &str, role: Option<&str>, body: Value) -> Answer {
        self.send_under(Some(key), "POST", path, role, Some(body)).await
    }

    async fn send_under(
        &self,
        key: Option<&str>,
        method: &str,
        path: &str,
        role: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": { "host": "api.example", "content-type": "application/json" },
            "requestContext": {
                "stage": "$default", "http": { "method": method, "path": path, "sourceIp": *self.network.lock().unwrap() },
            },
            "isBase64Encoded": false,
        });
        if let Some(key) = key {
            event["headers"]["idempotency-key"] = key.into();
        }
        if let Some(role) = role {
            let claims = json!({ "sub": role, "cognito:groups": format!("[{role}]") });
            event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
        }
        if let Some(body) = body {
            event["body"] = body.to_string().into();
        }
        self.invoke(&event.to_string()).await
    }

    pub async fn get(&self, path: &str, role: Option<&str>) -> Answer {
        self.send("GET", path, role, None).await
    }
}
