//! SQS: durable queues in a SQLite file, in process ([`Queues`]) and in SQS's own JSON protocol ([`protocol`]).
//!
//! A send returns when its message is committed to the file's write-ahead log. With `synchronous = OFF` that survives the
//! death of this process, which is what "an acknowledged message is not lost" means here; see [`crate::state`].

mod model;
pub mod protocol;
mod shapes;
mod store;
mod writer;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};
use uuid::Uuid;

pub use model::{
    Attribute, Attributes, Counts, Definition, MAX_MESSAGE_BYTES, Outgoing, Received, md5_of_attributes, md5_of_body,
    queue_name,
};

use crate::faults::Faults;
use model::Receipt;
use store::{NewMessage, QueueIndex, Store};
use writer::{Command, Wakers};

/// What can go wrong with a queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No queue of this name in the template.
    #[error("the queue {0} does not exist")]
    UnknownQueue(String),
    /// A message above [`MAX_MESSAGE_BYTES`].
    #[error("a message of {0} bytes is larger than {MAX_MESSAGE_BYTES}")]
    TooLarge(usize),
    /// A message with characters that SQS does not take.
    #[error("the message has characters outside of those allowed")]
    NotText,
    /// A receipt handle that was not made here.
    #[error("the receipt handle is not valid")]
    InvalidReceipt,
    /// A receipt handle of a message that was deleted or received again.
    #[error("the message is not in flight under this receipt handle")]
    NotInFlight,
    /// The file cannot be read or written.
    #[error("the queues' file: {0}")]
    Storage(Arc<rusqlite::Error>),
    /// The writer thread is gone, or could not open a transaction.
    #[error("the queues are closed")]
    Closed,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}

/// Result of a queue operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The queues of a stack. Cheap to clone.
#[derive(Clone)]
pub struct Queues(Arc<Inner>);

struct Inner {
    definitions: Vec<Definition>,
    index: HashMap<String, QueueIndex>,
    wakers: Wakers,
    writer: mpsc::Sender<Command>,
    faults: Arc<Faults>,
}

/// How to receive.
#[derive(Debug, Clone, Copy)]
pub struct Receive {
    /// Most messages.
    pub most: usize,
    /// How long to wait for the first one (long polling).
    pub wait: Duration,
    /// Time they stay invisible; the queue's when none.
    pub visibility: Option<Duration>,
}

impl Queues {
    /// Opens the file and its queues.
    ///
    /// # Errors
    /// When the file cannot be opened or the writer thread not started.
    pub fn open(path: &Path, definitions: Vec<Definition>, faults: Arc<Faults>) -> Result<Self> {
        let connection = crate::state::open(path)?;
        let store = Store::prepare(&connection, definitions.clone(), now_ms())?;
        let wakers: Wakers = Arc::new(definitions.iter().map(|_| watch::channel(0).0).collect());
        let writer = writer::spawn(connection, store, wakers.clone()).map_err(|_| Error::Closed)?;
        let index = definitions.iter().enumerate().map(|(i, definition)| (definition.name.clone(), i)).collect();
        Ok(Self(Arc::new(Inner { definitions, index, wakers, writer, faults })))
    }

    /// What the queues are.
    #[must_use]
    pub fn definitions(&self) -> &[Definition] {
        &self.0.definitions
    }

    /// One queue by name, URL or ARN.
    ///
    /// # Errors
    /// [`Error::UnknownQueue`].
    pub fn definition(&self, queue: &str) -> Result<&Definition> {
        Ok(&self.0.definitions[self.find(queue)?])
    }

    /// Sends one message; returns its id once it is durable.
    ///
    /// # Errors
    /// See [`Self::send_batch`].
    pub async fn send(&self, queue: &str, body: String, attributes: Attributes) -> Result<String> {
        let ids = self.send_batch(queue, vec![Outgoing { body, attributes, delay: None }]).await?;
        ids.into_iter().next().ok_or(Error::Closed)
    }

