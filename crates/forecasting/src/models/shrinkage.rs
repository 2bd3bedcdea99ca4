//! Empirical-Bayes shrinkage of multiplicative effects.

/// Observed and expected sums of one group.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub observed: f64,
    pub expected: f64,
}

impl Sums {
    pub fn add(&mut self, observed: f64, expected: f64) {
        self.observed += observed;
        self.expected += expected;
    }

    /// The posterior mean of the group's factor under a Gamma prior of mean 1 that is worth `weight` expected units
    /// (the conjugate prior of a Poisson rate; Clayton and Kaldor 1987).
    pub fn factor(self, weight: f64) -> f64 {
        let total = self.expected + weight;
        if total > 0.0 { (self.observed + weight) / total } else { 1.0 }
    }

    /// The plain ratio; none without expectation.
    pub fn ratio(self) -> Option<f64> {
        (self.expected > 1e-9).then(|| self.observed / self.expected)
    }
}

/// The factors of groups, drawn towards 1 as far as their spread can be explained by chance alone.
///
/// The variance of the true factors is estimated by moments; `dispersion` is the variance of an observation over its
/// expectation.
pub(super) fn shrink(groups: &[Sums], dispersion: f64) -> Vec<f64> {
    let (mut weighted, mut total, mut number) = (0.0, 0.0, 0.0);
    for (sums, ratio) in groups.iter().filter_map(|sums| Some((sums, sums.ratio()?))) {
        weighted += sums.expected * (ratio - 1.0).powi(2);
        total += sums.expected;
        number += 1.0;
    }
    let spread = if total > 0.0 { (weighted - number * dispersion) / total } else { 0.0 };
    let weight = if spread > 1e-9 { dispersion / spread } else { f64::INFINITY };
    groups.iter().map(|sums| if weight.is_finite() { sums.factor(weight) } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_shrunk_away_and_structure_is_kept() {
        let by_chance: Vec<_> = [98.0, 103.0, 101.0, 97.0].map(|observed| Sums { observed, expected: 100.0 }).to_vec();
        assert!(shrink(&by_chance, 1.0).iter().all(|factor| (factor - 1.0).abs() < 1e-9));
        let real: Vec<_> = [50.0, 150.0].map(|observed| Sums { observed, expected: 100.0 }).to_vec();
        let factors = shrink(&real, 1.0);
        assert!((0.5..0.55).contains(&factors[0]) && (1.45..1.5).contains(&factors[1]));
    }
}
