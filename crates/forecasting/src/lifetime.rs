//! Remaining life of equipment: the Weibull distribution with right-censored lives.
//!
//! Lives that have not ended yet (a barrier that still works after 400 h) say as much as failures do; leaving them out
//! would make everything look short-lived (Meeker and Escobar 1998, Statistical methods for reliability data, 8).

use serde::{Deserialize, Serialize};

/// One observed life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Age at failure, or now: hours, days or uses, the same unit throughout.
    pub age: f64,
    /// Whether it ended in a failure; otherwise it goes on, or ended for another reason.
    pub failed: bool,
}

/// Why no distribution of lives can be estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotEnough {
    /// Fewer failures than [`LEAST_FAILURES`].
    #[error("{0} failures are too few to say how long such equipment lives")]
    Failures(usize),
    /// All failures at the same age, or an age of 0 or less.
    #[error("the ages at failure do not differ, or are not positive")]
    Ages,
}

/// Failures from which two parameters can be estimated at all.
pub const LEAST_FAILURES: usize = 3;

/// The probability to outlive an age `t` is `exp(-(t / scale)^shape)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weibull {
    /// Below 1: early failures; 1: failures at random; above: wear.
    pub shape: f64,
    /// The age that 36.8 % outlive, in the unit of the ages.
    pub scale: f64,
}

impl Weibull {
    /// The maximum-likelihood estimate (Cohen 1965): with censoring the shape `k` solves
    /// `sum(t^k ln t) / sum(t^k) - 1/k = mean of ln t over failures`, sums over all lives.
    ///
    /// # Errors
    /// With too few failures, or ages that tell nothing.
    pub fn fit(lives: &[Life]) -> Result<Self, NotEnough> {
        let failures: Vec<f64> = lives.iter().filter(|life| life.failed).map(|life| life.age).collect();
        if failures.len() < LEAST_FAILURES {
            return Err(NotEnough::Failures(failures.len()));
        }
        if lives.iter().any(|life| life.age <= 0.0 || !life.age.is_finite()) {
            return Err(NotEnough::Ages);
        }
        // Ages over the greatest one, so that powers stay finite.
        let unit = lives.iter().map(|life| life.age).fold(0.0, f64::max);
        let mean_log = failures.iter().map(|age| (age / unit).ln()).sum::<f64>() / failures.len() as f64;
        let sums = |shape: f64| {
            lives.iter().map(|life| life.age / unit).fold((0.0, 0.0), |(sum, logs), age: f64| {
                let power = age.powf(shape);
                (sum + power, logs + power * age.ln())
            })
        };
        let slope = |shape: f64| {
            let (sum, logs) = sums(shape);
            logs / sum - 1.0 / shape - mean_log
        };
        let (mut low, mut high) = (LEAST_SHAPE, GREATEST_SHAPE);
        if slope(low) > 0.0 || slope(high) < 0.0 {
            return Err(NotEnough::Ages);
        }
        // The function rises with the shape: halving the interval finds its only zero.
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if slope(middle) < 0.0 { low = middle } else { high = middle }
        }
        let shape = f64::midpoint(low, high);
        let scale = unit * (sums(shape).0 / failures.len() as f64).powf(1.0 / shape);
        Ok(Self { shape, scale })
    }

    /// The probability to outlive an age.
    #[must_use]
    pub fn survival(&self, age: f64) -> f64 {
        (-self.hazard(age)).exp()
    }

    /// The probability, 0 to 1, that one which has reached `age` fails within `ahead` more.
    #[must_use]
    pub fn failure_within(&self, age: f64, ahead: f64) -> f64 {
        -(self.hazard(age) - self.hazard(age + ahead.max(0.0))).exp_m1()
    }

    /// The remaining life that one which has reached `age` outlives with a probability: 0.5 gives the median, 0.9 an age at
    /// which it is time for maintenance.
    #[must_use]
    pub fn remaining(&self, age: f64, probability: f64) -> f64 {
        let more = -probability.clamp(f64::MIN_POSITIVE, 1.0).ln();
        (self.scale * (self.hazard(age) + more).powf(1.0 / self.shape) - age.max(0.0)).max(0.0)
    }

    /// The cumulative hazard.
    fn hazard(&self, age: f64) -> f64 {
        (age.max(0.0) / self.scale).powf(self.shape)
    }
}

const LEAST_SHAPE: f64 = 0.02;
const GREATEST_SHAPE: f64 = 100.0;

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_distr::{Distribution as _, Weibull as Made};

    use super::*;

    #[test]
    fn the_truth_is_found_although_half_of_the_lives_go_on() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let made = Made::new(1000.0, 2.0).unwrap();
        let lives: Vec<Life> = (0..4000)
            .map(|_| {
                let age: f64 = made.sample(&mut random);
                Life { age: age.min(800.0), failed: age <= 800.0 }
            })
            .collect();
        let found = Weibull::fit(&lives).unwrap();
        assert!((found.shape - 2.0).abs() < 0.1 && (found.scale - 1000.0).abs() < 40.0, "{found:?}");
        let ignoring: Vec<Life> = lives.iter().copied().filter(|life| life.failed).collect();
        assert!(Weibull::fit(&ignoring).unwrap().scale < 700.0, "censored lives matter");
    }

    #[test]
    fn wear_shortens_what_remains() {
        let wearing = Weibull { shape: 3.0, scale: 100.0 };
        assert!(wearing.remaining(90.0, 0.5) < wearing.remaining(10.0, 0.5));
        assert!((wearing.survival(100.0) - 0.367_879).abs() < 1e-5);
        let at_random = Weibull { shape: 1.0, scale: 100.0 };
        assert!((at_random.failure_within(0.0, 10.0) - at_random.failure_within(500.0, 10.0)).abs() < 1e-12);
        let ahead = wearing.remaining(50.0, 0.9);
        assert!((wearing.failure_within(50.0, ahead) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        let failed = |age| Life { age, failed: true };
        assert_eq!(Weibull::fit(&[failed(1.0), failed(2.0)]), Err(NotEnough::Failures(2)));
        assert_eq!(Weibull::fit(&[failed(2.0), failed(2.0), failed(2.0)]), Err(NotEnough::Ages));
        assert_eq!(Weibull::fit(&[failed(2.0), failed(0.0), failed(2.0)]), Err(NotEnough::Ages));
    }
}
