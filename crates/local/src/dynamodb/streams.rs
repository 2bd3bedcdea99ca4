//! Reading the streams of tables, in this process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dynoxide::Database;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use rusqlite::{Connection, params};
use tokio::sync::watch;

use super::DynamoDbError;

/// One record of a stream; serialises to the record of a Lambda event, but for `eventSourceARN`, which the mapping adds.
pub type StreamRecord = dynoxide::actions::get_records::Record;
/// The position of a record in its shard; compares as text, since all have the same length.
pub type SequenceNumber = String;

/// How long a record stays readable, as in AWS.
pub(super) const RETENTION: Duration = Duration::from_secs(24 * 3600);
/// Records dropped per statement, so that no writer waits long for the file.
const TRIM_STEP: usize = 1000;

/// Reads one table's stream from wherever its reader stands. The engine keeps one shard per table.
#[derive(Clone)]
pub struct StreamReader {
    database: Database,
    table: String,
    arn: String,
    shard: String,
    changes: watch::Receiver<u64>,
}

impl StreamReader {
    pub(super) fn open(database: Database, table: &str, changes: watch::Receiver<u64>) -> Result<Self, DynamoDbError> {
        let label = database
            .get_table_metadata(table)?
            .filter(|metadata| metadata.stream_enabled)
            .and_then(|metadata| metadata.stream_label)
            .ok_or_else(|| DynamoDbError::NoStream(table.to_owned()))?;
        Ok(Self {
            arn: dynoxide::streams::stream_arn(table, &label),
            shard: dynoxide::streams::shard_id(table),
            table: table.to_owned(),
            database,
            changes,
        })
    }

    /// The table read.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The stream's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The one shard's id.
    #[must_use]
    pub fn shard_id(&self) -> &str {
        &self.shard
    }

    /// Up to `limit` (at most 1000) records after `after`, or from the oldest one kept; empty when the reader has caught up.
    ///
    /// # Errors
    /// When the engine cannot read its file.
    pub async fn read(
        &mut self,
        after: Option<&SequenceNumber>,
        limit: usize,
    ) -> Result<Vec<StreamRecord>, DynamoDbError> {
        // Before the read: a write that comes during it must wake the next wait.
        self.changes.borrow_and_update();
        let request = GetShardIteratorRequest {
            stream_arn: self.arn.clone(),
            shard_id: self.shard.clone(),
            shard_iterator_type: if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" }.to_owned(),
            sequence_number: after.cloned(),
        };
        let database = self.database.clone();
        let read = tokio::task::spawn_blocking(move || {
            let shard_iterator = database.get_shard_iterator(request)?.shard_iterator.unwrap_or_default();
            database.get_records(GetRecordsRequest { shard_iterator, limit: Some(limit) })
        });
        Ok(read.await.map_err(std::io::Error::other)??.records)
    }

    /// The position of the newest record, for a reader that starts at `LATEST`; `None` while the stream is empty.
    ///
    /// # Errors
    /// When the engine cannot read its file.
    pub fn latest(&self) -> Result<Option<SequenceNumber>, DynamoDbError> {
        let request = dynoxide::actions::describe_stream::DescribeStreamRequest {
            stream_arn: self.arn.clone(),
            ..Default::default()
        };
        let description = self.database.describe_stream(request)?.stream_description;
        Ok(description.shards.into_iter().find_map(|shard| shard.sequence_number_range.ending_sequence_number))
    }

    /// Waits until the table has been written to since the last [`read`](Self::read). Cheap: nothing is polled.
    /// Never returns once DynamoDB has gone.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Tells readers that a table was written to.
#[derive(Debug, Default)]
pub(super) struct Changes {
    any: watch::Sender<u64>,
    tables: Mutex<HashMap<String, watch::Sender<u64>>>,
}

impl Changes {
    pub(super) fn any(&self) -> watch::Receiver<u64> {
        self.any.subscribe()
    }

    pub(super) fn of(&self, table: &str) -> watch::Receiver<u64> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).entry(table.to_owned()).or_default().subscribe()
    }

    pub(super) fn written<'a>(&self, tables: impl IntoIterator<Item = &'a str>) {
        let senders = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in tables.into_iter().filter_map(|table| senders.get(table)) {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
        self.any.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// For writes whose tables are not known, such as expiry.
    pub(super) fn written_somewhere(&self) {
        let senders = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in senders.values().chain([&self.any]) {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

/// The engine's stream table, over a connection of our own.
pub(super) struct StreamFile(Mutex<Connection>);

impl StreamFile {
    /// Gives the stream table the index it lacks: without it every write and every read of a stream scans all records kept,
    /// which at a hundred thousand records is a second per write.
    pub(super) fn open(file: &Path) -> Result<Self, DynamoDbError> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        // Must be the very expression of the engine's queries, or SQLite does not use it.
        connection.execute_batch(
            "CREATE INDEX IF NOT EXISTS parvis_stream_position ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Drops the records older than `retention`; the number dropped.
    pub(super) fn trim(&self, retention: Duration) -> Result<usize, DynamoDbError> {
        let oldest_kept = chrono::Utc::now().timestamp() - i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
        let mut dropped = 0;
        loop {
            let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Records are appended in time, so only the lowest ids can be too old.
            let step = connection.execute(
                "DELETE FROM _stream_records WHERE created_at < ?1 AND id IN (SELECT id FROM _stream_records ORDER BY id LIMIT ?2)",
                params![oldest_kept, TRIM_STEP],
            )?;
            dropped += step;
            if step < TRIM_STEP {
                return Ok(dropped);
            }
        }
    }

    /// How many records are kept, for tests.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        let connection = self.0.lock().unwrap();
        connection.query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get(0)).unwrap()
    }
}
