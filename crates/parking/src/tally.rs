//! Summaries computed from blocks; they are never counted up and down.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use crate::message::Status;

/// How many spaces are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All spaces.
    pub total: u32,
    /// Without a vehicle.
    pub free: u32,
    /// With a vehicle.
    pub occupied: u32,
    /// In the register, but never heard of.
    pub unknown: u32,
}

impl Tally {
    /// The tally of a counted zone. More vehicles than spaces (it happens) show as a full zone.
    #[must_use]
    pub fn counted(occupied: u32, capacity: u32) -> Self {
        let occupied = occupied.min(capacity);
        Self { total: capacity, free: capacity - occupied, occupied, unknown: 0 }
    }

    /// So many spaces of which nothing is known.
    #[must_use]
    pub fn unheard(spaces: u32) -> Self {
        Self { total: spaces, unknown: spaces, ..Self::default() }
    }

    /// Counts one space; `None` is unknown.
    pub fn count(&mut self, status: Option<Status>) {
        self.total += 1;
        match status {
            Some(Status::Free) => self.free += 1,
            Some(Status::Occupied) => self.occupied += 1,
            None => self.unknown += 1,
        }
    }

    /// Percent of all spaces that are occupied, rounded to the hundredth as the field protocol has it (16 of 24 are
    /// 66.67); 0 without spaces.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        let percent = f64::from(self.occupied) * 100.0 / f64::from(self.total);
        (percent * 100.0).round() / 100.0
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            // A place that enrols by itself believes its counters: their sum may be absurd, but must not end the program.
            total: self.total.saturating_add(other.total),
            free: self.free.saturating_add(other.free),
            occupied: self.occupied.saturating_add(other.occupied),
            unknown: self.unknown.saturating_add(other.unknown),
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_rounded_as_the_field_project_rounds() {
        let mut tally = Tally::counted(16, 24);
        assert!((tally.rate() - 66.67).abs() < f64::EPSILON);
        tally += Tally::unheard(24);
        assert!((tally.rate() - 33.33).abs() < f64::EPSILON);
        assert!(Tally::default().rate().abs() < f64::EPSILON);
    }

    #[test]
    fn absurd_capacities_add_up_without_a_panic() {
        let sum: Tally = (0..4_400).map(|_| Tally::counted(1_000_000, 1_000_000)).sum();
        assert_eq!((sum.total, sum.occupied, sum.free), (u32::MAX, u32::MAX, 0));
        assert!((sum.rate() - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_zone_is_never_more_than_full() {
        let tally = Tally::counted(260, 239);
        assert_eq!((tally.occupied, tally.free, tally.total), (239, 0, 239));
    }
}
