//! The function with real tables in the process, and a queue that remembers what it was sent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Duration, Utc};
use parvis_ingest::envelope::Envelope;
use parvis_ingest::{Answer, Config, Ingest, Invocation, Record};
use parvis_live::LiveStore;
use parvis_parking::plate::PlateKey;
use parvis_parking::{Block, BlockKey, SpaceState};
use parvis_places::{DefaultPlace, PlacesStore};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const LIVE: &str = "live";
pub const PLACES: &str = "places";
pub const PLATES: &str = "plates";

/// When the sample events were received.
pub fn received_at() -> DateTime<Utc> {
    "2026-01-18T10:00:00Z".parse().unwrap()
}

/// What the dead-letter queue was sent.
#[derive(Default)]
pub struct Queue {
    down: AtomicBool,
    entries: Mutex<Vec<Letter>>,
}

#[derive(Debug, Clone)]
pub struct Letter {
    pub body: String,
    pub attributes: HashMap<String, String>,
}

async fn send_message_batch(State(queue): State<Arc<Queue>>, request: Bytes) -> (StatusCode, Json<Value>) {
    let request: Value = serde_json::from_slice(&request).unwrap();
    if queue.down.load(Ordering::Relaxed) {
        let error = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"});
        return (StatusCode::BAD_REQUEST, Json(error));
    }
    let entries = request["Entries"].as_array().unwrap();
    assert!(entries.len() <= 10, "SQS takes at most ten entries");
    let mut sent = Vec::new();
    for entry in entries {
        let attributes = entry["MessageAttributes"].as_object().unwrap();
        queue.entries.lock().unwrap().push(Letter {
            body: entry["MessageBody"].as_str().unwrap().to_owned(),
            attributes: attributes
                .iter()
                .map(|(name, value)| (name.clone(), value["StringValue"].as_str().unwrap().to_owned()))
                .collect(),
        });
        sent.push(json!({"Id": entry["Id"], "MessageId": "sent", "MD5OfMessageBody": ""}));
    }
    (StatusCode::OK, Json(json!({"Successful": sent, "Failed": []})))
}

/// Tables and a queue, with as many sandboxes of the function as a test likes.
pub struct World {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub queue: Arc<Queue>,
    sqs: aws_sdk_sqs::Client,
}

impl World {
    pub async fn start() -> Result<Self> {
        let queue = Arc::new(Queue::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let app = Router::new().route("/", post(send_message_batch)).with_state(queue.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-3"))
            .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
            .http_client(Builder::new().build_http())
            .endpoint_url(endpoint)
            .build();
        Ok(Self {
            dynamodb: parvis_test_tables::start(&[LIVE, PLACES, PLATES]).await?,
            queue,
            sqs: aws_sdk_sqs::Client::from_conf(sqs),
        })
    }

    /// A new sandbox: nothing cached.
    pub fn sandbox(&self) -> Ingest {
        let config = Config {
            live_table: LIVE.into(),
            places_table: PLACES.into(),
            plates_table: PLATES.into(),
            dead_letter_queue_url: "https://sqs.eu-west-3.amazonaws.com/123456789012/dead".into(),
            comms_lost_after: Duration::minutes(15),
            plate_key: PlateKey::new(b"secret"),
            default_place: DefaultPlace { id: "default".parse().unwrap(), timezone: chrono_tz::Europe::Paris },
        };
        Ingest::with_clients(self.dynamodb.clone(), self.sqs.clone(), config)
    }

    pub fn live(&self) -> LiveStore {
        LiveStore::new(self.dynamodb.clone(), LIVE)
    }

    pub fn register(&self) -> PlacesStore {
        PlacesStore::new(self.dynamodb.clone(), PLACES)
    }

    pub async fn block(&self, place: &str, sort_key: &str) -> Result<Block> {
        let key = BlockKey::parse(place, sort_key)?;
        let stored = self.live().get(&key).await?;
        Ok(stored.map(|stored| stored.block).unwrap_or_else(|| panic!("no block {key}")))
    }

    pub async fn space(&self, zone: &str, number: u32) -> Result<SpaceState> {
        let block = self.block("default", &format!("{zone}#{:04}", (number - 1) / 32)).await?;
        let space = parvis_parking::SpaceNumber::try_from(number)?;
        Ok(block.as_spaces().unwrap().get(space).cloned().unwrap_or_else(|| panic!("no space {number}")))
    }

    pub fn letters(&self) -> Vec<Letter> {
        self.queue.entries.lock().unwrap().clone()
    }

    pub fn dead_letter_queue_is_down(&self, down: bool) {
        self.queue.down.store(down, Ordering::Relaxed);
    }
}

/// Handles a batch and returns the ids of the messages that must come again.
pub async fn handle(ingest: &Ingest, records: Vec<Record>) -> Result<Vec<String>> {
    let invocation = Invocation { records: Some(records), task: None };
    match ingest.handle(invocation, received_at()).await? {
        Answer::Batch(response) => {
            Ok(response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
        }
        Answer::Silence(report) => panic!("{report:?}"),
    }
}

/// A record of the queue.
pub fn record(id: &str, topic: &str, payload: &Value, received_at: DateTime<Utc>) -> Record {
    let envelope =
        Envelope { topic: topic.to_owned(), payload: payload.to_string().into_bytes(), received_at, client_id: None };
    serde_json::from_value(json!({"messageId": id, "body": envelope.to_body()})).unwrap()
}

/// A reading of a space of zone `a` of the default place, so many milliseconds after [`received_at`].
pub fn reading(id: &str, space: u32, occupied: bool, millis: i64) -> Record {
    let at = received_at() + Duration::milliseconds(millis);
    let status = if occupied { "occupied" } else { "free" };
    let payload = json!({"status": status, "timestamp": at.timestamp_millis()});
    record(id, &format!("parking/a/place_{space}"), &payload, at)
}
