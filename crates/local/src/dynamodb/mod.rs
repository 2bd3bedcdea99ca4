//! DynamoDB for the embedded stack: dynoxide in this process, served over HTTP on a loopback port.
//!
//! The engine always works on a file, even for an ephemeral stack (then in a temporary directory): its stream table has no index
//! of its own, and only a file lets `streams` add one and drop old records through a second connection.
//! It runs on a runtime of its own, because its calls block on one SQLite connection and must not hold up the MQTT broker.

mod faults;
mod server;
mod streams;
mod tables;
mod usage;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use parvis_sam::Table;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use faults::WriteFaults;
pub use streams::{SequenceNumber, StreamReader, StreamRecord};
pub use usage::Usage;

use crate::runtime::OwnRuntime;
use faults::FaultInjector;
use server::Service;
use streams::{Changes, StreamFile};
use usage::Meter;

/// Why DynamoDB could not be started or read.
#[derive(Debug, thiserror::Error)]
pub enum DynamoDbError {
    /// The engine refused an operation, or its file could not be opened.
    #[error("DynamoDB: {0}")]
    Engine(#[from] dynoxide::DynoxideError),
    /// The stream table could not be indexed or trimmed.
    #[error("DynamoDB stream file: {0}")]
    StreamFile(#[from] rusqlite::Error),
    /// The data directory or the loopback port could not be had.
    #[error("DynamoDB: {0}")]
    Io(#[from] std::io::Error),
    /// The engine does not understand a table as the template declares it.
    #[error("table {table}: {detail}")]
    Table {
        /// The table's name.
        table: String,
        /// What is not understood.
        detail: String,
    },
    /// A stream was asked of a table that has none.
    #[error("table {0} has no stream")]
    NoStream(String),
}

/// How the engine keeps its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Survives the end of the process, however it ends (SQLite WAL with `synchronous=NORMAL`).
    Process,
    /// Nothing needs to survive: no flushes at all.
    None,
}

/// How often expired items are looked for; AWS promises only "within a few days".
const TTL_SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How often stream records past their retention are dropped.
const STREAM_TRIM_EVERY: Duration = Duration::from_secs(300);
/// Threads that serve requests; the engine itself does one thing at a time.
const SERVER_THREADS: usize = 2;

/// A running DynamoDB.
pub struct DynamoDb {
    endpoint: String,
    service: Arc<Service>,
    stop: CancellationToken,
    runtime: OwnRuntime,
}

impl DynamoDb {
    /// Opens (or creates) `dynamodb.db` in `directory`, brings `tables` into being and serves them on a loopback port.
    ///
    /// Starting again over the same directory keeps every item and every unread stream record.
    ///
    /// # Errors
    /// When the file or the port cannot be had, or the engine refuses a table.
    pub async fn start<'a>(
        tables: impl IntoIterator<Item = &'a Table>,
        directory: &Path,
        durability: Durability,
    ) -> Result<Self, DynamoDbError> {
        std::fs::create_dir_all(directory)?;
        let file = directory.join("dynamodb.db");
        let database = open(&file, durability)?;
        for table in tables {
            tables::ensure(&database, table)?;
        }
        let stream_file = StreamFile::open(&file)?;

        let runtime = OwnRuntime::start("dynamodb", Some(SERVER_THREADS))?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let service = Arc::new(Service {
            database,
            meter: Meter::default(),
            faults: FaultInjector::default(),
            changes: Changes::default(),
        });
        let stop = CancellationToken::new();
        if let Some(handle) = runtime.handle() {
            handle.spawn(server::serve(listener, Arc::clone(&service), stop.clone()));
            handle.spawn(sweep(Arc::clone(&service), stream_file, stop.clone()));
        }
        Ok(Self { endpoint, service, stop, runtime })
    }

    /// Base URL, `http://127.0.0.1:<port>`: the value of `AWS_ENDPOINT_URL_DYNAMODB`. It speaks DynamoDB Streams too.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The engine, for reads in this process.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.service.database
    }

    /// Changes after every successful write to any table.
    #[must_use]
    pub fn writes(&self) -> watch::Receiver<u64> {
        self.service.changes.any()
    }

    /// A reader of `table`'s stream.
    ///
    /// # Errors
    /// [`DynamoDbError::NoStream`] if the table has no stream.
    pub fn stream(&self, table: &str) -> Result<StreamReader, DynamoDbError> {
        StreamReader::open(self.service.database.clone(), table, self.service.changes.of(table))
    }

    /// Makes a part of the coming writes fail as AWS makes them fail; `WriteFaults::default()` ends it.
    pub fn set_write_faults(&self, faults: WriteFaults) {
        self.service.faults.set(faults);
    }

    /// Capacity consumed since the start, per table.
    #[must_use]
    pub fn usage(&self) -> std::collections::BTreeMap<String, Usage> {
        self.service.meter.snapshot()
    }

    /// Deletes every expired item now, as the periodic sweep does; the number deleted.
    ///
    /// # Errors
    /// When the engine cannot read or write its file.
    pub async fn sweep_expired(&self) -> Result<usize, DynamoDbError> {
        let service = Arc::clone(&self.service);
        let swept = tokio::task::spawn_blocking(move || service.sweep_expired()).await;
        Ok(swept.map_err(std::io::Error::other)??)
    }

    /// Stops serving; requests that run already are finished. Idempotent.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.runtime.shutdown(Duration::from_secs(5)).await;
    }
}

/// Opens the engine with the flushing `durability` asks for.
///
/// The engine offers no setting for it: its bulk-loading mode turns flushes off, and leaving that mode sets `synchronous=NORMAL`,
/// which with a write-ahead log survives any end of the process and is ten times faster than the default `FULL`.
fn open(file: &Path, durability: Durability) -> Result<Database, DynamoDbError> {
    let database = Database::new(&file.to_string_lossy())?;
    database.enable_bulk_loading()?;
    if durability == Durability::Process {
        database.disable_bulk_loading()?;
    }
    Ok(database)
}

/// Expires items and trims streams until `stop`.
async fn sweep(service: Arc<Service>, stream_file: StreamFile, stop: CancellationToken) {
    let stream_file = Arc::new(stream_file);
    let mut expiry = tokio::time::interval(TTL_SWEEP_EVERY);
    let mut trimming = tokio::time::interval(STREAM_TRIM_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = expiry.tick() => {
                let service = Arc::clone(&service);
                report("expiring items", tokio::task::spawn_blocking(move || service.sweep_expired().map_err(DynamoDbError::from)).await);
            }
            _ = trimming.tick() => {
                let file = Arc::clone(&stream_file);
                report("trimming streams", tokio::task::spawn_blocking(move || file.trim(streams::RETENTION)).await);
            }
        }
    }
}

/// Logs the failure of one round of background work; the next round tries again.
fn report(work: &str, outcome: Result<Result<usize, DynamoDbError>, tokio::task::JoinError>) {
    match outcome {
        Ok(Ok(0)) => {}
        Ok(Ok(count)) => tracing::debug!(work, count, "DynamoDB housekeeping"),
        Ok(Err(error)) => tracing::warn!(work, %error, "DynamoDB housekeeping failed"),
        Err(error) => tracing::warn!(work, %error, "DynamoDB housekeeping was cut short"),
    }
}

#[cfg(test)]
mod tests;
