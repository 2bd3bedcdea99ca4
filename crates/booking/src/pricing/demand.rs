//! How expected demand moves a price: in few steps, so that it can be told, and with hysteresis, so that it does not tremble.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::DemandFactor;
use crate::Slot;

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

    /// The factor before the floor and the cap of a card, in basis points.
    #[must_use]
    pub const fn basis_points(self) -> u32 {
        match self {
            Self::Low => 8_500,
            Self::Usual => DemandFactor::ONE,
            Self::High => 11_500,
            Self::Peak => 13_000,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedHour {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Its level.
    pub level: DemandLevel,
    /// Percent of the places that are expected to be taken.
    pub percent: f64,
}

/// The factor over a slot: the mean of its hours, each by what the slot has of it. Hours of which nothing is known count as usual.
#[must_use]
pub fn factor_over(slot: Slot, hours: &[ExpectedHour]) -> DemandFactor {
    let whole = slot.minutes().max(1) as f64;
    let (mut moved, mut percent, mut known) = (0.0, 0.0, 0.0);
    for hour in hours {
        let of_hour = Slot::lasting(hour.at, TimeDelta::hours(1));
        let Some(common) = of_hour.common(&slot) else { continue };
        let minutes = common.minutes() as f64;
        moved += minutes * (f64::from(hour.level.basis_points()) - f64::from(DemandFactor::ONE));
        percent += minutes * hour.percent;
        known += minutes;
    }
    if known <= 0.0 {
        return DemandFactor::none();
    }
    // Both are far from the limits of their types: levels lie between 0.85 and 1.3, shares between 0 and 100.
    let basis_points = (f64::from(DemandFactor::ONE) + moved / whole).round() as u32;
    DemandFactor { basis_points, expected_percent: Some((percent / known).round() as u32) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hour(at: i64, percent: f64) -> ExpectedHour {
        let at = DateTime::UNIX_EPOCH + TimeDelta::hours(at);
        ExpectedHour { at, level: DemandLevel::next(None, percent), percent }
    }

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
    fn a_slot_costs_by_its_hours() {
        let at = |minutes: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let slot = Slot::new(at(30), at(120)).unwrap();
        // Half an hour at the peak, an hour as usual.
        let factor = factor_over(slot, &[hour(0, 90.0), hour(1, 50.0), hour(5, 90.0)]);
        assert_eq!(factor, DemandFactor { basis_points: 11_000, expected_percent: Some(63) });
        assert_eq!(factor_over(slot, &[]), DemandFactor::none());
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
                let points = |percent| DemandLevel::next(previous, percent).basis_points();
                prop_assert!(points(low) <= points(low + more));
            }
        }
    }
}
