//! An application with a store of its own, ways to fill it and to ask.

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use axum::{
    Json,
    body::to_bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecast::{App, plan::JobQueue, routes::router};
use parvis_forecasting::{Calendar, Grid, Kind, Options, Series, Step, fit};
use parvis_forecasts::{Definition, ForecastStore, Known, Outcome, Outlook, Subject};
use parvis_kit::http::service;
use parvis_places::PlacesStore;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The present of all tests: a Monday, 13:05 in Paris.
pub fn now() -> DateTime<Utc> {
    at("2026-03-16T12:05:00Z")
}

/// An instant.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An application under test.
pub struct Platform {
    pub app: App,
    router: axum::Router,
    pub store: ForecastStore,
    pub places: PlacesStore,
    queued: Queued,
}

/// Bodies of the messages that a queue has taken.
type Queued = Arc<Mutex<Vec<Value>>>;

/// A queue that takes every message, over HTTP as SQS does.
async fn queue() -> (JobQueue, Queued) {
    let queued = Queued::default();
    let take = |State(queued): State<Queued>, body: String| async move {
        // The SDK's content type is one of its own.
        let batch: Value = serde_json::from_str(&body).unwrap();
        let entries = batch["Entries"].as_array().unwrap();
        let body = |entry: &Value| serde_json::from_str(entry["MessageBody"].as_str().unwrap()).unwrap();
        queued.lock().unwrap().extend(entries.iter().map(body));
        let taken = |entry: &Value| json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "" });
        Json(json!({ "Successful": entries.iter().map(taken).collect::<Vec<_>>(), "Failed": [] }))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = axum::Router::new().fallback(axum::routing::post(take)).with_state(Arc::clone(&queued));
    tokio::spawn(async move { axum::serve(listener, server).await });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_sqs::config::Region::new("eu-west-3"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(&url)
        .build();
    (JobQueue::new(aws_sdk_sqs::Client::from_conf(config), format!("{url}/forecasts")), queued)
}

/// What the application answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The JSON of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The problem of a refusal.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        self.json()
    }
}

impl Platform {
    /// Nothing is forecast yet.
    pub async fn empty() -> Self {
        let dynamodb = parvis_test_tables::start(&["forecasts", "places"]).await.unwrap();
        let store = ForecastStore::new(dynamodb.clone(), "forecasts");
        let places = PlacesStore::new(dynamodb, "places");
        let (queue, queued) = queue().await;
        let app = App::new(store.clone(), places.clone(), queue, now);
        Self { router: router(app.clone()), app, store, places, queued }
    }

    /// What was put into the queue of jobs.
    pub fn queued(&self) -> Vec<Value> {
        self.queued.lock().unwrap().clone()
    }

    /// A car park of 100 spaces that is full from 08:00 to 17:00 and nearly empty otherwise.
    pub async fn with_car_park() -> Self {
        let platform = Self::empty().await;
        platform.forecast("parking/gare").await;
        platform
    }

    /// Forecasts a series of four weeks as it is at noon.
    pub async fn forecast(&self, subject: &str) {
        let definition = car_park(subject);
        let fitted = {
            let start = at("2026-02-16T12:00:00Z");
            let grid = Grid::new(start, Step::Minutes(15), chrono_tz::Europe::Paris);
            // Quarters differ by what no model can know, so that the bands have a width.
            let noise = |step: i32, most: i32| f64::from(step * 7919 % 1009 % most);
            let full = |step: i32| match (step / 4 + 13).rem_euclid(24) {
                8..17 => 98.0 + noise(step, 3),
                _ => 5.0 + noise(step, 7),
            };
            let values: Vec<_> = (0..28 * 96).map(|step| Some(full(step))).collect();
            let series = Series::new(grid, definition.kind, &values).unwrap();
            fit(&series, &definition.calendar, &Options::new(7 * 96, 96)).unwrap()
        };
        let forecast = fitted.forecast(7 * 96);
        let known = Some(Known { until: fitted.known_until(), silent: fitted.is_silent() });
        let outlook = Outlook {
            definition: definition.clone(),
            origin: forecast.origin,
            trained_at: at("2026-03-16T01:30:00Z"),
            model_version: fitted.version(),
            span: fitted.span(),
            borrowed: false,
            known,
            rehearsed: fitted.rehearsed().to_vec(),
            steps: forecast.steps,
            explanation: forecast.explanation,
        };
        let outcome = Outcome::Forecast {
            origin: outlook.origin,
            trained_at: outlook.trained_at,
            borrowed: false,
            known,
            expected_error: fitted.expected_error(),
            drift: None,
        };
        self.store.define(&definition).await.unwrap();
        self.store.put_outlook(&outlook).await.unwrap();
        self.store.conclude(&definition.subject, &outcome).await.unwrap();
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
        self.send("GET", path, None, None).await
    }

    /// Sends JSON, as a caller of the role.
    pub async fn send(&self, method: &str, path: &str, role: Option<&str>, body: Option<Value>) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": { "host": "api.example", "content-type": "application/json" },
            "requestContext": { "stage": "$default", "http": { "method": method, "path": path } },
            "isBase64Encoded": false,
        });
        if let Some(role) = role {
            event["requestContext"]["authorizer"] =
                json!({ "jwt": { "claims": { "sub": "42", "cognito:groups": format!("[{role}]") }, "scopes": null } });
        }
        if let Some(body) = body {
            event["body"] = body.to_string().into();
        }
        self.invoke(&event.to_string()).await
    }
}

/// A car park of 100 spaces.
pub fn car_park(subject: &str) -> Definition {
    Definition {
        subject: subject.parse::<Subject>().unwrap(),
        title: "Parking Gare".to_owned(),
        kind: Kind::Bounded { capacity: 100.0 },
        step_minutes: 15,
        calendar: Calendar::new(chrono_tz::Europe::Paris),
    }
}

/// Hours after the present's full hour.
pub fn later(hours: i64) -> String {
    (at("2026-03-16T12:00:00Z") + TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
