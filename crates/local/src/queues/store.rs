//! The queues' file: one table, every statement inside the writer's transaction.

use std::{collections::BTreeMap, time::Duration};

use rusqlite::{CachedStatement, Connection, Row, params};

use super::model::{Attributes, Counts, Definition, Receipt, Received};

/// Index of a queue among the store's definitions.
pub(super) type QueueIndex = usize;

/// A message to be stored; times in ms since the epoch.
#[derive(Debug)]
pub(super) struct NewMessage {
    pub message_id: String,
    pub body: String,
    pub attributes: Attributes,
    pub sent_at: i64,
    pub visible_at: i64,
}

/// What a receive found.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub messages: Vec<Received>,
    /// When the next hidden message becomes visible, if the batch is not full.
    pub next_visible_at: Option<i64>,
    /// Dead-letter queues that got a message.
    pub redriven_to: Vec<QueueIndex>,
}

/// The open file and what each queue is.
#[derive(Debug)]
pub(super) struct Store {
    queues: Vec<StoredQueue>,
}

#[derive(Debug)]
struct StoredQueue {
    key: i64,
    definition: Definition,
    redrive: Option<(QueueIndex, u32)>,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE IF NOT EXISTS message (
        id INTEGER PRIMARY KEY,
        queue INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        sent_at INTEGER NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0,
        first_received_at INTEGER,
        source INTEGER,
        message_id TEXT NOT NULL,
        attributes TEXT,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS message_ready ON message (queue, visible_at, id);";

const READY: &str = "SELECT id, message_id, body, attributes, sent_at, first_received_at, receive_count, source
    FROM message WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at, id LIMIT ?3";

impl Store {
    /// Prepares the file for these queues. What was in flight when the process died is visible again at once, because its
    /// consumers died with it.
    pub fn prepare(connection: &Connection, definitions: Vec<Definition>, now: i64) -> rusqlite::Result<Self> {
        connection.execute_batch(SCHEMA)?;
        connection.execute("UPDATE message SET visible_at = ?1 WHERE receive_count > 0 AND visible_at > ?1", [now])?;
        let index: BTreeMap<String, QueueIndex> =
            definitions.iter().enumerate().map(|(i, d)| (d.name.clone(), i)).collect();
        let mut queues = Vec::with_capacity(definitions.len());
        for definition in definitions {
            connection
                .execute("INSERT INTO queue (name) VALUES (?1) ON CONFLICT (name) DO NOTHING", [&definition.name])?;
            let key =
                connection.query_row("SELECT id FROM queue WHERE name = ?1", [&definition.name], |row| row.get(0))?;
            let redrive = definition.redrive.as_ref().and_then(|(target, most)| Some((*index.get(target)?, *most)));
            queues.push(StoredQueue { key, definition, redrive });
        }
        Ok(Self { queues })
    }

    pub fn shortest_retention(&self) -> Option<Duration> {
        self.queues.iter().map(|queue| queue.definition.retention).min()
    }

    pub fn insert(&self, connection: &Connection, queue: QueueIndex, messages: &[NewMessage]) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO message (queue, visible_at, sent_at, message_id, attributes, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for message in messages {
            let attributes =
                (!message.attributes.is_empty()).then(|| serde_json::to_string(&message.attributes)).transpose();
            let attributes = attributes.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let key = self.queues[queue].key;
            insert.execute(params![
                key,
                message.visible_at,
                message.sent_at,
                message.message_id,
                attributes,
                message.body
            ])?;
        }
        Ok(())
    }

    /// Takes up to `most` ready messages and hides them until `visible_again`; those received too often move to the
    /// dead-letter queue instead.
    pub fn receive(
        &self,
        connection: &Connection,
        queue: QueueIndex,
        most: usize,
        now: i64,
        visible_again: i64,
    ) -> rusqlite::Result<Batch> {
        let mut batch = Batch::default();
        let mut ready = connection.prepare_cached(READY)?;
        let mut take = connection.prepare_cached(
            "UPDATE message SET visible_at = ?2, receive_count = ?3, first_received_at = coalesce(first_received_at, ?4) WHERE id = ?1",
        )?;
        while batch.messages.len() < most {
            let wanted = most - batch.messages.len();
            let found = self.ready(&mut ready, queue, now, wanted)?;
            let exhausted = found.len() < wanted;
            for (row, mut message) in found {
                if let Some((target, _)) = self.queues[queue].redrive.filter(|(_, most)| message.receive_count >= *most)
                {
                    self.redrive(connection, row, queue, target, now)?;
                    batch.redriven_to.push(target);
                    continue;
                }
                message.receive_count += 1;
                message.receipt_handle = Receipt { row, receive_count: message.receive_count }.encode();
                if message.first_received_at == 0 {
                    message.first_received_at = now;
                }
                take.execute(params![row, visible_again.max(now), message.receive_count, now])?;
                batch.messages.push(message);
            }
            if exhausted {
                batch.next_visible_at = self.next_visible_at(connection, queue, now)?;
                break;
            }
        }
        Ok(batch)
    }

    fn ready(
        &self,
        ready: &mut CachedStatement<'_>,
        queue: QueueIndex,
        now: i64,
        most: usize,
    ) -> rusqlite::Result<Vec<(i64, Received)>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = ready.query_map(params![self.queues[queue].key, now, most], |row| self.message(row))?;
        rows.collect()
    }

    fn message(&self, row: &Row<'_>) -> rusqlite::Result<(i64, Received)> {
        let attributes: Option<String> = row.get(3)?;
        let source: Option<i64> = row.get(7)?;
        let source = source.and_then(|key| self.queues.iter().find(|queue| queue.key == key));
        let message = Received {
            message_id: row.get(1)?,
            receipt_handle: String::new(),
            body: row.get(2)?,
            attributes: attributes.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            sent_at: row.get(4)?,
            first_received_at: row.get::<_, Option<i64>>(5)?.unwrap_or(0),
            receive_count: row.get(6)?,
            dead_letter_source: source.map(|queue| queue.definition.arn.clone()),
        };
        Ok((row.get(0)?, message))
    }

    fn redrive(
        &self,
        connection: &Connection,
        row: i64,
        from: QueueIndex,
        to: QueueIndex,
        now: i64,
    ) -> rusqlite::Result<()> {
        connection
            .prepare_cached("UPDATE message SET queue = ?2, source = ?3, visible_at = ?4, receive_count = 0, first_received_at = NULL WHERE id = ?1")?
            .execute(params![row, self.queues[to].key, self.queues[from].key, now])
            .map(drop)
    }

    fn next_visible_at(&self, connection: &Connection, queue: QueueIndex, now: i64) -> rusqlite::Result<Option<i64>> {
        connection
            .prepare_cached("SELECT min(visible_at) FROM message WHERE queue = ?1 AND visible_at > ?2")?
            .query_row(params![self.queues[queue].key, now], |row| row.get(0))
    }

    pub fn delete(&self, connection: &Connection, queue: QueueIndex, receipts: &[Receipt]) -> rusqlite::Result<()> {
        let mut delete =
            connection.prepare_cached("DELETE FROM message WHERE id = ?1 AND queue = ?2 AND receive_count = ?3")?;
        for receipt in receipts {
            delete.execute(params![receipt.row, self.queues[queue].key, receipt.receive_count])?;
        }
        Ok(())
    }

    /// Sets when received messages become visible; false for a receipt that is no longer the newest.
    pub fn set_visible_at(
        &self,
        connection: &Connection,
        queue: QueueIndex,
        changes: &[(Receipt, i64)],
    ) -> rusqlite::Result<Vec<bool>> {
        let mut update = connection
            .prepare_cached("UPDATE message SET visible_at = ?4 WHERE id = ?1 AND queue = ?2 AND receive_count = ?3")?;
        let key = self.queues[queue].key;
        let change = |(receipt, at): &(Receipt, i64)| {
            Ok(update.execute(params![receipt.row, key, receipt.receive_count, at])? > 0)
        };
        changes.iter().map(change).collect()
    }

    pub fn purge(&self, connection: &Connection, queue: QueueIndex) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM message WHERE queue = ?1", [self.queues[queue].key]).map(drop)
    }

    pub fn counts(&self, connection: &Connection, queue: QueueIndex, now: i64) -> rusqlite::Result<Counts> {
        connection
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE visible_at <= ?2), count(*) FILTER (WHERE visible_at > ?2 AND receive_count > 0),
                        count(*) FILTER (WHERE visible_at > ?2 AND receive_count = 0)
                 FROM message WHERE queue = ?1",
            )?
            .query_row(params![self.queues[queue].key, now], |row| {
                Ok(Counts { visible: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)? })
            })
    }

    /// Drops what is older than its queue keeps it.
    pub fn expire(&self, connection: &Connection, now: i64) -> rusqlite::Result<usize> {
        let mut dropped = 0;
        for queue in &self.queues {
            let oldest = now - i64::try_from(queue.definition.retention.as_millis()).unwrap_or(i64::MAX);
            dropped += connection
                .execute("DELETE FROM message WHERE queue = ?1 AND sent_at < ?2", params![queue.key, oldest])?;
        }
        Ok(dropped)
    }
}
