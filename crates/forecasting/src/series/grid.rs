//! Regular time steps.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::calendar::MINUTES_OF_DAY;

/// The length of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Minutes of real time, a divisor of 60. A local day has more or fewer of them when clocks change.
    Minutes(u16),
    /// Local days, of 23 to 25 hours.
    Day,
}

/// The steps of a series: where each begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    start: DateTime<Utc>,
    step: Step,
    timezone: Tz,
}

impl Grid {
    /// A grid whose first step contains `start`.
    #[must_use]
    pub fn new(start: DateTime<Utc>, step: Step, timezone: Tz) -> Self {
        let start = match step {
            Step::Minutes(minutes) => {
                // Local offsets may be fractions of an hour: the step begins on the local clock.
                let offset = i64::from(local_offset_seconds(start, timezone));
                let seconds = i64::from(minutes.max(1)) * 60;
                start
                    - TimeDelta::seconds((start.timestamp() + offset).rem_euclid(seconds))
                    - TimeDelta::nanoseconds(i64::from(start.timestamp_subsec_nanos()))
            }
            Step::Day => local_midnight(start.with_timezone(&timezone).date_naive(), timezone),
        };
        Self { start, step, timezone }
    }

    /// When a step begins.
    #[must_use]
    pub fn at(&self, index: usize) -> DateTime<Utc> {
        match self.step {
            Step::Minutes(minutes) => self.start + TimeDelta::minutes(i64::from(minutes) * index as i64),
            Step::Day => local_midnight(self.first_day() + Days::new(index as u64), self.timezone),
        }
    }

    /// The step that contains a moment; negative before the first.
    #[must_use]
    pub fn index(&self, at: DateTime<Utc>) -> i64 {
        match self.step {
            Step::Minutes(minutes) => (at - self.start).num_seconds().div_euclid(i64::from(minutes.max(1)) * 60),
            Step::Day => (at.with_timezone(&self.timezone).date_naive() - self.first_day()).num_days(),
        }
    }

    /// The length of the steps.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Where local time is read.
    #[must_use]
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// Steps of an ordinary day.
    #[must_use]
    pub fn slots_per_day(&self) -> usize {
        match self.step {
            Step::Minutes(minutes) => MINUTES_OF_DAY / usize::from(minutes.max(1)),
            Step::Day => 1,
        }
    }

    /// Steps that begin within a duration, at least one.
    #[must_use]
    pub fn steps_in(&self, duration: TimeDelta) -> usize {
        let step_minutes = (MINUTES_OF_DAY / self.slots_per_day()) as i64;
        usize::try_from(duration.num_minutes() / step_minutes).unwrap_or(0).max(1)
    }

    fn first_day(&self) -> NaiveDate {
        self.start.with_timezone(&self.timezone).date_naive()
    }
}

fn local_offset_seconds(at: DateTime<Utc>, timezone: Tz) -> i32 {
    use chrono::Offset as _;
    timezone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The first moment of a local day; after midnight where clocks skip it.
#[must_use]
pub fn local_midnight(day: NaiveDate, timezone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    (0..24)
        .find_map(|half_hours| {
            timezone.from_local_datetime(&(midnight + TimeDelta::minutes(30 * half_hours))).earliest()
        })
        .map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daily_steps_follow_local_midnights() {
        let grid = Grid::new("2026-03-28T12:00:00Z".parse().unwrap(), Step::Day, chrono_tz::Europe::Paris);
        assert_eq!(grid.at(0).to_rfc3339(), "2026-03-27T23:00:00+00:00");
        assert_eq!(grid.at(2).to_rfc3339(), "2026-03-29T22:00:00+00:00");
        assert_eq!(grid.index(grid.at(2)), 2);
        assert_eq!(grid.index(grid.at(2) - TimeDelta::seconds(1)), 1);
    }

    #[test]
    fn steps_begin_on_the_local_clock() {
        let grid = Grid::new("2026-01-01T00:10:00Z".parse().unwrap(), Step::Minutes(60), chrono_tz::Asia::Kolkata);
        assert_eq!(grid.at(0).to_rfc3339(), "2025-12-31T23:30:00+00:00");
    }
}
