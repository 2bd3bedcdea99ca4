//! The live state of a zone that is counted rather than sensed space by space.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{MergeReport, Outcome};
use crate::change::{Change, Changes};
use crate::message::{Count, CounterReading, Percent};
use crate::tally::Tally;

/// Times of readings kept to recognise duplicates.
const RECENT: usize = 4;

/// What is known from a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterState {
    /// Device time of the newest reading.
    pub at: DateTime<Utc>,
    /// Vehicles inside.
    pub occupied: u32,
    /// Spaces.
    pub capacity: u32,
    /// The percentage, if the counter sends percentages.
    pub percent: Option<Percent>,
    /// Device time since which the count has not changed.
    pub since: DateTime<Utc>,
    /// Receipt time of the last message that told something new.
    pub seen_at: DateTime<Utc>,
}

/// Cumulative counters, and what must be added to their difference to have the vehicles inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flow {
    pub(super) entries: u64,
    pub(super) exits: u64,
    pub(super) offset: i64,
}

impl Flow {
    /// Vehicles inside, before the correction of drift.
    fn inside(&self, entries: u64, exits: u64) -> i64 {
        // Both are below 2^53, so neither the conversions nor the sums overflow.
        self.offset + entries.cast_signed() - exits.cast_signed()
    }
}

/// The live state of one counter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CounterBlock {
    pub(super) state: Option<CounterState>,
    /// Device times of the newest readings, oldest first.
    pub(super) recent: Vec<DateTime<Utc>>,
    pub(super) flow: Option<Flow>,
    pub(super) changes: Changes,
}

impl CounterBlock {
    /// A counter of which nothing is known.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Merges readings one after the other, and replaces [`CounterBlock::changes`].
    ///
    /// The newest becomes the live state; a late one only enters history, where a time recorded before holds.
    pub(super) fn merge<'m>(&mut self, readings: impl IntoIterator<Item = &'m CounterReading>) -> MergeReport {
        self.changes.clear();
        let mut report = MergeReport::default();
        for reading in readings {
            report.note(self.read(reading));
        }
        report
    }

    /// The newest state; `None` before the first reading.
    #[must_use]
    pub fn state(&self) -> Option<&CounterState> {
        self.state.as_ref()
    }

    /// What the last write changed in history.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        self.changes.as_slice()
    }

    /// The summary of the zone by the counter's own capacity.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.state.map(|state| Tally::counted(state.occupied, state.capacity)).unwrap_or_default()
    }

    fn read(&mut self, reading: &CounterReading) -> Outcome {
        if self.recent.contains(&reading.at) {
            return Outcome::Duplicate;
        }
        if self.state.is_some_and(|state| reading.at < state.at) {
            return self.read_late(reading);
        }
        let (occupied, percent) = self.count(reading);
        let unchanged_since =
            self.state.filter(|state| state.occupied == occupied && state.percent == percent).map(|state| state.since);
        self.state = Some(CounterState {
            at: reading.at,
            occupied,
            capacity: reading.capacity,
            percent,
            since: unchanged_since.unwrap_or(reading.at),
            seen_at: self.seen(reading),
        });
        self.remember(reading, occupied, percent);
        Outcome::Accepted
    }

    /// A reading older than the live state.
    fn read_late(&mut self, reading: &CounterReading) -> Outcome {
        let (occupied, percent) = match reading.count {
            Count::Occupied(occupied) => (occupied, None),
            Count::Percent(percent) => (percent.of(reading.capacity), Some(percent)),
            Count::Flow { entries, exits } => match self.flow {
                // Counters only grow: a higher old value is from before they were last reset, and that offset is gone.
                Some(flow) if entries <= flow.entries && exits <= flow.exits => {
                    (to_vehicles(flow.inside(entries, exits)), None)
                }
                _ => return Outcome::Late,
            },
        };
        let seen_at = self.seen(reading);
        if let Some(state) = &mut self.state {
            state.seen_at = seen_at;
        }
        self.remember(reading, occupied, percent);
        Outcome::Corrected
    }

    /// The vehicles inside after the newest reading.
    fn count(&mut self, reading: &CounterReading) -> (u32, Option<Percent>) {
        match reading.count {
            Count::Occupied(occupied) => {
                self.calibrate(occupied);
                (occupied, None)
            }
            Count::Percent(percent) => {
                let occupied = percent.of(reading.capacity);
                self.calibrate(occupied);
                (occupied, Some(percent))
            }
            Count::Flow { entries, exits } => (self.flow(entries, exits), None),
        }
    }

    /// A count of the vehicles inside overrules what entries and exits add up to.
    fn calibrate(&mut self, occupied: u32) {
        if let Some(flow) = &mut self.flow {
            flow.offset += i64::from(occupied) - flow.inside(flow.entries, flow.exits);
        }
    }

    /// The vehicles inside after counters were read.
    ///
    /// Counters that went back were reset, and the vehicles then inside are still there. A count below zero is a missed
    /// entry: it is taken as the empty car park that it must be.
    fn flow(&mut self, entries: u64, exits: u64) -> u32 {
        let inside_before = self.state.map_or(0, |state| i64::from(state.occupied));
        let mut flow = match self.flow {
            Some(flow) if entries >= flow.entries && exits >= flow.exits => Flow { entries, exits, ..flow },
            Some(_) => Flow { entries, exits, offset: inside_before },
            // The first reading: either the counters began in an empty car park, or another count is known already.
            None if self.state.is_some() => Flow {
                entries,
                exits,
                offset: inside_before - Flow { entries, exits, offset: 0 }.inside(entries, exits),
            },
            None => Flow { entries, exits, offset: 0 },
        };
        let inside = flow.inside(entries, exits);
        flow.offset -= inside.min(0);
        self.flow = Some(flow);
        to_vehicles(inside)
    }

    fn seen(&self, reading: &CounterReading) -> DateTime<Utc> {
        self.state.map_or(reading.received_at, |state| state.seen_at.max(reading.received_at))
    }

    /// Enters a reading into history and into the times by which duplicates are known.
    fn remember(&mut self, reading: &CounterReading, occupied: u32, percent: Option<Percent>) {
        self.changes.push(Change::Counted { at: reading.at, occupied, capacity: reading.capacity, percent });
        let position = self.recent.partition_point(|at| *at < reading.at);
        self.recent.insert(position, reading.at);
        if self.recent.len() > RECENT {
            self.recent.remove(0);
        }
    }
}

/// A number of vehicles, not below zero.
fn to_vehicles(inside: i64) -> u32 {
    u32::try_from(inside.max(0)).unwrap_or(u32::MAX)
}
