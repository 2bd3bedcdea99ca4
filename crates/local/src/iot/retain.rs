//! Retained messages: in memory for the broker, in a file for the next start.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::codec::types::{Publish as CodecPublish, QoS};
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::types::{ClientId, From as Sender, Id, Publish, Retain, TopicFilter, TopicName};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::IotError;

/// Most messages of one transaction.
const GROUP: usize = 1000;

/// All retained messages. A change is in the file before its publisher is acknowledged.
pub(super) struct RetainedMessages {
    tree: DefaultRetainStorage,
    file: mpsc::Sender<Change>,
}

/// A retained message as the data plane shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RetainedMessage {
    pub(super) payload: Vec<u8>,
    pub(super) qos: u8,
    /// When it was published, in milliseconds of the Unix epoch.
    pub(super) modified_at: i64,
}

/// One topic's new message, or none any more.
struct Change {
    topic: String,
    message: Option<(RetainedMessage, Option<i64>)>,
    done: oneshot::Sender<bool>,
}

impl RetainedMessages {
    /// Opens the file and reads what is in it.
    pub(super) async fn open(path: &Path) -> Result<Arc<Self>, IotError> {
        let connection = crate::state::open(path)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS retained (
               topic TEXT PRIMARY KEY, payload BLOB NOT NULL, qos INTEGER NOT NULL, modified_at INTEGER NOT NULL, expires_at INTEGER
             ) STRICT, WITHOUT ROWID",
        )?;
        let tree = DefaultRetainStorage::new();
        let kept = load(&connection)?;
        for (topic, retain, expires_in) in kept {
            let failed = |error: rmqtt::Error| IotError::Broker(error.to_string());
            tree.set_with_timeout(&topic, retain, expires_in).await.map_err(failed)?;
        }
        let (file, changes) = mpsc::channel();
        std::thread::Builder::new().name("retained".to_owned()).spawn(move || write(connection, &changes))?;
        Ok(Arc::new(Self { tree, file }))
    }

    /// The message retained on exactly this topic.
    pub(super) async fn on_topic(&self, topic: &str) -> Option<RetainedMessage> {
        let found = self.tree.get_message(&TopicFilter::from(topic.to_owned())).await.ok()?;
        found.into_iter().next().map(|(_, retain)| shown(&retain.publish))
    }

    async fn store(&self, topic: &TopicName, retain: Retain) -> rmqtt::Result<()> {
        // The broker offers an expiry of its own, which AWS does not have: only what the publisher asked for counts.
        let asked = retain.publish.properties.as_ref().and_then(|properties| properties.message_expiry_interval);
        let expires_in = asked.map(|seconds| Duration::from_secs(seconds.get().into()));
        let (done, written) = oneshot::channel();
        let message = shown(&retain.publish);
        let expires_at = asked.map(|seconds| message.modified_at + i64::from(seconds.get()) * 1000);
        let change = Change {
            topic: topic.to_string(),
            message: (!message.payload.is_empty()).then_some((message, expires_at)),
            done,
        };
        let gone = || rmqtt::Error::msg("the file of the retained messages cannot be written");
        self.file.send(change).map_err(|_| gone())?;
        if !written.await.unwrap_or(false) {
            return Err(gone());
        }
        self.tree.set_with_timeout(topic, retain, expires_in).await
    }
}

/// The broker's view of the messages.
pub(super) struct Retainer(pub(super) Arc<RetainedMessages>);

#[async_trait]
impl RetainStorage for Retainer {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, _expiry: Option<Duration>) -> rmqtt::Result<()> {
        self.0.store(topic, retain).await
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        self.0.tree.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.0.tree.count().await
    }

    async fn max(&self) -> isize {
        self.0.tree.max().await
    }
}

fn shown(publish: &Publish) -> RetainedMessage {
    RetainedMessage {
        payload: publish.payload.to_vec(),
        qos: publish.qos as u8,
        modified_at: publish.create_time.unwrap_or_else(|| chrono::Utc::now().timestamp_millis()),
    }
}

/// What is in the file and has not expired.
fn load(connection: &Connection) -> rusqlite::Result<Vec<(TopicName, Retain, Option<Duration>)>> {
    let now = chrono::Utc::now().timestamp_millis();
    let mut statement = connection.prepare(
        "SELECT topic, payload, qos, modified_at, expires_at FROM retained WHERE expires_at IS NULL OR expires_at > ?1",
    )?;
    let rows = statement.query_map([now], |row| {
        let (topic, payload, qos): (String, Vec<u8>, u8) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let expires_at: Option<i64> = row.get(4)?;
        let topic = TopicName::from(topic);
        let publish = CodecPublish {
            dup: false,
            retain: true,
            qos: QoS::try_from(qos).unwrap_or(QoS::AtMostOnce),
            topic: topic.clone(),
            packet_id: None,
            payload: payload.into(),
            properties: None,
        };
        let publish = Publish::from(publish).create_time(row.get(3)?);
        let from = Sender::from_system(Id::from(0, ClientId::from_static("retained")));
        let expires_in = expires_at.map(|at| Duration::from_millis(at.abs_diff(now)));
        Ok((topic, Retain { msg_id: None, from, publish }, expires_in))
    })?;
    rows.collect()
}

/// The one thread that writes: everything that waits goes into one transaction.
fn write(mut connection: Connection, changes: &mpsc::Receiver<Change>) {
    while let Ok(first) = changes.recv() {
        let group: Vec<_> = std::iter::once(first).chain(changes.try_iter().take(GROUP - 1)).collect();
        let written = commit(&mut connection, &group);
        if let Err(error) = &written {
            tracing::error!(%error, "cannot write retained messages");
        }
        for change in group {
            // Nobody waits any more when the client has gone.
            let _ = change.done.send(written.is_ok());
        }
    }
}

fn commit(connection: &mut Connection, group: &[Change]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for Change { topic, message, .. } in group {
        match message {
            Some((message, expires_at)) => transaction
                .prepare_cached(
                    "REPLACE INTO retained (topic, payload, qos, modified_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![topic, message.payload, message.qos, message.modified_at, expires_at])?,
            None => transaction.prepare_cached("DELETE FROM retained WHERE topic = ?1")?.execute([topic])?,
        };
    }
    transaction.commit()
}
