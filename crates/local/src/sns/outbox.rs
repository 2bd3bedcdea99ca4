//! Everything the platform sent, in a SQLite file: what a phone, a mailbox or a subscriber would have received.
//!
//! It is also the queue of deliveries: an entry for a function or a queue is `pending` until it arrived, so a stack
//! that is killed delivers it after its next start.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, ToSql, params, types::Type};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::watch;

/// The file keeps about this many entries.
const KEPT: i64 = 10_000;
/// Entries listed when no limit is given.
pub const DEFAULT_LIMIT: u32 = 100;

/// Why the outbox cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file.
    #[error("the outbox's file: {0}")]
    File(#[from] rusqlite::Error),
    /// The thread at work on it.
    #[error("the outbox's thread: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// How a message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// To a topic: the message itself, once, whoever subscribes.
    Topic,
    /// Text message.
    Sms,
    /// E-mail.
    Email,
    /// Push notification to a device.
    Push,
    /// To a function.
    Lambda,
    /// To a queue.
    Sqs,
}

/// How far a delivery has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not arrived yet.
    Pending,
    /// Arrived. SMS, e-mail and push arrive in the outbox.
    Delivered,
    /// Given up.
    Failed,
}

/// A message attribute in the form in which subscribers receive it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    /// `String`, `Number`, `Binary`, `String.Array`, with or without a suffix.
    pub r#type: String,
    /// The value; base64 for binaries.
    pub value: String,
}

/// Attributes by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// Something to send.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// How.
    pub kind: Kind,
    /// Number, address or ARN; the topic's ARN for a topic.
    pub to: String,
    /// The message's id, shared by all deliveries of one message.
    pub message_id: String,
    /// The topic's ARN, if it went through one.
    pub topic: Option<String>,
    /// The subscription's ARN, if there is one.
    pub subscription: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Text.
    pub body: String,
    /// Attributes.
    pub attributes: Attributes,
    /// Where the delivery starts.
    pub status: Status,
}

/// Something sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Rising number, to be given as `since`.
    pub id: i64,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// How.
    pub kind: Kind,
    /// Number, address or ARN.
    pub to: String,
    /// The message's id.
    pub message_id: String,
    /// The topic's ARN.
    pub topic: Option<String>,
    /// The subscription's ARN.
    pub subscription: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Text.
    pub body: String,
    /// Attributes.
    pub attributes: Attributes,
    /// How far it has got.
    pub status: Status,
    /// Why it was given up.
    pub error: Option<String>,
}

/// Which entries to list.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Filter {
    /// Only entries after this id, oldest first; without it the newest first.
    pub since: Option<i64>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Most entries; [`DEFAULT_LIMIT`] when not given.
    pub limit: Option<u32>,
}

/// The outbox. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    last: watch::Sender<i64>,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    message_id TEXT NOT NULL,
    topic TEXT,
    subscription TEXT,
    subject TEXT,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    status TEXT NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (id) WHERE status = '\"pending\"';
