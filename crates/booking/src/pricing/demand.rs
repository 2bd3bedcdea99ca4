//! What expected demand makes of the price of a slot.

use chrono::TimeDelta;
use parvis_forecasting::demand::ExpectedHour;

use super::DemandFactor;
use crate::Slot;

/// Basis points in a percent.
const PERCENT: f64 = 100.0;

/// The factor over a slot: the mean of its hours, each by what the slot has of it. Hours of which nothing is known count as usual.
#[must_use]
pub fn factor_over(slot: Slot, hours: &[ExpectedHour]) -> DemandFactor {
    let whole = slot.minutes().max(1) as f64;
    let (mut moved, mut percent, mut known) = (0.0, 0.0, 0.0);
    for hour in hours {
        let of_hour = Slot::lasting(hour.at, TimeDelta::hours(1));
        let Some(common) = of_hour.common(&slot) else { continue };
        let minutes = common.minutes() as f64;
        moved += minutes * (f64::from(hour.level.percent()) * PERCENT - f64::from(DemandFactor::ONE));
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
    use chrono::DateTime;
    use parvis_forecasting::demand::DemandLevel;

    use super::*;

    fn hour(at: i64, percent: f64) -> ExpectedHour {
        let at = DateTime::UNIX_EPOCH + TimeDelta::hours(at);
        ExpectedHour { at, level: DemandLevel::next(None, percent), percent }
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
}
