//! Telling what has happened, signed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use parvis_stripe::webhook;
use serde_json::Value;

/// Where messages go.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The address.
    pub url: String,
    /// With what they are signed.
    pub secret: String,
    /// By whom they are sent.
    pub client: reqwest::Client,
}

/// Waits before further attempts.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(3), Duration::from_secs(15)];

impl Webhook {
    /// Sends a message in the background, a few times if it is not taken.
    pub fn tell(&self, event: Value, now: DateTime<Utc>) {
        let webhook = self.clone();
        tokio::spawn(async move {
            let body = event.to_string();
            for pause in PAUSES {
                tokio::time::sleep(pause).await;
                let request = webhook
                    .client
                    .post(&webhook.url)
                    .header(webhook::HEADER, webhook::sign(&webhook.secret, body.as_bytes(), now))
                    .header("content-type", "application/json")
                    .body(body.clone());
                if request.send().await.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
            }
            tracing::warn!(url = webhook.url, "a message of the test provider was not taken");
        });
    }
}
