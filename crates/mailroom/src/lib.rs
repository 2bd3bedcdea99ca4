//! DynamoDB and SQS adapters of notifications: people, what is due, letters, watches, webhooks.

mod config;
pub mod letters;
mod queue;
mod store;

pub use config::{ConfigError, writer_from_env};
pub use queue::{LetterQueue, QueueError};
pub use store::{Attempt, Entry, NoticeStore, Page, StoreError};
