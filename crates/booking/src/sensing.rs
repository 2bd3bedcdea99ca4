//! What an occupancy sensor says about a booking: whether the place is taken back from people who did not come.
//!
//! A place is given back only on evidence. A sensor that is silent, lost or old proves nothing, and nobody loses a room to a
//! flat battery.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A sensor heard less than this ago is not silent. Sensors send heartbeats far more often.
const FRESH: TimeDelta = TimeDelta::minutes(20);

/// What a sensor last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OccupancyObservation {
    /// Whether somebody is there.
    pub occupied: bool,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When the sensor was last heard.
    pub seen_at: DateTime<Utc>,
    /// Whether it is known to be out of reach.
    pub lost: bool,
}

/// What follows for the booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Empty for long enough: give it back.
    Release,
    /// Somebody is there, or was since the start.
    InUse,
    /// Not empty for long enough yet.
    TooSoon,
    /// The sensor is silent: nothing follows.
    Silent,
}

/// Whether a booking that began at `start` is to be released at `now`, when the policy releases after `after` of emptiness.
#[must_use]
pub fn verdict(
    seen: Option<OccupancyObservation>,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
    after: TimeDelta,
) -> Verdict {
    let Some(seen) = seen else { return Verdict::Silent };
    if seen.lost || now - seen.seen_at > FRESH {
        return Verdict::Silent;
    }
    // Free since after the start: somebody came and left again, perhaps for a coffee. They keep the place.
    if seen.occupied || seen.since > start {
        return Verdict::InUse;
    }
    if now - start >= after { Verdict::Release } else { Verdict::TooSoon }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn observed(occupied: bool, since: i64, seen_at: i64) -> OccupancyObservation {
        OccupancyObservation { occupied, since: at(since), seen_at: at(seen_at), lost: false }
    }

    fn ask(seen: Option<OccupancyObservation>, now: i64) -> Verdict {
        verdict(seen, at(100), at(now), TimeDelta::minutes(15))
    }

    #[test]
    fn an_empty_room_is_given_back_after_the_time_and_not_before() {
        let empty = observed(false, 20, 110);
        assert_eq!(ask(Some(empty), 114), Verdict::TooSoon);
        assert_eq!(ask(Some(empty), 115), Verdict::Release);
    }

    #[test]
    fn a_silent_sensor_takes_nothing_from_anybody() {
        assert_eq!(ask(None, 130), Verdict::Silent);
        assert_eq!(ask(Some(observed(false, 20, 100)), 121), Verdict::Silent);
        let lost = OccupancyObservation { lost: true, ..observed(false, 20, 119) };
        assert_eq!(ask(Some(lost), 120), Verdict::Silent);
    }

    #[test]
    fn people_who_came_keep_the_room() {
        assert_eq!(ask(Some(observed(true, 101, 119)), 120), Verdict::InUse);
        assert_eq!(ask(Some(observed(true, 50, 119)), 120), Verdict::InUse, "there before the start");
        assert_eq!(ask(Some(observed(false, 108, 119)), 130), Verdict::InUse, "out for a coffee");
    }
}
