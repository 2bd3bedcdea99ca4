//! One invocation: a batch of letters, or messages of the topic of bounces.

use std::collections::HashMap;

use aws_lambda_events::sqs::SqsBatchResponse;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use parvis_kit::batch::queue_response;
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_notices::Letter;
use serde::Deserialize;

use crate::FUNCTION;
use crate::delivery::{Deliverer, Outcome};

/// Letters on their way at the same time.
const CONCURRENCY: usize = 10;

/// What invokes the function.
#[derive(Debug, Deserialize)]
pub struct Batch {
    /// Messages of the queue, or of the topic of bounces.
    #[serde(rename = "Records", default)]
    pub records: Vec<Record>,
}

/// A message, as far as it is read here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// By it a message is named that must come again.
    pub message_id: String,
    /// By it its pause is set.
    pub receipt_handle: String,
    /// The queue that it comes from.
    #[serde(rename = "eventSourceARN")]
    pub queue: String,
    /// A letter.
    pub body: String,
    /// How often it has come, among others.
    pub attributes: HashMap<String, String>,
    /// A message of the topic of bounces instead.
    #[serde(rename = "Sns")]
    pub sns: Option<Told>,
}

/// What a topic tells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Told {
    /// The message.
    pub message: String,
}

impl Record {
    fn receive_count(&self) -> u32 {
        self.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
    }
}

impl Deliverer {
    /// Handles one invocation at the time `now`, whose sandbox lives until `lease_until`.
    ///
    /// # Errors
    /// When a bounce cannot be noted; the topic then tells it again.
    pub async fn handle(
        &self,
        batch: Batch,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<SqsBatchResponse, Failure> {
        let mut metrics = Metrics::new(FUNCTION);
        let (told, letters): (Vec<_>, Vec<_>) = batch.records.iter().partition(|record| record.sns.is_some());
        for told in told.iter().filter_map(|record| record.sns.as_ref()) {
            let addresses = self.hear(&told.message, now).await.map_err(Failure::retryable)?;
            metrics.count("AddressesSuppressed", addresses, &[]);
        }
        let outcomes = letters.iter().map(|record| self.record(record, now, lease_until)).collect::<Vec<_>>();
        let outcomes: Vec<_> = stream::iter(outcomes).buffered(CONCURRENCY).collect().await;
        let mut failed = Vec::new();
        for (record, outcome) in letters.iter().zip(outcomes) {
            match outcome {
                Some(Outcome::Again) => {
                    metrics.count("LettersRetried", 1, &[]);
                    failed.push(record.message_id.clone());
                }
                Some(Outcome::Sent) => drop(metrics.count("LettersSent", 1, &[])),
                Some(Outcome::Refused) => drop(metrics.count("LettersRefused", 1, &[])),
                Some(Outcome::Dropped) => drop(metrics.count("LettersDropped", 1, &[])),
                Some(Outcome::Duplicate) => drop(metrics.count("DuplicateLetters", 1, &[])),
                None => {
                    metrics.count("UnreadableLetters", 1, &[]);
                    failed.push(record.message_id.clone());
                }
            }
        }
        Ok(queue_response(failed))
    }

    /// A message of the queue; `None` when it is no letter. No attempt would change that: it goes on into the dead-letter queue without
    /// pauses that grow, where it can be read, and sent again by a version that understands it.
    async fn record(&self, record: &Record, now: DateTime<Utc>, lease_until: DateTime<Utc>) -> Option<Outcome> {
        let letter: Letter = match serde_json::from_str(&record.body) {
            Ok(letter) => letter,
            Err(error) => {
                tracing::error!(error = %chain(&error), message = record.message_id, "not a letter");
                self.retries.pause(&record.queue, &record.receipt_handle, 1, TimeDelta::zero()).await;
                return None;
            }
        };
        let outcome = self.deliver(&letter, now, lease_until).await;
        if outcome == Outcome::Again {
            let left = letter.useful_until - now;
            self.retries.pause(&record.queue, &record.receipt_handle, record.receive_count(), left).await;
        }
        Some(outcome)
    }
}