CREATE TABLE IF NOT EXISTS subscription (arn TEXT PRIMARY KEY, definition TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS device (arn TEXT PRIMARY KEY, definition TEXT NOT NULL) STRICT;
";

const COLUMNS: &str =
    "id, at, kind, recipient, message_id, topic, subscription, subject, body, attributes, status, error";

impl Outbox {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be opened or is not a database.
    pub fn open(path: &Path) -> Result<Self, OutboxError> {
        let connection = crate::state::open(path)?;
        connection.execute_batch(SCHEMA)?;
        let last = connection.query_row("SELECT coalesce(max(id), 0) FROM outbox", [], |row| row.get(0))?;
        Ok(Self(Arc::new(Inner { connection: Mutex::new(connection), last: watch::Sender::new(last) })))
    }

    /// Adds what belongs together in one transaction and gives it back with ids.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was added then.
    pub async fn add(&self, entries: Vec<NewEntry>) -> Result<Vec<Entry>, OutboxError> {
        let added = self.blocking(move |connection| insert(connection, entries)).await?;
        if let Some(entry) = added.last() {
            self.0.last.send_if_modified(|last| std::mem::replace(last, entry.id.max(*last)) < entry.id);
        }
        Ok(added)
    }

    /// Notes how a delivery ended.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn settle(&self, id: i64, status: Status, error: Option<String>) -> Result<(), OutboxError> {
        let update = move |connection: &mut Connection| {
            let sql = "UPDATE outbox SET status = ?2, error = ?3 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id, text(&status)?, error]).map(drop)
        };
        self.blocking(update).await
    }

    /// Lists entries.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn list(&self, filter: Filter) -> Result<Vec<Entry>, OutboxError> {
        self.blocking(move |connection| {
            let order = if filter.since.is_some() { "ASC" } else { "DESC" };
            let kind = filter.kind.map(|kind| text(&kind)).transpose()?;
            let sql = format!(
                "SELECT {COLUMNS} FROM outbox WHERE id > ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY id {order} LIMIT ?3"
            );
            select(connection, &sql, &[&filter.since.unwrap_or(0), &kind, &filter.limit.unwrap_or(DEFAULT_LIMIT)])
        })
        .await
    }

    /// As [`list`](Self::list), but waits until there is something.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn wait(&self, filter: Filter, most: Duration) -> Result<Vec<Entry>, OutboxError> {
        // Subscribed before the first look, so that nothing added in between is missed.
        let mut last = self.0.last.subscribe();
        let deadline = tokio::time::Instant::now() + most;
        loop {
            let entries = self.list(filter).await?;
            if !entries.is_empty() || tokio::time::timeout_at(deadline, last.changed()).await.is_err() {
                return Ok(entries);
            }
        }
    }

    /// Id of the newest entry, 0 for none.
    #[must_use]
    pub fn last(&self) -> i64 {
        *self.0.last.borrow()
    }

    /// Deliveries that have not arrived, oldest first.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn pending(&self) -> Result<Vec<Entry>, OutboxError> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE status = '\"pending\"' ORDER BY id");
        self.blocking(move |connection| select(connection, &sql, &[])).await
    }

    /// Remembers a subscription made through the API.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn remember(&self, arn: String, definition: String) -> Result<(), OutboxError> {
        self.blocking(move |connection| {
            connection.execute("INSERT OR REPLACE INTO subscription VALUES (?1, ?2)", [arn, definition]).map(drop)
        })
        .await
    }

    /// Forgets it.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn forget(&self, arn: String) -> Result<(), OutboxError> {
        self.blocking(move |connection| connection.execute("DELETE FROM subscription WHERE arn = ?1", [arn]).map(drop))
            .await
    }

    /// The definitions remembered.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn remembered(&self) -> Result<Vec<String>, OutboxError> {
        self.blocking(|connection| {
            connection
                .prepare("SELECT definition FROM subscription ORDER BY arn")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
        .await
    }

    /// Remembers the endpoint of a device.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn remember_device(&self, arn: String, definition: String) -> Result<(), OutboxError> {
        self.blocking(move |connection| {
            connection.execute("INSERT OR REPLACE INTO device VALUES (?1, ?2)", [arn, definition]).map(drop)
        })
        .await
    }

    /// Forgets it.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn forget_device(&self, arn: String) -> Result<(), OutboxError> {
        self.blocking(move |connection| connection.execute("DELETE FROM device WHERE arn = ?1", [arn]).map(drop)).await
    }

    /// The endpoints remembered.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn devices(&self) -> Result<Vec<String>, OutboxError> {
        self.blocking(|connection| {
            connection.prepare("SELECT definition FROM device ORDER BY arn")?.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let inner = Arc::clone(&self.0);
        Ok(tokio::task::spawn_blocking(move || work(&mut inner.connection())).await??)
    }
}

