//! The short-term deviation from the usual course: an autoregression of first order seen through noise.

use serde::{Deserialize, Serialize};

/// How deviations persist, and the present one.
///
/// Scaled residuals are taken as the sum of an AR(1) signal and white noise; the signal is followed by a Kalman filter in
/// its steady state (Durbin and Koopman 2012, Time series analysis by state space methods, 4.3).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Deviation {
    /// Autocorrelation of the signal from one step to the next.
    persistence: f64,
    /// Share of the last innovation that is believed.
    gain: f64,
    /// The signal at the last step.
    state: f64,
}

/// Below this share of signal the residuals are noise.
const LEAST_SIGNAL: f64 = 0.03;

impl Deviation {
    /// Learns from scaled residuals, NaN for gaps. `far` is a lag of a few hours in steps.
    pub fn learn(residuals: &[f64], far: usize) -> Self {
        let far = far.max(2);
        let (Some(near_correlation), Some(far_correlation)) = (correlation(residuals, 1), correlation(residuals, far))
        else {
            return Self::default();
        };
        if near_correlation < LEAST_SIGNAL {
            return Self::default();
        }
        let ratio = (far_correlation.max(1e-4) / near_correlation).clamp(1e-4, 1.0);
        let persistence = ratio.powf(1.0 / (far as f64 - 1.0)).clamp(0.0, 0.995);
        let signal = (near_correlation / persistence.max(1e-3)).clamp(LEAST_SIGNAL, 0.98);
        Self { persistence, gain: gain(persistence, signal), state: 0.0 }
    }

    /// Starts over before the residuals that follow.
    pub fn forget(&mut self) {
        self.state = 0.0;
    }

    /// Takes note of one step; none for a gap.
    pub fn observe(&mut self, residual: Option<f64>) {
        let predicted = self.persistence * self.state;
        self.state = residual.map_or(predicted, |residual| predicted + self.gain * (residual - predicted));
    }

    /// The deviation expected some steps ahead, in units of the scaled residuals.
    pub fn ahead(&self, lead: usize) -> f64 {
        self.state * self.persistence.powi(i32::try_from(lead).unwrap_or(i32::MAX))
    }

    pub fn is_noise(&self) -> bool {
        self.gain == 0.0
    }
}

/// The steady-state gain for a signal of unit variance times `signal` in noise of `1 - signal`.
fn gain(persistence: f64, signal: f64) -> f64 {
    let (innovation, noise) = (signal * (1.0 - persistence * persistence), 1.0 - signal);
    let mut predicted = signal;
    for _ in 0..100 {
        let believed = predicted / (predicted + noise);
        predicted = persistence * persistence * predicted * (1.0 - believed) + innovation;
    }
    predicted / (predicted + noise)
}

/// Autocorrelation at a lag over the pairs that were both observed; none with too few of them.
fn correlation(residuals: &[f64], lag: usize) -> Option<f64> {
    let (mut product, mut first, mut second, mut pairs) = (0.0, 0.0, 0.0, 0_u32);
    for (a, b) in residuals.iter().zip(residuals.get(lag..)?).filter(|(a, b)| !a.is_nan() && !b.is_nan()) {
        product += a * b;
        first += a * a;
        second += b * b;
        pairs += 1;
    }
    let scale = (first * second).sqrt();
    (pairs >= 30 && scale > 0.0).then(|| product / scale)
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    #[test]
    fn it_finds_the_persistence_it_was_made_with() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut signal = 0.0;
        let residuals: Vec<f64> = (0..20_000)
            .map(|_| {
                signal = 0.9 * signal + random.random_range(-1.0..1.0);
                signal + random.random_range(-1.0..1.0)
            })
            .collect();
        let learned = Deviation::learn(&residuals, 6);
        assert!((learned.persistence - 0.9).abs() < 0.02, "{learned:?}");
        assert!((0.4..0.9).contains(&learned.gain), "{learned:?}");
    }

    #[test]
    fn white_noise_is_left_alone() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let residuals: Vec<f64> = (0..20_000).map(|_| random.random_range(-1.0..1.0)).collect();
        assert!(Deviation::learn(&residuals, 6).is_noise());
    }
}
