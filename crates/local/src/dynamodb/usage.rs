//! Consumed capacity, counted as the bill would count it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dynoxide::types::ConsumedCapacity;

/// What requests against one table have consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Read request units (4 KB, half for eventually consistent reads).
    pub read_units: f64,
    /// Write request units (1 KB, double in transactions) of the writes that succeeded.
    pub write_units: f64,
    /// Writes whose condition failed. AWS bills each for the size of the item found, at least one unit; the engine does not say
    /// how many, so they are counted apart.
    pub failed_conditions: u64,
}

/// Whether an operation reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The running count per table.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<BTreeMap<String, Usage>>);

impl Meter {
    pub(super) fn consumed(&self, access: Access, capacities: &[ConsumedCapacity]) {
        for capacity in capacities {
            self.update(&capacity.table_name, |usage| match access {
                Access::Read => usage.read_units += capacity.capacity_units,
                Access::Write => usage.write_units += capacity.capacity_units,
            });
        }
    }

    pub(super) fn condition_failed(&self, table: &str) {
        self.update(table, |usage| usage.failed_conditions += 1);
    }

    pub(super) fn snapshot(&self) -> BTreeMap<String, Usage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, table: &str, change: impl FnOnce(&mut Usage)) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tables.get_mut(table) {
            Some(usage) => change(usage),
            None => change(tables.entry(table.to_owned()).or_default()),
        }
    }
}
