//! Another system that is told of events, and something for it to hear of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use parvis_notices::webhook;
use parvis_testkit::{Device, Reading};
use serde_json::Value;

/// What a receiver has got.
pub type Heard = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// Another system, in the test: fails the first time and takes everything from then on.
pub async fn receiver() -> (String, Heard) {
    async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: String) -> axum::http::StatusCode {
        let mut heard = heard.lock().unwrap();
        heard.push((headers, body));
        if heard.len() == 1 { axum::http::StatusCode::SERVICE_UNAVAILABLE } else { axum::http::StatusCode::NO_CONTENT }
    }
    let heard = Heard::default();
    let router = axum::Router::new().route("/hook", axum::routing::post(hear)).with_state(heard.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, heard)
}

/// The events that a receiver has taken, by id, each with a signature that holds.
pub fn signed(heard: &Heard, secret: &str) -> BTreeMap<String, Value> {
    let heard = heard.lock().unwrap();
    let mut events = BTreeMap::new();
    for (headers, body) in heard.iter() {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let (id, at) = (header("webhook-id"), header("webhook-timestamp").parse().unwrap());
        let wanted = webhook::signature(secret, &id, DateTime::from_timestamp(at, 0).unwrap(), body).unwrap();
        assert_eq!(header("webhook-signature"), wanted);
        let event: Value = serde_json::from_str(body).unwrap();
        assert_eq!(event["id"], id.as_str());
        events.insert(id, event);
    }
    events
}

/// Cars park in spaces of a deck.
pub async fn occupy(device: &Device, place: &str, spaces: std::ops::RangeInclusive<u32>, at: DateTime<Utc>) {
    for space in spaces {
        let reading = Reading { zone: "Deck".into(), space, occupied: true, at };
        device.publish(reading.topic(place), reading.payload()).await.unwrap();
    }
    device.acknowledged().await.unwrap();
}
