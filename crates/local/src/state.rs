//! What the host itself remembers across restarts: how far each stream mapping has read, and what was done once.
//!
//! One small SQLite file. [`open`] is also how the queues' file is opened, so that both have the same durability: WAL with
//! `synchronous = OFF`. A write is in the operating system's page cache when its transaction ends, so it survives the death
//! of the process (`kill -9`); only a crash of the machine can lose the last moments, which a development stack may.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, params};

/// Opens (and creates) a SQLite file with the durability described above.
///
/// # Errors
/// When the file cannot be opened or is not a database.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The host's memory. Cheap to clone; every call is one statement on a small file (tens of microseconds), made in place.
#[derive(Debug, Clone)]
pub struct State(Arc<Mutex<Connection>>);

impl State {
    /// Opens the file.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = open(path)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS checkpoint (mapping TEXT PRIMARY KEY, sequence TEXT NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// The sequence number behind which a stream mapping goes on, if it has read anything yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn checkpoint(&self, mapping: &str) -> rusqlite::Result<Option<String>> {
        self.text("SELECT sequence FROM checkpoint WHERE mapping = ?1", mapping)
    }

    /// Remembers how far a stream mapping has got.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_checkpoint(&self, mapping: &str, sequence: &str) -> rusqlite::Result<()> {
        self.write(
            "INSERT INTO checkpoint VALUES (?1, ?2) ON CONFLICT (mapping) DO UPDATE SET sequence = excluded.sequence",
            mapping,
            sequence,
        )
    }

    /// A fact remembered by name (a generated secret, "seeded", ...).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fact(&self, name: &str) -> rusqlite::Result<Option<String>> {
        self.text("SELECT value FROM fact WHERE name = ?1", name)
    }

    /// Remembers a fact.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_fact(&self, name: &str, value: &str) -> rusqlite::Result<()> {
        self.write(
            "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )
    }

    fn text(&self, sql: &str, key: &str) -> rusqlite::Result<Option<String>> {
        self.connection().prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()
    }

    fn write(&self, sql: &str, key: &str, value: &str) -> rusqlite::Result<()> {
        self.connection().prepare_cached(sql)?.execute(params![key, value]).map(drop)
    }

    /// A statement leaves nothing half done, so a lock poisoned by a panic elsewhere is as good as any.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_and_facts_survive_a_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let state = State::open(&path).unwrap();
        assert_eq!(state.checkpoint("a").unwrap(), None);
        state.set_checkpoint("a", "1").unwrap();
        state.set_checkpoint("a", "2").unwrap();
        state.set_fact("seeded", "yes").unwrap();
        drop(state);

        let state = State::open(&path).unwrap();
        assert_eq!(state.checkpoint("a").unwrap().as_deref(), Some("2"));
        assert_eq!(state.fact("seeded").unwrap().as_deref(), Some("yes"));
        assert_eq!(state.fact("other").unwrap(), None);
    }
}
