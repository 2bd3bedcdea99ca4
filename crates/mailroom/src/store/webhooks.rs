//! Other systems, and the attempts to tell them.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_notices::webhook::Webhook;
use serde::{Deserialize, Serialize};

use super::{NoticeStore, StoreError, body, is_over, moment, readable};

const WEBHOOKS: &str = "webhooks";
const KEEP_ATTEMPTS: TimeDelta = TimeDelta::days(30);

/// An attempt to tell a webhook of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: DateTime<Utc>,
    /// Which event.
    pub event: String,
    /// Its type.
    pub kind: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Whether it was taken.
    pub taken: bool,
    /// What went wrong.
    pub reason: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

fn attempts(webhook: &str) -> String {
    format!("webhook#{webhook}")
}

impl NoticeStore {
    /// All webhooks that can be read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        Ok(readable(&self.all(WEBHOOKS, "").await?, body).0)
    }

    /// One of them.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn webhook(&self, id: &str) -> Result<Option<Webhook>, StoreError> {
        self.read(WEBHOOKS, id).await
    }

    /// Stores one as its next version.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when somebody else has changed it since or taken it away, or when the table cannot be written.
    pub async fn save_webhook(&self, webhook: &mut Webhook) -> Result<(), StoreError> {
        let next = Webhook { version: webhook.version + 1, ..webhook.clone() };
        self.write_version(WEBHOOKS, &next.id, &next, next.version).await?;
        *webhook = next;
        Ok(())
    }

    /// Takes one away.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn drop_webhook(&self, id: &str) -> Result<(), StoreError> {
        self.remove(WEBHOOKS, id).await
    }

    /// Notes an attempt.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note_attempt(&self, webhook: &str, attempt: &Attempt) -> Result<(), StoreError> {
        let sk = format!("{}#{}", moment(attempt.at), attempt.event);
        self.write(&attempts(webhook), &sk, attempt, Some(attempt.at + KEEP_ATTEMPTS)).await
    }

    /// The newest attempts.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn attempts(&self, webhook: &str, limit: i32, now: DateTime<Utc>) -> Result<Vec<Attempt>, StoreError> {
        let mut items = self.newest(&attempts(webhook), "", None, limit).await?;
        items.retain(|item| !is_over(item, now));
        Ok(readable(&items, body).0)
    }
}
