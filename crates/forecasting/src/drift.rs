//! When forecasts become worse than they were.

use serde::{Deserialize, Serialize};

/// Watches the errors of a series' forecasts after its training.
///
/// The Page-Hinkley test (Page 1954; Hinkley 1971): errors over their usual size are added up, less 1 and a tolerance; when
/// the sum stands far enough above its lowest point, the errors have grown for good and not by chance. Feed it one
/// mean error per day: the errors of single steps of a day resemble each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    usual: f64,
    sum: f64,
    lowest: f64,
    days: u32,
    days_at_lowest: u32,
    recent: f64,
}

/// What has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Days since errors began to grow.
    pub days: u32,
    /// Present size of errors over the usual one.
    pub factor: f64,
}

/// Growth of errors that is tolerated, as a share.
const TOLERANCE: f64 = 0.25;
/// Excess, in usual errors, that is no chance any more.
const THRESHOLD: f64 = 5.0;
/// Weight of a day in the present size of errors.
const RECENT: f64 = 0.2;
/// One day counts at most this many usual errors: a single odd day is no drift.
const WORST_DAY: f64 = 4.0;

impl Watch {
    /// Starts with the mean absolute error of the rehearsal or backtest.
    #[must_use]
    pub fn new(usual: f64) -> Self {
        Self { usual: usual.max(f64::MIN_POSITIVE), sum: 0.0, lowest: 0.0, days: 0, days_at_lowest: 0, recent: 1.0 }
    }

    /// Notes a day's mean absolute error; tells if the series should be trained anew and looked at.
    pub fn note(&mut self, error: f64) -> Option<Drift> {
        let relative = (error / self.usual).min(WORST_DAY);
        self.days += 1;
        self.sum += relative - 1.0 - TOLERANCE;
        self.recent += RECENT * (relative - self.recent);
        if self.sum <= self.lowest {
            self.lowest = self.sum;
            self.days_at_lowest = self.days;
        }
        (self.sum - self.lowest > THRESHOLD)
            .then_some(Drift { days: self.days - self.days_at_lowest, factor: self.recent })
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    #[test]
    fn a_year_of_the_usual_raises_no_alarm() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(6);
        let mut watch = Watch::new(2.0);
        assert!((0..365).all(|_| watch.note(2.0 * random.random_range(0.4..1.6)).is_none()));
    }

    #[test]
    fn errors_that_double_are_noticed_within_two_weeks() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let mut watch = Watch::new(2.0);
        for _ in 0..100 {
            watch.note(2.0 * random.random_range(0.4..1.6));
        }
        let noticed = (1..=14).find_map(|day| Some((day, watch.note(4.0 * random.random_range(0.6..1.4))?)));
        let (day, drift) = noticed.unwrap();
        assert!(day >= 4 && drift.factor > 1.3, "{day} {drift:?}");
    }

    #[test]
    fn one_odd_day_is_none() {
        let mut watch = Watch::new(1.0);
        assert!(watch.note(50.0).is_none());
    }
}
