//! Doing a write once.
//!
//! A [`Command`] first looks ([`Command::prepare`], outside of a transaction), which is all that the losers of a fight for one room
//! do. Then it acts, in one transaction with the row of its idempotency key and its events:
//!
//! ```text
//!   prepare ──refused──> was it done before under this key? ──yes──> the answer of then
//!      │                                                    └─no───> the refusal
//!      ├─> asks nothing more: (time, bookings, outbox rows, key row with the answer) ──taken meanwhile──> prepare
//!      └─> BEGIN, run, (bookings, outbox rows, key row with the answer), COMMIT
//! ```
//!
//! What is in brackets is one statement: under a fight for one room, each round trip of those who win costs all others, and is what
//! they wait for themselves. A second request under the same key does its work again, waits at the key row for the first, takes
//! everything back and gets the answer of the first. A crash anywhere leaves all of it or nothing. Deadlocks and serialisation
//! failures are tried again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parvis_booking::life::State;
use parvis_events::CloudEvent;
use parvis_kit::postgres::{DatabaseError, begin};
use rand::Rng as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};

use super::bookings::{self, Record};
use super::slots::Claim;
use super::{Store, catalog, document, json};
use crate::error::Refused;

/// Tries of a transaction that the database rolled back for others' sake.
const TRIES: u32 = 6;
/// SQLSTATE of a row whose key is there already.
const UNIQUE_VIOLATION: &str = "23505";

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
        sql: &mut PgConnection,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Self::Prepared, WriteError>> + Send;

    /// What it leaves behind and tells, where it has nothing more to ask: it is then done by one statement, without [`Self::run`].
    ///
    /// # Errors
    /// When the rules refuse it.
    fn at_once(
        &self,
        _prepared: &Self::Prepared,
        _now: DateTime<Utc>,
    ) -> Result<Option<(Left, Self::Answer)>, Refused> {
        Ok(None)
    }

    /// Does it.
    fn run(
        &self,
        prepared: &Self::Prepared,
        tx: &mut Tx<'_>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Self::Answer, WriteError>> + Send;
}

/// What a write leaves behind when it ends.
#[derive(Debug, Default)]
pub struct Left {
    claim: Option<(Claim, State)>,
    made: Vec<bookings::Row>,
    events: Vec<CloudEvent<Value>>,
}

impl Left {
    /// Takes a time. When somebody else has it, nothing at all is left behind.
    pub fn claim(&mut self, claim: Claim, state: State) {
        self.claim = Some((claim, state));
    }

    /// Leaves new bookings behind.
    pub fn make(&mut self, records: &[Record]) {
        self.made.extend(records.iter().map(bookings::row));
    }

    /// Leaves an event behind.
    pub fn emit(&mut self, event: CloudEvent<Value>) {
        self.events.push(event);
    }

    /// Names the places in events about bookings with guests: an invitation says where to go.
    async fn locate(&mut self, sql: &mut PgConnection) -> Result<(), sqlx::Error> {
        let places: Vec<Option<Places>> = self.events.iter().map(Places::of).collect();
        let (mut resources, mut sites) = (BTreeSet::new(), BTreeSet::new());
        for Places { site, resources: some, .. } in places.iter().flatten() {
            resources.extend(some.iter().map(String::as_str));
            sites.insert(site.as_str());
        }
        if sites.is_empty() {
            return Ok(());
        }
        let signposts = catalog::signposts(sql, &Vec::from_iter(resources), &Vec::from_iter(sites)).await?;
        for (event, places) in self.events.iter_mut().zip(&places) {
            if let Some(Places { site, resources, .. }) = places {
                event.data["location"] = signposts.location(site, resources.iter().map(String::as_str)).into();
            }
        }
        Ok(())
    }

    /// Writes it, with the answer under the key; false when the time is taken, and nothing was written.
    async fn write<A: Serialize>(
        &mut self,
        sql: &mut PgConnection,
        key: Option<&WriteKey>,
        answer: &A,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        if self.claim.is_none() && self.made.is_empty() && self.events.is_empty() && key.is_none() {
            return Ok(true);
        }
        self.locate(sql).await?;
        let columns = bookings::WRITTEN;
        let query = format!(
            "WITH taken AS (INSERT INTO booking_slot (booking, resource, during, state, item)
                            SELECT $9, $10, tstzrange($11, $12), $13, $14 WHERE $9::uuid IS NOT NULL
                            ON CONFLICT DO NOTHING RETURNING resource),
                  had AS (SELECT $9::uuid IS NULL OR EXISTS (SELECT FROM taken) AS it),
                  made AS (INSERT INTO booking ({columns}) SELECT {columns}
                           FROM jsonb_populate_recordset(NULL::booking, $1) WHERE (SELECT it FROM had)),
                  told AS (INSERT INTO booking_outbox (id, event, at)
                           SELECT id, event, $4 FROM unnest($2::text[], $3::jsonb[]) AS e(id, event)
                           WHERE (SELECT it FROM had)),
                  keyed AS (INSERT INTO booking_idempotency (caller, key, fingerprint, answer, at)
                            SELECT $5, $6, $7, $8, $4 WHERE $5::text IS NOT NULL AND (SELECT it FROM had))
             SELECT it FROM had"
        );
        let claim = self.claim.as_ref().map(|(claim, _)| claim);
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .bind(json(&self.made))
            .bind(self.events.iter().map(|event| event.id.to_string()).collect::<Vec<_>>())
            .bind(self.events.iter().map(json).collect::<Vec<_>>())
            .bind(now)
            .bind(key.map(|key| &key.caller))
            .bind(key.map(|key| &key.key))
            .bind(key.map(|key| &key.fingerprint))
            .bind(key.map(|_| json(answer)))
            .bind(claim.map(|claim| claim.booking))
            .bind(claim.map(|claim| claim.resource))
            .bind(claim.map(|claim| claim.during.start))
            .bind(claim.map(|claim| claim.during.end))
            .bind(self.claim.as_ref().map(|(_, state)| state.as_str()))
            .bind(claim.map(|claim| claim.item))
            .fetch_one(sql)
            .await
    }
}

