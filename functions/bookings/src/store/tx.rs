//! Doing a write once.
//!
//! A [`Command`] first looks ([`Command::prepare`], outside of a transaction), which is all that the losers of a fight for one room
//! do. Then it acts, in one transaction with the row of its idempotency key and its events:
//!
//! ```text
//!   prepare ──refused──> was it done before under this key? ──yes──> the answer of then
//!      │                                                    └─no───> the refusal
//!      └─> BEGIN, key row, run, outbox rows, answer, COMMIT
//! ```
//!
//! A second request under the same key waits at the key row for the first and then gets its answer. A crash anywhere leaves
//! all of it or nothing. Deadlocks and serialisation failures are tried again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use parvis_events::CloudEvent;
use parvis_kit::postgres::DatabaseError;
use rand::Rng as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::{Store, bad, document, json};
use crate::error::Refused;

/// Tries of a transaction that the database rolled back for others' sake.
const TRIES: u32 = 6;

/// Identifies a write, so that its repetition is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteKey {
    /// Who writes.
    pub caller: String,
    /// The caller's key.
    pub key: String,
    /// Digest of what is written: the same key for something else is a mistake of the caller's.
    pub fingerprint: Vec<u8>,
}

/// Why a write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The rules refuse it.
    #[error("refused")]
    Refused(#[from] Refused),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A write.
pub trait Command: Send + Sync {
    /// What it has found out before it acts.
    type Prepared: Send + Sync;
    /// What it tells, now and when it is asked for again.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Looks whether it can be done.
    fn prepare(
        &self,
        pool: &PgPool,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Self::Prepared, WriteError>> + Send;

    /// Does it.
    fn run(
        &self,
        prepared: &Self::Prepared,
        tx: &mut Tx,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Self::Answer, WriteError>> + Send;
}

/// A transaction with the events that it will leave behind.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    events: Vec<CloudEvent<Value>>,
}

impl Tx {
    /// The connection.
    pub fn sql(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Leaves an event behind.
    pub fn emit(&mut self, event: CloudEvent<Value>) {
        self.events.push(event);
    }

    /// Names the places in events about bookings with guests: an invitation says where to go.
    async fn locate(&mut self) -> Result<(), sqlx::Error> {
        for event in &mut self.events {
            let Some(Places { site, resources, .. }) = Places::of(event) else { continue };
            let names: Vec<String> = sqlx::query_scalar(
                "SELECT details->>'name' FROM booking_resource WHERE id = ANY($1)
                 UNION ALL SELECT concat_ws(', ', details->>'name', details->>'address') FROM booking_site WHERE id = $2",
            )
            .bind(resources)
            .bind(site)
            .fetch_all(&mut *self.inner)
            .await?;
            event.data["location"] = names.join(", ").into();
        }
        Ok(())
    }

    async fn write_outbox(&mut self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        if self.events.is_empty() {
            return Ok(());
        }
        self.locate().await?;
        let ids: Vec<String> = self.events.iter().map(|event| event.id.to_string()).collect();
        let events: Vec<_> = self.events.iter().map(json).collect();
        sqlx::query("INSERT INTO booking_outbox (id, event, at) SELECT id, event, $3 FROM unnest($1::text[], $2::jsonb[]) AS e(id, event)")
            .bind(ids)
            .bind(events)
            .bind(now)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}

/// What an event about a booking with guests says of its places.
#[derive(Debug, Deserialize)]
struct Places {
    site: String,
    resources: Vec<String>,
    #[serde(default)]
    guests: Vec<Value>,
    #[serde(default)]
    uninvited: Vec<Value>,
}

impl Places {
    /// Those of an event whose guests have to find the way.
    fn of(event: &CloudEvent<Value>) -> Option<Self> {
        let places: Self = Self::deserialize(&event.data).ok()?;
        (!places.guests.is_empty() || !places.uninvited.is_empty()).then_some(places)
    }
}

/// A write that happened, now or before.
#[derive(Debug)]
pub struct Done<A> {
    /// What it tells.
    pub answer: A,
    /// What it left in the outbox; empty when it happened before.
    pub events: Vec<CloudEvent<Value>>,
}

impl Store {
    /// Does `command` once under `key`; without a key, once per call.
    ///
    /// # Errors
    /// When the rules refuse it or the database fails.
    pub async fn execute<C: Command>(
        &self,
        key: Option<&WriteKey>,
        command: &C,
        now: DateTime<Utc>,
    ) -> Result<Done<C::Answer>, WriteError> {
        let pool = self.pool().await?;
        let mut tries = 0;
        loop {
            tries += 1;
            let attempt = match command.prepare(pool, now).await {
                Ok(prepared) => attempt(pool, key, command, &prepared, now).await,
                Err(error) => Err(error),
            };
            match attempt {
                Err(WriteError::Database(error)) if lost_to_others(&error) && tries < TRIES => {
                    tokio::time::sleep(pause(tries)).await;
                }
                // What refuses it may be its own doing of before.
                Err(WriteError::Refused(refused)) => return replayed(pool, key, refused).await,
                other => return other,
            }
        }
    }
}

/// A pause before the next try, by chance, so that those who met do not meet again.
fn pause(tries: u32) -> Duration {
    Duration::from_millis(rand::rng().random_range(1..=8 << tries))
}

async fn attempt<C: Command>(
    pool: &PgPool,
    key: Option<&WriteKey>,
    command: &C,
    prepared: &C::Prepared,
    now: DateTime<Utc>,
) -> Result<Done<C::Answer>, WriteError> {
    let mut tx = Tx { inner: pool.begin().await?, events: Vec::new() };
    if let Some(key) = key
        && !claim(&mut tx, key, now).await?
    {
        drop(tx);
        let answer = stored(pool, key).await?.ok_or_else(|| bad("an idempotency key without an answer"))?;
        return done(answer);
    }
    let answer = command.run(prepared, &mut tx, now).await?;
    tx.write_outbox(now).await?;
    if let Some(key) = key {
        sqlx::query("UPDATE booking_idempotency SET answer = $3 WHERE caller = $1 AND key = $2")
            .bind(&key.caller)
            .bind(&key.key)
            .bind(json(&answer))
            .execute(tx.sql())
            .await?;
    }
    tx.inner.commit().await?;
    Ok(Done { answer, events: tx.events })
}

/// Whether the key is new. Waits while another transaction has it.
async fn claim(tx: &mut Tx, key: &WriteKey, now: DateTime<Utc>) -> Result<bool, WriteError> {
    let inserted = sqlx::query(
        "INSERT INTO booking_idempotency (caller, key, fingerprint, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(&key.caller)
    .bind(&key.key)
    .bind(&key.fingerprint)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The answer of then.
async fn stored(pool: &PgPool, key: &WriteKey) -> Result<Option<Value>, WriteError> {
    let row: Option<(Vec<u8>, Option<Value>)> =
        sqlx::query_as("SELECT fingerprint, answer FROM booking_idempotency WHERE caller = $1 AND key = $2")
            .bind(&key.caller)
            .bind(&key.key)
            .fetch_optional(pool)
            .await?;
    match row {
        Some((fingerprint, _)) if fingerprint != key.fingerprint => Err(Refused::KeyReused.into()),
        Some((_, answer)) => Ok(answer),
        None => Ok(None),
    }
}

fn done<A: DeserializeOwned>(answer: Value) -> Result<Done<A>, WriteError> {
    Ok(Done { answer: document(answer)?, events: Vec::new() })
}

async fn replayed<A: DeserializeOwned>(
    pool: &PgPool,
    key: Option<&WriteKey>,
    refused: Refused,
) -> Result<Done<A>, WriteError> {
    let before = match key {
        Some(key) => stored(pool, key).await?,
        None => None,
    };
    before.map_or(Err(refused.into()), done)
}

/// Whether the database rolled back this transaction for others' sake: a deadlock or a serialisation failure.
fn lost_to_others(error: &DatabaseError) -> bool {
    let DatabaseError::Sql(sqlx::Error::Database(error)) = error else { return false };
    error.code().is_some_and(|code| code == "40P01" || code == "40001")
}
