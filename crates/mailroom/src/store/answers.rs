//! What requests with a key were answered, so that a repetition gets the same answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use parvis_kit::idempotency::Idempotency;
use serde::{Serialize, de::DeserializeOwned};

use super::{NoticeStore, StoreError};

const ANSWER: &str = "answer";
/// How long a request may be repeated.
const KEEP_ANSWER: Duration = Duration::from_hours(24);

impl NoticeStore {
    /// Who may do what a key stands for; the keys are those of [`Self::keep_answer`].
    #[must_use]
    pub fn claims(&self) -> Idempotency {
        Idempotency::new(self.client.clone(), &self.table, KEEP_ANSWER)
    }

    /// Keeps what the request under `key` was answered, for a day.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn keep_answer(&self, key: &str, answer: &impl Serialize, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(key, ANSWER, answer, Some(now + KEEP_ANSWER)).await
    }

    /// What the request under `key` was answered.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn kept_answer<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        self.read(key, ANSWER).await
    }
}
