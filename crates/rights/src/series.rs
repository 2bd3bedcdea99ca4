//! Series of permits, replaced as a whole in one step.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};
use parvis_parking::plate::PlateHash;
use serde::{Deserialize, Serialize};

use crate::permit::Permit;

/// A series of permits that come and go together: `<domain>/<name>`, such as `residents-2026/3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesId {
    /// What the series replace one another in, such as the residents of a city.
    pub domain: String,
    /// Which of them.
    pub name: String,
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.name)
    }
}

/// Why a series cannot be put in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// The past cannot be changed: checks were made by it.
    #[error("{series} cannot be put in force at {at}: the domain changed at {last} already")]
    InThePast {
        /// The series.
        series: SeriesId,
        /// The instant that was asked for.
        at: DateTime<Utc>,
        /// The latest change so far.
        last: DateTime<Utc>,
    },
}

/// Which series of each domain is in force since when. One item of a table: one write replaces a series.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeriesRegister {
    /// Changes per domain in order of time.
    changes: BTreeMap<String, Vec<Change>>,
}

/// A domain's series from an instant on; `None` puts none in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    from: DateTime<Utc>,
    series: Option<String>,
}

impl SeriesRegister {
    /// Puts a series in force from `at` on, in place of whatever its domain had.
    ///
    /// # Errors
    /// [`SeriesError::InThePast`] when the domain changed at or after `at`. Putting the present series in force again
    /// changes nothing and is no error, so that a repeated call is harmless.
    pub fn activate(&mut self, series: &SeriesId, at: DateTime<Utc>) -> Result<(), SeriesError> {
        let changes = self.changes.entry(series.domain.clone()).or_default();
        match changes.last() {
            Some(Change { series: Some(name), .. }) if *name == series.name => return Ok(()),
            Some(Change { from: last, .. }) if *last >= at => {
                return Err(SeriesError::InThePast { series: series.clone(), at, last: *last });
            }
            _ => {}
        }
        changes.push(Change { from: at, series: Some(series.name.clone()) });
        Ok(())
    }

    /// Ends the series of a domain without another.
    ///
    /// # Errors
    /// As [`SeriesRegister::activate`].
    pub fn retire(&mut self, series: &SeriesId, at: DateTime<Utc>) -> Result<(), SeriesError> {
        let changes = self.changes.entry(series.domain.clone()).or_default();
        match changes.last() {
            None | Some(Change { series: None, .. }) => Ok(()),
            Some(Change { from: last, .. }) if *last >= at => {
                Err(SeriesError::InThePast { series: series.clone(), at, last: *last })
            }
            Some(_) => {
                changes.push(Change { from: at, series: None });
                Ok(())
            }
        }
    }

    /// The name of the series in force in a domain at an instant.
    #[must_use]
    pub fn in_force(&self, domain: &str, at: DateTime<Utc>) -> Option<&str> {
        let changes = self.changes.get(domain)?;
        let next = changes.partition_point(|change| change.from <= at);
        changes[..next].last()?.series.as_deref()
    }

    /// True for a right without a series, and for one whose series is in force.
    #[must_use]
    pub fn holds(&self, series: Option<&SeriesId>, at: DateTime<Utc>) -> bool {
        series.is_none_or(|series| self.in_force(&series.domain, at) == Some(series.name.as_str()))
    }

    /// The last instant between `start` and `end` until which a series was in force.
    pub(crate) fn last_in_force(
        &self,
        series: &SeriesId,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let changes = self.changes.get(&series.domain)?;
        let ends = changes.iter().skip(1).map(|change| change.from).chain([DateTime::<Utc>::MAX_UTC]);
        changes
            .iter()
            .zip(ends)
            .filter(|(change, until)| {
                change.series.as_ref() == Some(&series.name) && change.from < end && *until > start
            })
            .map(|(_, until)| until.min(end))
            .max()
    }
}

/// What a bulk replacement changes, to be shown before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replacement {
    /// Plates that lose their permit.
    pub lost: Vec<PlateHash>,
    /// Plates that gain one.
    pub gained: Vec<PlateHash>,
    /// How many plates keep theirs.
    pub kept: usize,
    /// Plates that stand on more than one permit of the new series.
    pub doubled: Vec<PlateHash>,
}

impl Replacement {
    /// Compares the permits of two series.
    #[must_use]
    pub fn between(old: &[Permit], new: &[Permit]) -> Self {
        let plates = |permits: &[Permit]| -> Vec<PlateHash> {
            permits.iter().flat_map(|permit| permit.plates.iter().cloned()).collect()
        };
        let (old, new) = (plates(old), plates(new));
        let before: HashSet<&PlateHash> = old.iter().collect();
        let mut after: HashSet<&PlateHash> = HashSet::new();
        let doubled = new.iter().filter(|plate| !after.insert(plate)).cloned().collect();
        let sorted = |mut plates: Vec<PlateHash>| {
            plates.sort();
            plates
        };
        Self {
            lost: sorted(before.difference(&after).map(|plate| (*plate).clone()).collect()),
            gained: sorted(after.difference(&before).map(|plate| (*plate).clone()).collect()),
            kept: before.intersection(&after).count(),
            doubled: sorted(doubled),
        }
    }
}
