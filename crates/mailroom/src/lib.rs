//! DynamoDB and SQS adapters of notifications: people, what is due, letters, watches, webhooks.

pub mod letters;
mod queue;
mod store;

pub use queue::{LetterQueue, QueueError};
pub use store::{Attempt, Entry, NoticeStore, Page, StoreError};