/// A transaction with what it will leave behind.
#[derive(Debug)]
pub struct Tx<'c> {
    inner: Transaction<'c, Postgres>,
    left: Left,
}

impl Tx<'_> {
    /// The connection.
    pub fn sql(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Leaves new bookings behind: they are not there before the end of the command.
    pub fn make(&mut self, records: &[Record]) {
        self.left.make(records);
    }

    /// Leaves an event behind.
    pub fn emit(&mut self, event: CloudEvent<Value>) {
        self.left.emit(event);
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
        // One connection for all of it: the pool asks each one that comes back whether it lives.
        let mut sql = self.pool().await?.acquire().await.map_err(DatabaseError::from)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let attempt = match command.prepare(&mut sql, now).await {
                Ok(prepared) => attempt(&mut sql, key, command, &prepared, now).await,
                Err(error) => Err(error),
            };
            // Somebody was quicker: looked at again, it is taken, or free again.
            let attempt = match attempt {
                Ok(None) if tries < TRIES => continue,
                attempt => attempt.and_then(|done| done.ok_or(WriteError::Refused(Refused::Taken(Vec::new())))),
            };
            match attempt {
                Err(WriteError::Database(error)) if lost_to_others(&error) && tries < TRIES => {
                    tokio::time::sleep(pause(tries)).await;
                }
                // What refuses it may be its own doing of before.
                Err(WriteError::Refused(refused)) => return replayed(&mut sql, key, refused).await,
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
    sql: &mut PgConnection,
    key: Option<&WriteKey>,
    command: &C,
    prepared: &C::Prepared,
    now: DateTime<Utc>,
) -> Result<Option<Done<C::Answer>>, WriteError> {
    let written = match command.at_once(prepared, now)? {
        Some((mut left, answer)) => {
            let had = left.write(&mut *sql, key, &answer, now).await;
            had.map(|had| had.then_some(Done { answer, events: left.events })).map_err(WriteError::from)
        }
        None => transact(&mut *sql, key, command, prepared, now).await.map(Some),
    };
    match (written, key) {
        (Err(WriteError::Database(error)), Some(key)) if code(&error).as_deref() == Some(UNIQUE_VIOLATION) => {
            // Without an answer under the key, it was another id that is there already.
            stored(sql, key).await?.map_or(Err(error.into()), |answer| done(answer).map(Some))
        }
        (written, _) => written,
    }
}

/// One transaction. It fails with a unique violation when the key has an answer already, or got one from somebody else, who was
/// waited for.
async fn transact<C: Command>(
    sql: &mut PgConnection,
    key: Option<&WriteKey>,
    command: &C,
    prepared: &C::Prepared,
    now: DateTime<Utc>,
) -> Result<Done<C::Answer>, WriteError> {
    let mut tx = Tx { inner: begin(&mut *sql).await?, left: Left::default() };
    let answer = command.run(prepared, &mut tx, now).await?;
    tx.left.write(&mut tx.inner, key, &answer, now).await?;
    tx.inner.commit().await?;
    Ok(Done { answer, events: tx.left.events })
}

/// The answer of then.
async fn stored(sql: &mut PgConnection, key: &WriteKey) -> Result<Option<Value>, WriteError> {
    let row: Option<(Vec<u8>, Option<Value>)> =
        sqlx::query_as("SELECT fingerprint, answer FROM booking_idempotency WHERE caller = $1 AND key = $2")
            .bind(&key.caller)
            .bind(&key.key)
            .fetch_optional(sql)
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
    sql: &mut PgConnection,
    key: Option<&WriteKey>,
    refused: Refused,
) -> Result<Done<A>, WriteError> {
    let before = match key {
        Some(key) => stored(sql, key).await?,
        None => None,
    };
    before.map_or(Err(refused.into()), done)
}

/// Whether the database rolled back this transaction for others' sake: a deadlock or a serialisation failure.
fn lost_to_others(error: &DatabaseError) -> bool {
    code(error).is_some_and(|code| code == "40P01" || code == "40001")
}

/// The SQLSTATE of what the database refused.
fn code(error: &DatabaseError) -> Option<Cow<'_, str>> {
    let DatabaseError::Sql(sqlx::Error::Database(error)) = error else { return None };
    error.code()
}
