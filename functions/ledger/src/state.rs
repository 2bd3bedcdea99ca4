//! What the handlers share.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use parvis_kit::postgres::Database;
use parvis_ledger_rules::{Chart, Seller};

/// The clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Whose books these are.
#[derive(Debug, Clone)]
pub struct House {
    /// Who sells.
    pub seller: Seller,
    /// The accounts.
    pub chart: Chart,
    /// The zone of dates.
    pub timezone: Tz,
}

/// The state of the application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    database: Database,
    house: House,
    clock: Clock,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("house", &self.0.house).finish_non_exhaustive()
    }
}

impl App {
    /// The books in a database.
    #[must_use]
    pub fn new(database: Database, house: House, clock: Clock) -> Self {
        Self(Arc::new(Inner { database, house, clock }))
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// Whose books these are.
    #[must_use]
    pub fn house(&self) -> &House {
        &self.0.house
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0.clock)()
    }

    /// The local date of an instant.
    #[must_use]
    pub fn date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.0.house.timezone).date_naive()
    }
}
