//! Expected demand moves prices where a table lets it, and as far as the table lets it.

use chrono::{DateTime, Utc};
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};

use crate::book::DemandRule;
use crate::tariffs::{Table, Tariffs};

/// The whole of a price, in percent.
pub(crate) const WHOLE: u32 = 100;

/// The demand that is expected when a stay begins. The stay keeps it, so that its parts add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExpectedDemand {
    /// What it makes of a price, in percent, before the floor and the cap of a table.
    pub factor_percent: u32,
    /// Percent of the spaces that are expected to be taken.
    pub taken_percent: u32,
}

impl DemandRule {
    /// What demand makes of a price, in percent.
    fn percent(&self, expected: ExpectedDemand) -> u32 {
        expected.factor_percent.max(self.floor_percent).min(self.cap_percent)
    }
}

impl Table {
    /// What demand makes of a price here, in percent; all of it where it moves none.
    pub(crate) fn demand_percent(&self, expected: Option<ExpectedDemand>) -> u32 {
        self.demand.as_ref().zip(expected).map_or(WHOLE, |(rule, expected)| rule.percent(expected))
    }
}

impl Tariffs {
    /// The car park by whose forecasts demand moves the price of a stay that begins in a zone at an instant; `None` where it
    /// moves none.
    #[must_use]
    pub fn demand_place(&self, zone: &ZoneId, start: DateTime<Utc>) -> Option<&PlaceId> {
        let tables = self.tables_of(zone).ok()?;
        let table = self.table_on(tables, self.local_date(start))?;
        self.tables[table].demand.as_ref().map(|rule| &rule.place)
    }

    /// The zones in which demand moves prices on a day from that of `from` to that of `until`, each with the car park by whose
    /// forecasts it does; in order.
    #[must_use]
    pub fn zones_with_demand(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<(&ZoneId, &PlaceId)> {
        let (first, last) = (self.local_date(from), self.local_date(until));
        let holds = |table: &Table| table.from <= last && table.until.is_none_or(|end| first < end);
        let place = |zone: &ZoneId| {
            let tables = self.tables_of(zone).ok()?.iter().map(|index| &self.tables[*index]);
            tables.filter(|table| holds(table)).find_map(|table| table.demand.as_ref()).map(|rule| &rule.place)
        };
        self.zones().into_iter().filter_map(|zone| Some((zone, place(zone)?))).collect()
    }
}