impl Inner {
    /// A transaction that panicked was rolled back, so a poisoned lock is as good as any.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(connection: &mut Connection, entries: Vec<NewEntry>) -> rusqlite::Result<Vec<Entry>> {
    let transaction = connection.transaction()?;
    let at = DateTime::from_timestamp_millis(Utc::now().timestamp_millis()).unwrap_or_default();
    let mut added = Vec::with_capacity(entries.len());
    for entry in entries {
        let NewEntry { kind, to, message_id, topic, subscription, subject, body, attributes, status } = entry;
        transaction
            .prepare_cached("INSERT INTO outbox VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL)")?
            .execute(params![
                at.timestamp_millis(),
                text(&kind)?,
                to,
                message_id,
                topic,
                subscription,
                subject,
                body,
                text(&attributes)?,
                text(&status)?
            ])?;
        let id = transaction.last_insert_rowid();
        added.push(Entry {
            id,
            at,
            kind,
            to,
            message_id,
            topic,
            subscription,
            subject,
            body,
            attributes,
            status,
            error: None,
        });
    }
    if let Some(last) = added.last() {
        let sql = "DELETE FROM outbox WHERE id <= ?1 AND status <> '\"pending\"'";
        transaction.prepare_cached(sql)?.execute([last.id - KEPT])?;
    }
    transaction.commit()?;
    Ok(added)
}

fn select(connection: &Connection, sql: &str, parameters: &[&dyn ToSql]) -> rusqlite::Result<Vec<Entry>> {
    connection.prepare_cached(sql)?.query_map(parameters, entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        at: DateTime::from_timestamp_millis(row.get(1)?).unwrap_or_default(),
        kind: parsed(row, 2)?,
        to: row.get(3)?,
        message_id: row.get(4)?,
        topic: row.get(5)?,
        subscription: row.get(6)?,
        subject: row.get(7)?,
        body: row.get(8)?,
        attributes: parsed(row, 9)?,
        status: parsed(row, 10)?,
        error: row.get(11)?,
    })
}

/// Enums and maps stand in the file as JSON.
fn text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn parsed<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sms(body: &str, status: Status) -> NewEntry {
        NewEntry {
            kind: Kind::Sms,
            to: "+33639980002".into(),
            message_id: "m".into(),
            topic: None,
            subscription: None,
            subject: None,
            body: body.into(),
            attributes: Attributes::from([(
                "level".into(),
                Attribute { r#type: "String".into(), value: "busy".into() },
            )]),
            status,
        }
    }

    #[tokio::test]
    async fn entries_survive_a_reopening_and_ids_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("outbox.db");
        let added = Outbox::open(&path)
            .unwrap()
            .add(vec![sms("one", Status::Delivered), sms("two", Status::Pending)])
            .await
            .unwrap();

        let outbox = Outbox::open(&path).unwrap();
        assert_eq!(outbox.last(), added[1].id);
        assert_eq!(outbox.list(Filter { since: Some(0), ..Filter::default() }).await.unwrap(), added);
        assert_eq!(outbox.pending().await.unwrap(), added[1..]);
        outbox.settle(added[1].id, Status::Failed, Some("gone".into())).await.unwrap();
        assert_eq!(outbox.pending().await.unwrap(), []);
        let newest = outbox.list(Filter { limit: Some(1), ..Filter::default() }).await.unwrap();
        assert_eq!((newest[0].status, newest[0].error.as_deref()), (Status::Failed, Some("gone")));
        let next = outbox.add(vec![sms("three", Status::Delivered)]).await.unwrap();
        assert!(next[0].id > added[1].id);
    }

    #[tokio::test]
    async fn waiting_ends_with_the_first_entry_that_fits() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&directory.path().join("outbox.db")).unwrap();
        let filter = Filter { since: Some(0), kind: Some(Kind::Sms), limit: None };
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.wait(filter, Duration::from_secs(30)).await.unwrap() }
        });
        tokio::task::yield_now().await;
        outbox.add(vec![NewEntry { kind: Kind::Topic, ..sms("topic", Status::Delivered) }]).await.unwrap();
        outbox.add(vec![sms("hello", Status::Delivered)]).await.unwrap();
        assert_eq!(waiting.await.unwrap()[0].body, "hello");
        assert!(outbox.wait(Filter { since: Some(99), ..filter }, Duration::from_millis(5)).await.unwrap().is_empty());
    }
}
