//! The negative binomial distribution, with the Poisson distribution as its limit.

/// Above this mean the distribution is taken as normal, with continuity correction.
const LARGE_MEAN: f64 = 400.0;

/// Counts of a mean `m` and variance `m + overdispersion * m^2` (NB2; Hilbe 2011).
#[derive(Debug, Clone, Copy)]
pub(crate) struct NegativeBinomial {
    pub mean: f64,
    pub overdispersion: f64,
}

impl NegativeBinomial {
    /// The distribution function at 0, 1, 2 and so on, until `enough` says so or it reaches 1.
    pub fn cumulate(self, mut enough: impl FnMut(u32, f64) -> bool) {
        let Self { mean, overdispersion } = self;
        if mean > LARGE_MEAN {
            return self.cumulate_normal(enough);
        }
        let spread = overdispersion * mean;
        let (mut probability, ratio) = if overdispersion > 1e-9 {
            ((-(1.0 + spread).ln() / overdispersion).exp(), spread / (1.0 + spread))
        } else {
            ((-mean).exp(), mean)
        };
        let mut total = 0.0;
        for count in 0..u32::MAX {
            total += probability;
            if enough(count, total.min(1.0)) || 1.0 - total < 1e-9 || (probability < 1e-300 && f64::from(count) > mean)
            {
                return;
            }
            let k = f64::from(count);
            probability *=
                if overdispersion > 1e-9 { ratio * (k + 1.0 / overdispersion) / (k + 1.0) } else { ratio / (k + 1.0) };
        }
    }

    fn cumulate_normal(self, mut enough: impl FnMut(u32, f64) -> bool) {
        let deviation = (self.mean + self.overdispersion * self.mean * self.mean).sqrt();
        let first = (self.mean - 8.0 * deviation).max(0.0) as u32;
        for count in first..u32::MAX {
            let total = normal_cdf((f64::from(count) + 0.5 - self.mean) / deviation);
            if enough(count, total) || 1.0 - total < 1e-9 {
                return;
            }
        }
    }

    /// The distribution function below and at a count.
    pub fn around(self, count: f64) -> (f64, f64) {
        let (mut below, mut at) = (0.0, 0.0);
        if count < 0.0 {
            return (0.0, 0.0);
        }
        let mut reached = false;
        self.cumulate(|k, total| {
            if f64::from(k) < count {
                below = total;
                at = total;
                false
            } else {
                at = total;
                reached = true;
                true
            }
        });
        if reached { (below, at) } else { (below, 1.0) }
    }
}

/// The standard normal distribution function (Abramowitz and Stegun 1964, 26.2.17; error below 7.5e-8).
pub(crate) fn normal_cdf(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let polynomial =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let upper = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial;
    if z >= 0.0 { 1.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_is_the_limit() {
        let (below, at) = NegativeBinomial { mean: 3.0, overdispersion: 0.0 }.around(2.0);
        assert!((below - 0.199_148).abs() < 1e-6 && (at - 0.423_190).abs() < 1e-6);
        let (_, near) = NegativeBinomial { mean: 3.0, overdispersion: 1e-6 }.around(2.0);
        assert!((near - at).abs() < 1e-5);
    }

    #[test]
    fn mean_and_variance_are_as_said() {
        for (mean, overdispersion) in [(0.3, 0.5), (7.0, 0.1), (150.0, 0.02)] {
            let law = NegativeBinomial { mean, overdispersion };
            let (mut before, mut first, mut second) = (0.0, 0.0, 0.0);
            law.cumulate(|k, total| {
                first += f64::from(k) * (total - before);
                second += f64::from(k).powi(2) * (total - before);
                before = total;
                false
            });
            assert!((first - mean).abs() < 1e-3 * mean, "{first}");
            assert!((second - first * first - mean - overdispersion * mean * mean).abs() < 0.01 * mean, "{second}");
        }
    }

    #[test]
    fn large_means_meet_small_ones_without_a_step() {
        let under = NegativeBinomial { mean: 399.9, overdispersion: 0.01 }.around(420.0);
        let above = NegativeBinomial { mean: 400.1, overdispersion: 0.01 }.around(420.0);
        assert!((under.1 - above.1).abs() < 0.02);
    }
}
