//! How expected demand moves a price: in few steps, so that it can be told, and with hysteresis, so that it does not tremble.
//!
//! Bookings and parking share this; what each makes of a level within the bounds of its own prices is its own.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How much of what there is is expected to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemandLevel {
    /// Less than 35 %.
    Low,
    /// 35 to 70 %.
    Usual,
    /// 70 to 85 %.
    High,
    /// 85 % and more.
    Peak,
}

/// Where levels begin, in percent taken.
const BEGINS: [(DemandLevel, f64); 4] =
    [(DemandLevel::Low, 0.0), (DemandLevel::Usual, 35.0), (DemandLevel::High, 70.0), (DemandLevel::Peak, 85.0)];
/// A level is left only when demand is so many points beyond its bounds.
const HYSTERESIS: f64 = 5.0;

impl DemandLevel {
    /// The level's name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Usual => "usual",
            Self::High => "high",
            Self::Peak => "peak",
        }
    }

    /// The level of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        BEGINS.into_iter().map(|(level, _)| level).find(|level| level.as_str() == name)
    }

    /// The factor before a floor and a cap, in percent of the price.
    #[must_use]
    pub const fn percent(self) -> u32 {
        match self {
            Self::Low => 85,
            Self::Usual => 100,
            Self::High => 115,
            Self::Peak => 130,
        }
    }

    /// The level of so many percent taken, coming from another level.
    #[must_use]
    pub fn next(previous: Option<Self>, percent: f64) -> Self {
        let bound = |level: Self, begins: f64| match previous {
            // What was entered holds a little below its beginning; what was not begins a little above.
            Some(previous) if level <= previous => begins - HYSTERESIS,
            Some(_) => begins + HYSTERESIS,
            None => begins,
        };
        let held = BEGINS.into_iter().rev().find(|(level, begins)| percent >= bound(*level, *begins));
        held.map_or(Self::Low, |(level, _)| level)
    }
}

/// What is expected of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedHour {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Its level.
    pub level: DemandLevel,
    /// Percent of the places that are expected to be taken.
    pub percent: f64,
}

/// Hours of which so many percent are expected to be taken, each with the level that follows from the one it had before.
#[must_use]
pub fn levelled<S: std::hash::BuildHasher>(
    before: &HashMap<DateTime<Utc>, DemandLevel, S>,
    expected: &[(DateTime<Utc>, f64)],
) -> Vec<ExpectedHour> {
    let hour = |&(at, percent): &(DateTime<Utc>, f64)| {
        let level = DemandLevel::next(before.get(&at).copied(), percent);
        ExpectedHour { at, level, percent }
    };
    expected.iter().map(hour).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn levels_begin_at_their_bounds_and_end_beyond_them() {
        use DemandLevel::{High, Low, Peak, Usual};
        let walk = |percents: &[f64]| -> Vec<DemandLevel> {
            percents
                .iter()
                .scan(None, |level, percent| {
                    *level = Some(DemandLevel::next(*level, *percent));
                    *level
                })
                .collect()
        };
        assert_eq!(walk(&[50.0, 72.0, 75.0, 66.0, 64.0]), [Usual, Usual, High, High, Usual]);
        assert_eq!(walk(&[90.0, 81.0, 79.0, 10.0, 38.0, 41.0]), [Peak, Peak, High, Low, Low, Usual]);
        for level in [Low, Usual, High, Peak] {
            assert_eq!(DemandLevel::from_name(level.as_str()), Some(level));
        }
    }

    #[test]
    fn each_hour_comes_from_the_level_that_it_had_itself() {
        let at = |hours: i64| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let before = HashMap::from([(at(0), DemandLevel::High), (at(1), DemandLevel::Usual)]);
        let levels: Vec<DemandLevel> =
            levelled(&before, &[(at(0), 68.0), (at(1), 72.0), (at(2), 72.0)]).iter().map(|hour| hour.level).collect();
        assert_eq!(levels, [DemandLevel::High, DemandLevel::Usual, DemandLevel::High]);
    }

    proptest! {
        #[test]
        fn demand_that_trembles_changes_the_level_at_most_once(centre in 0.0..100.0_f64, steps in prop::collection::vec(-2.4..2.4_f64, 1..40)) {
            let mut level = None;
            let mut levels: Vec<DemandLevel> = steps.iter().map(|step| {
                let next = DemandLevel::next(level, centre + step);
                level = Some(next);
                next
            }).collect();
            levels.dedup();
            prop_assert!(levels.len() <= 2, "{levels:?}");
        }

        #[test]
        fn more_demand_is_never_cheaper(low in 0.0..100.0_f64, more in 0.0..50.0_f64) {
            for previous in [None, Some(DemandLevel::Low), Some(DemandLevel::Usual), Some(DemandLevel::Peak)] {
                let factor = |percent| DemandLevel::next(previous, percent).percent();
                prop_assert!(factor(low) <= factor(low + more));
            }
        }
    }
}
