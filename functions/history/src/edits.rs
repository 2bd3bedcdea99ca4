//! The edits of history that a batch of images asks for, reduced to what holds in the end.
//!
//! Each edit speaks about one row and carries the version of its block. Of several edits of one row the one of the highest version
//! holds: that is the last in the order of the stream, whatever the order of application. Recording and retracting a row thereby
//! commute, repeat without effect, and may be split into batches anywhere. Of counter readings of one time the first
//! holds, as the counter's rules have it.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use parvis_parking::{BlockKey, Change, EventKind, Percent, PlaceId, SpaceNumber, ZoneId};

/// The row of a transition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransitionKey {
    /// The place.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// The space.
    pub space: SpaceNumber,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: EventKind,
}

/// The row of a counter reading.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadingKey {
    /// The place.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// When the counter was read.
    pub at: DateTime<Utc>,
}

/// Whether a transition happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It happened.
    Recorded,
    /// It was taken back.
    Retracted,
}

/// What a counter showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Vehicles inside.
    pub occupied: u32,
    /// Spaces at that time.
    pub capacity: u32,
    /// The percentage that the counter sent, if it did.
    pub percent: Option<Percent>,
}

/// Edits by row, each with the version of the block that asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    transitions: HashMap<TransitionKey, (u64, Verdict)>,
    readings: HashMap<ReadingKey, (u64, Counted)>,
}

impl Edits {
    /// Adds the changes of one image: of the block `key`, at `version`.
    pub fn add(&mut self, key: &BlockKey, version: u64, changes: &[Change]) {
        for change in changes {
            match *change {
                Change::Add { space, at, status } => {
                    self.judge(key, version, (space, at, status.into()), Verdict::Recorded);
                }
                Change::Remove { space, at, status } => {
                    self.judge(key, version, (space, at, status.into()), Verdict::Retracted);
                }
                Change::CommsLost { space, at } => {
                    self.judge(key, version, (space, at, EventKind::CommsLost), Verdict::Recorded);
                }
                Change::CommsRestored { space, at } => {
                    self.judge(key, version, (space, at, EventKind::CommsRestored), Verdict::Recorded);
                }
                Change::Counted { at, occupied, capacity, percent } => {
                    self.read(key, version, at, Counted { occupied, capacity, percent });
                }
            }
        }
    }

    fn judge(
        &mut self,
        block: &BlockKey,
        version: u64,
        (space, at, kind): (SpaceNumber, DateTime<Utc>, EventKind),
        verdict: Verdict,
    ) {
        let key = TransitionKey { place: block.place.clone(), zone: block.zone.clone(), space, at, kind };
        let held = self.transitions.entry(key).or_insert((version, verdict));
        if version >= held.0 {
            *held = (version, verdict);
        }
    }

    fn read(&mut self, block: &BlockKey, version: u64, at: DateTime<Utc>, counted: Counted) {
        let key = ReadingKey { place: block.place.clone(), zone: block.zone.clone(), at };
        let held = self.readings.entry(key).or_insert((version, counted));
        if version < held.0 {
            *held = (version, counted);
        }
    }

    /// How many rows the edits are about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.transitions.len() + self.readings.len()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.readings.is_empty()
    }

    /// The transitions of one verdict, with the versions that say so.
    pub fn transitions(&self, verdict: Verdict) -> impl Iterator<Item = (&TransitionKey, u64)> {
        self.transitions.iter().filter(move |(_, held)| held.1 == verdict).map(|(key, held)| (key, held.0))
    }

    /// The counter readings, with their versions.
    pub fn readings(&self) -> impl Iterator<Item = (&ReadingKey, u64, Counted)> {
        self.readings.iter().map(|(key, held)| (key, held.0, held.1))
    }

    /// The places that the edits touch, in order: the order in which they are locked.
    #[must_use]
    pub fn places(&self) -> Vec<&str> {
        let transitions = self.transitions.keys().map(|key| key.place.as_str());
        let mut places: Vec<&str> = transitions.chain(self.readings.keys().map(|key| key.place.as_str())).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The first days (UTC) of the months that the edits touch.
    #[must_use]
    pub fn months(&self) -> Vec<NaiveDate> {
        let transitions = self.transitions.keys().map(|key| month(key.at));
        let mut months: Vec<NaiveDate> = transitions.chain(self.readings.keys().map(|key| month(key.at))).collect();
        months.sort_unstable();
        months.dedup();
        months
    }
}

/// The first day of the month, in UTC.
fn month(at: DateTime<Utc>) -> NaiveDate {
    use chrono::Datelike;
    let day = at.date_naive();
    // Every month has a first day.
    day.with_day(1).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use parvis_parking::Status;

    use super::*;

    fn block() -> BlockKey {
        BlockKey::parse("default", "Zone_A#0000").unwrap()
    }

    fn at(second: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 31, 23, 59, second).unwrap()
    }

    fn space() -> SpaceNumber {
        SpaceNumber::try_from(7).unwrap()
    }

    fn arrival(second: u32) -> Change {
        Change::Add { space: space(), at: at(second), status: Status::Occupied }
    }

    fn taken_back(second: u32) -> Change {
        Change::Remove { space: space(), at: at(second), status: Status::Occupied }
    }

    #[test]
    fn the_highest_version_holds_in_any_order() {
        let images = [(1, arrival(1)), (2, taken_back(1)), (3, arrival(1))];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut edits = Edits::default();
            for index in order {
                let (version, change) = &images[index];
                edits.add(&block(), *version, std::slice::from_ref(change));
            }
            let recorded: Vec<u64> = edits.transitions(Verdict::Recorded).map(|(_, version)| version).collect();
            assert_eq!(recorded, [3], "{order:?}");
            assert_eq!(edits.transitions(Verdict::Retracted).count(), 0);
        }
    }

    #[test]
    fn the_first_reading_of_a_time_holds() {
        let mut edits = Edits::default();
        let counter = BlockKey::parse("default", "Zone_A#counter").unwrap();
        let counted = |occupied| Change::Counted { at: at(0), occupied, capacity: 10, percent: None };
        edits.add(&counter, 5, &[counted(6)]);
        edits.add(&counter, 4, &[counted(3)]);
        let held: Vec<u32> = edits.readings().map(|(_, _, counted)| counted.occupied).collect();
        assert_eq!(held, [3]);
    }

    #[test]
    fn months_and_places_are_named_once() {
        let mut edits = Edits::default();
        edits.add(&block(), 1, &[arrival(1), arrival(2)]);
        let april = Utc.with_ymd_and_hms(2026, 4, 1, 0, 0, 0).unwrap();
        edits.add(&block(), 2, &[Change::CommsLost { space: space(), at: april }]);
        let first = |month| NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
        assert_eq!(edits.months(), [first(3), first(4)]);
        assert_eq!(edits.places(), ["default"]);
    }
}
