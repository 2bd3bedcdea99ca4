//! What the handlers share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use parvis_kit::postgres::Database;
use parvis_ledger_rules::{Buyer, Chart, Seller};

use crate::movements::MovementReader;
use crate::zones::ZoneNames;

/// The clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Whose books these are.
#[derive(Debug, Clone)]
pub struct House {
    /// Who sells.
    pub seller: Seller,
    /// The accounts.
    pub chart: Chart,
    /// Where the invoices of operators go, by the operators' names.
    pub customers: BTreeMap<String, Buyer>,
    /// The zone of dates.
    pub timezone: Tz,
}

/// The state of the application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    database: Database,
    movements: MovementReader,
    zones: ZoneNames,
    house: House,
    clock: Clock,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("house", &self.0.house).finish_non_exhaustive()
    }
}

impl App {
    /// The books in a database, of movements that payments keep.
    #[must_use]
    pub fn new(database: Database, movements: MovementReader, zones: ZoneNames, house: House, clock: Clock) -> Self {
        Self(Arc::new(Inner { database, movements, zones, house, clock }))
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The movements as payments keep them.
    #[must_use]
    pub fn movements(&self) -> &MovementReader {
        &self.0.movements
    }

    /// How zones are called.
    #[must_use]
    pub fn zones(&self) -> &ZoneNames {
        &self.0.zones
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
