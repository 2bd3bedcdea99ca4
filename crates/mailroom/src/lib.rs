//! DynamoDB and SQS adapters of notifications: people, what is due, letters, watches, webhooks.

mod config;
pub mod letters;
mod queue;
mod store;

pub use config::{ConfigError, webhook_private_hosts, writer_from_env};
pub use queue::{LetterQueue, QueueError, WebhookQueue};
pub use store::{Attempt, Bucket, Entry, NoticeStore, Page, Pending, Standing, StoreError, Suppression, Unreachable};
