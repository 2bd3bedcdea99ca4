//! For tests: as much of SQS as takes batches of letters, reached through the real SDK, and keeps them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use parvis_notices::Letter;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A queue; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Reaches it.
    pub client: Client,
    /// Where it is.
    pub url: String,
    posted: Arc<Mutex<Vec<Letter>>>,
}

impl Queue {
    /// Starts an empty queue.
    ///
    /// # Errors
    /// When there is no port for it.
    pub async fn start() -> Result<Self> {
        let posted: Arc<Mutex<Vec<Letter>>> = Arc::default();
        let kept = Arc::clone(&posted);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(move |body: Bytes| async move { take(&kept, &body) }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-3"))
            .credentials_provider(Credentials::new("local", "local", None, None, "parvis-test-letters"))
            .http_client(Builder::new().build_http())
            .endpoint_url(&endpoint);
        let client = Client::from_conf(config.build());
        Ok(Self { client, url: format!("{endpoint}/000000000000/LetterQueue"), posted })
    }

    /// What was posted since the last look.
    #[must_use]
    pub fn posted(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.posted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes a batch. What is no letter, or has characters that SQS refuses, is the sender's fault.
fn take(kept: &Mutex<Vec<Letter>>, body: &[u8]) -> (StatusCode, Json<Value>) {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in request["Entries"].as_array().into_iter().flatten() {
        let body = entry["MessageBody"].as_str().unwrap_or_default();
        match serde_json::from_str::<Letter>(body) {
            Ok(letter) if !body.contains(['\u{fffe}', '\u{ffff}']) => {
                successful.push(json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "" }));
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
            }
            _ => failed.push(json!({ "Id": entry["Id"], "Code": "InvalidMessageContents", "SenderFault": true })),
        }
    }
    (StatusCode::OK, Json(json!({ "Successful": successful, "Failed": failed })))
}
