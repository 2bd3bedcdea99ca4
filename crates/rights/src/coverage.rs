//! Which right covers a vehicle.

use chrono::{DateTime, Utc};
use parvis_parking::{SpaceNumber, ZoneId};

use crate::right::AssignedRight;
use crate::series::SeriesRegister;

/// A right at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered<'a> {
    /// The right.
    pub right: &'a AssignedRight,
    /// When it ends, segments that follow without a pause included; or when it ended.
    pub until: DateTime<Utc>,
}

/// What the rights of a plate say about a place and an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage<'a> {
    /// The right that covers; of several, the one that lasts longest.
    pub covering: Option<Covered<'a>>,
    /// The right there that ended last, for grace and for the person who checks.
    pub ended: Option<Covered<'a>>,
}

/// Which of a plate's rights covers it in a zone, on a space if it is known, at an instant.
///
/// All rights must be of the same plate; who reads them by the plate's hash has no others.
#[must_use]
pub fn coverage<'a>(
    rights: &'a [AssignedRight],
    series: &SeriesRegister,
    zone: &ZoneId,
    space: Option<SpaceNumber>,
    at: DateTime<Utc>,
) -> Coverage<'a> {
    let mut found = Coverage::default();
    for right in rights.iter().filter(|right| right.place.holds_at(zone, space)) {
        let in_force = series.holds(right.series.as_ref(), at);
        if in_force && let Some(until) = holds_until(right, at) {
            later(&mut found.covering, Covered { right, until });
        } else if let Some(until) = ended_at(right, series, at) {
            later(&mut found.ended, Covered { right, until });
        }
    }
    found
}

fn later<'a>(best: &mut Option<Covered<'a>>, candidate: Covered<'a>) {
    if best.is_none_or(|best| candidate.until > best.until) {
        *best = Some(candidate);
    }
}

/// When the segment that contains `at` ends, with those that follow on without a pause.
fn holds_until(right: &AssignedRight, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut until = right.segments.iter().filter(|segment| segment.contains(at)).map(|segment| segment.end).max()?;
    while let Some(end) =
        right.segments.iter().filter(|segment| segment.contains(until)).map(|segment| segment.end).max()
    {
        until = end;
    }
    Some(until)
}

/// When a right that holds no more ended: its last segment, or its series, whichever came first.
fn ended_at(right: &AssignedRight, series: &SeriesRegister, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let last = right.segments.iter().filter(|segment| segment.start < at).max_by_key(|segment| segment.end)?;
    let end = last.end.min(at);
    match &right.series {
        None => Some(end),
        Some(id) => series.last_in_force(id, last.start, end),
    }
}
