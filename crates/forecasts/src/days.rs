//! Observations of one day (UTC) on a grid.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use parvis_forecasting::Observation;

/// The values of a day, one per step; NaN where nothing was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// The day, in UTC.
    pub day: NaiveDate,
    values: Vec<f32>,
}

const MINUTES: usize = 24 * 60;

impl Day {
    /// A day without observations, in steps of some minutes (a divisor of 60).
    #[must_use]
    pub fn empty(day: NaiveDate, step_minutes: u16) -> Self {
        Self { day, values: vec![f32::NAN; MINUTES / usize::from(step_minutes.max(1))] }
    }

    /// The days that observations lie in, oldest first. Of two observations of one step the later one in the list holds.
    #[must_use]
    pub fn of(observations: &[Observation], step_minutes: u16) -> Vec<Self> {
        let mut days = std::collections::BTreeMap::new();
        for observation in observations {
            let date = observation.at.date_naive();
            let day = days.entry(date).or_insert_with(|| Self::empty(date, step_minutes));
            day.set(observation);
        }
        days.into_values().collect()
    }

    fn set(&mut self, observation: &Observation) {
        let seconds = (observation.at - self.start()).num_seconds();
        let step = (24 * 60 * 60) / self.values.len().max(1) as i64;
        let place = usize::try_from(seconds.div_euclid(step)).ok();
        if let Some(value) = place.and_then(|place| self.values.get_mut(place)) {
            *value = observation.value as f32;
        }
    }

    /// The first moment of the day.
    #[must_use]
    pub fn start(&self) -> DateTime<Utc> {
        self.day.and_time(NaiveTime::MIN).and_utc()
    }

    /// What was observed, oldest first.
    pub fn observations(&self) -> impl Iterator<Item = Observation> + '_ {
        let step = TimeDelta::minutes((MINUTES / self.values.len().max(1)) as i64);
        let start = self.start();
        let observed = self.values.iter().enumerate().filter(|(_, value)| !value.is_nan());
        observed.map(move |(place, value)| Observation { at: start + step * place as i32, value: f64::from(*value) })
    }

    /// Takes over what `newer` observed; tells whether that changed anything.
    pub fn merge(&mut self, newer: &Self) -> bool {
        if newer.values.len() != self.values.len() {
            // Another step: the series was defined anew.
            let changed = *self != *newer;
            self.values.clone_from(&newer.values);
            return changed;
        }
        let mut changed = false;
        for (value, newer) in self.values.iter_mut().zip(&newer.values) {
            if !newer.is_nan() && value.to_bits() != newer.to_bits() {
                *value = *newer;
                changed = true;
            }
        }
        changed
    }

    /// As it is stored: little-endian numbers of four bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    pub(crate) fn from_bytes(day: NaiveDate, bytes: &[u8]) -> Self {
        let values =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        Self { day, values }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        "2026-03-28T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    #[test]
    fn observations_of_a_step_are_one_and_the_later_holds() {
        let observations = [(0, 1.0), (14, 2.0), (15, 3.0), (1440, 4.0)];
        let days = Day::of(&observations.map(|(minute, value)| Observation { at: at(minute), value }), 15);
        let values: Vec<_> = days.iter().flat_map(Day::observations).map(|one| (one.at, one.value)).collect();
        assert_eq!(values, [(at(0), 2.0), (at(15), 3.0), (at(1440), 4.0)]);
    }

    proptest! {
        #[test]
        fn merging_is_idempotent_and_keeps_the_rest(
            first in prop::collection::vec((0_i64..1440, 0.0_f64..100.0), 0..50),
            second in prop::collection::vec((0_i64..1440, 0.0_f64..100.0), 1..50),
        ) {
            let day = |list: &[(i64, f64)]| {
                let mut day = Day::empty(at(0).date_naive(), 60);
                for (minute, value) in list {
                    day.set(&Observation { at: at(*minute), value: *value });
                }
                day
            };
            let (mut merged, newer) = (day(&first), day(&second));
            merged.merge(&newer);
            let once = merged.clone();
            prop_assert!(!merged.merge(&newer), "the second time nothing changes");
            prop_assert_eq!(once.to_bytes(), merged.to_bytes());
            prop_assert_eq!(Day::from_bytes(merged.day, &merged.to_bytes()).to_bytes(), merged.to_bytes());
            for one in newer.observations() {
                prop_assert!(merged.observations().any(|held| held == one));
            }
            let lost = day(&first).observations().filter(|one| merged.observations().all(|held| held.at != one.at)).count();
            prop_assert_eq!(lost, 0);
        }
    }
}
