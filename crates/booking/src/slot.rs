//! Stretches of time, start included and end excluded.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A stretch of time that is not empty: `start` is in it, `end` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "Ends")]
pub struct Slot {
    /// First instant.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Ends {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl TryFrom<Ends> for Slot {
    type Error = EmptySlot;

    fn try_from(ends: Ends) -> Result<Self, EmptySlot> {
        Self::new(ends.start, ends.end)
    }
}

/// An end that is not after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the end must be after the start")]
pub struct EmptySlot;

impl Slot {
    /// The time from `start` until `end`.
    ///
    /// # Errors
    /// When nothing is between them.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, EmptySlot> {
        if start < end { Ok(Self { start, end }) } else { Err(EmptySlot) }
    }

    /// The time from `start` for `length`; a length of nothing or less becomes one second.
    #[must_use]
    pub fn lasting(start: DateTime<Utc>, length: TimeDelta) -> Self {
        Self { start, end: start + length.max(TimeDelta::seconds(1)) }
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        self.end - self.start
    }

    /// How long it is in minutes, a minute begun counted whole.
    #[must_use]
    pub fn minutes(&self) -> i64 {
        (self.length().num_seconds() + 59) / 60
    }

    /// Whether the two share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether all of `other` is inside.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether `instant` is inside.
    #[must_use]
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.start <= instant && instant < self.end
    }

    /// The part that both have.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end)).ok()
    }

    /// The slot with `before` and `after` around it.
    #[must_use]
    pub fn widened(&self, before: TimeDelta, after: TimeDelta) -> Self {
        Self { start: self.start - before, end: self.end + after }
    }

    /// The slot moved in time.
    #[must_use]
    pub fn shifted(&self, by: TimeDelta) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }
}

/// The slots in order, with those that overlap or touch made one.
#[must_use]
pub fn merged(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_unstable();
    let mut merged: Vec<Slot> = Vec::with_capacity(slots.len());
    for slot in slots {
        match merged.last_mut() {
            Some(last) if slot.start <= last.end => last.end = last.end.max(slot.end),
            _ => merged.push(slot),
        }
    }
    merged
}

/// What is left of `open` without `taken`. Both must be [`merged`].
#[must_use]
pub fn without(open: &[Slot], taken: &[Slot]) -> Vec<Slot> {
    let mut left = Vec::new();
    let mut first = 0;
    for slot in open {
        while taken.get(first).is_some_and(|taken| taken.end <= slot.start) {
            first += 1;
        }
        let mut start = slot.start;
        for taken in taken[first..].iter().take_while(|taken| taken.start < slot.end) {
            left.extend(Slot::new(start, taken.start).ok());
            start = start.max(taken.end);
        }
        left.extend(Slot::new(start, slot.end).ok());
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(start: i64, end: i64) -> Slot {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        Slot::new(at(start), at(end)).unwrap()
    }

    fn any_slots() -> impl Strategy<Value = Vec<Slot>> {
        prop::collection::vec((0_i64..200, 1_i64..30), 0..12)
            .prop_map(|spans| spans.into_iter().map(|(start, length)| slot(start, start + length)).collect())
    }

    #[test]
    fn neighbours_do_not_overlap() {
        assert!(!slot(0, 10).overlaps(&slot(10, 20)));
        assert!(slot(0, 11).overlaps(&slot(10, 20)));
        assert!(Slot::new(slot(5, 6).end, slot(5, 6).start).is_err());
    }

    #[test]
    fn an_empty_slot_is_not_read() {
        let same = r#"{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:00:00Z"}"#;
        assert!(serde_json::from_str::<Slot>(same).is_err());
    }

    proptest! {
        /// Minute by minute, a slot is left exactly when it is open and not taken.
        #[test]
        fn what_is_left_is_what_is_open_and_not_taken(open in any_slots(), taken in any_slots()) {
            let (open, taken) = (merged(open), merged(taken));
            let left = without(&open, &taken);
            let inside = |slots: &[Slot], minute: i64| slots.iter().any(|s| s.contains(slot(minute, minute + 1).start));
            for minute in 0..240 {
                let expected = inside(&open, minute) && !inside(&taken, minute);
                prop_assert_eq!(inside(&left, minute), expected, "minute {}", minute);
            }
        }
    }
}
