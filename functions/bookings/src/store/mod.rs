//! The bookings in PostgreSQL.
//!
//! | module | for |
//! |---|---|
//! | [`tx`] | doing a write once: transaction, idempotency, outbox |
//! | [`catalog`] | sites, policies, pools, resources, plans |
//! | [`catalog_import`] | many resources at once |
//! | [`candidates`] | the resources that a wish can mean, and whether they are free |
//! | [`slots`] | taking and giving back times |
//! | [`bookings`] | bookings as rows |
//! | [`availability`] | who is free when, in one query |
//! | [`counts`] | quotas, credits, included minutes |
//! | [`demand`] | expected demand, taken over from the forecasts |
//! | [`series`] | what is booked again and again |
//! | [`people`] | preferences, favourites, calendar links, history |
//! | [`imported`] | busy times of calendars kept elsewhere |
//! | [`past`] | bookings of a system that was used before |
//! | [`due`] | what the schedule has to do |
//! | [`report`] | the manager's overview |

pub mod availability;
pub mod bookings;
pub mod candidates;
pub mod catalog;
pub mod catalog_import;
pub mod counts;
pub mod demand;
pub mod due;
pub mod imported;
pub mod past;
pub mod people;
pub mod report;
pub mod series;
pub mod slots;
pub mod tx;

use parvis_booking::life::State;
use parvis_kit::postgres::{Database, DatabaseError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use sqlx::types::Json;

/// The tables of the context.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
}

/// What the database holds is not what the code means it to be.
#[derive(Debug, thiserror::Error)]
#[error("a row of the bookings cannot be read: {0}")]
pub struct BadRow(pub String);

impl Store {
    /// The tables in `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) async fn pool(&self) -> Result<&PgPool, DatabaseError> {
        self.database.pool().await
    }
}

/// A state from its column; a name that is none is the database's fault.
pub(crate) fn state(name: &str) -> Result<State, DatabaseError> {
    State::from_name(name).ok_or_else(|| bad(format!("state {name}")))
}

pub(crate) fn bad(what: impl Into<String>) -> DatabaseError {
    DatabaseError::Sql(sqlx::Error::Decode(Box::new(BadRow(what.into()))))
}

/// A document of a column, read as `T`.
pub(crate) fn document<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, DatabaseError> {
    serde_json::from_value(value).map_err(|error| bad(error.to_string()))
}

/// A value as a document for a column.
pub(crate) fn json<T: Serialize>(value: T) -> Json<T> {
    Json(value)
}