    /// Sends messages in one transaction; returns their ids, in order, once they are durable.
    ///
    /// # Errors
    /// When the queue is unknown, a message too large or of characters that SQS does not take (then none is sent), or the file cannot be
    /// written.
    pub async fn send_batch(&self, queue: &str, messages: Vec<Outgoing>) -> Result<Vec<String>> {
        let queue = self.find(queue)?;
        if let Some(bytes) = messages.iter().map(Outgoing::bytes).find(|bytes| *bytes > MAX_MESSAGE_BYTES) {
            return Err(Error::TooLarge(bytes));
        }
        if !messages.iter().all(Outgoing::is_text) {
            return Err(Error::NotText);
        }
        let now = now_ms();
        let mut ids = Vec::with_capacity(messages.len());
        let mut rows = Vec::with_capacity(messages.len());
        for message in messages {
            let id = Uuid::new_v4().to_string();
            ids.push(id.clone());
            let delay = message.delay.unwrap_or(self.0.definitions[queue].delay);
            let row = NewMessage {
                message_id: id,
                body: message.body,
                attributes: message.attributes,
                sent_at: now,
                visible_at: now + millis(delay),
            };
            rows.extend(self.deliveries(row));
        }
        self.ask(|reply| Command::Send { queue, messages: rows, reply }).await?;
        Ok(ids)
    }

    /// One message as it will be delivered: late or twice where a test asked for it.
    fn deliveries(&self, mut row: NewMessage) -> impl Iterator<Item = NewMessage> {
        let fate = self.0.faults.delivery();
        row.visible_at += millis(fate.delay);
        let duplicate = fate.duplicate_after.map(|after| NewMessage {
            message_id: row.message_id.clone(),
            body: row.body.clone(),
            attributes: row.attributes.clone(),
            sent_at: row.sent_at,
            visible_at: row.visible_at + millis(after),
        });
        std::iter::once(row).chain(duplicate)
    }

    /// Receives messages, waiting for the first one as long as asked.
    ///
    /// # Errors
    /// When the queue is unknown or the file cannot be written.
    pub async fn receive(&self, queue: &str, how: Receive) -> Result<Vec<Received>> {
        let queue = self.find(queue)?;
        let visibility = how.visibility.unwrap_or(self.0.definitions[queue].visibility);
        let deadline = Instant::now() + how.wait;
        let mut wake = self.0.wakers[queue].subscribe();
        loop {
            wake.mark_unchanged();
            let visible_again = now_ms() + millis(visibility);
            let batch = self.ask(|reply| Command::Receive { queue, most: how.most, visible_again, reply }).await?;
            if !batch.messages.is_empty() || Instant::now() >= deadline {
                return Ok(batch.messages);
            }
            let next = batch.next_visible_at.map(|at| Instant::now() + from_millis(at - now_ms()));
            let until = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                _ = wake.changed() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// Deletes received messages. A receipt of a message that was meanwhile received again deletes nothing.
    ///
    /// # Errors
    /// When the queue is unknown, a receipt malformed, or the file cannot be written.
    pub async fn delete(&self, queue: &str, receipts: &[String]) -> Result<()> {
        let queue = self.find(queue)?;
        let receipts = receipts
            .iter()
            .map(|handle| Receipt::decode(handle).ok_or(Error::InvalidReceipt))
            .collect::<Result<_>>()?;
        self.ask(|reply| Command::Delete { queue, receipts, reply }).await
    }

    /// Sets for how long from now received messages stay invisible; false for those no longer in flight under their receipt.
    ///
    /// # Errors
    /// When the queue is unknown, a receipt malformed, or the file cannot be written.
    pub async fn change_visibility(&self, queue: &str, changes: &[(String, Duration)]) -> Result<Vec<bool>> {
        let queue = self.find(queue)?;
        let now = now_ms();
        let change = |(handle, delay): &(String, Duration)| {
            Ok((Receipt::decode(handle).ok_or(Error::InvalidReceipt)?, now + millis(*delay)))
        };
        let changes = changes.iter().map(change).collect::<Result<_>>()?;
        self.ask(|reply| Command::SetVisibleAt { queue, changes, reply }).await
    }

    /// Deletes every message of a queue.
    ///
    /// # Errors
    /// When the queue is unknown or the file cannot be written.
    pub async fn purge(&self, queue: &str) -> Result<()> {
        let queue = self.find(queue)?;
        self.ask(|reply| Command::Purge { queue, reply }).await
    }

    /// How many messages a queue holds.
    ///
    /// # Errors
    /// When the queue is unknown or the file cannot be read.
    pub async fn counts(&self, queue: &str) -> Result<Counts> {
        let queue = self.find(queue)?;
        self.ask(|reply| Command::Counts { queue, reply }).await
    }

    fn find(&self, reference: &str) -> Result<QueueIndex> {
        let name = queue_name(reference);
        self.0.index.get(name).copied().ok_or_else(|| Error::UnknownQueue(name.to_owned()))
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.0.writer.send(command(reply)).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

/// Now, in ms since the epoch.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn from_millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests;
