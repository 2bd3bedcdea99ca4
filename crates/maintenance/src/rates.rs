//! A sensor that changes too often or too seldom beside its neighbours.
//!
//! Two explanations of the changes that were counted are weighed by Bayes' rule: that the sensor works, so that its rate is drawn from the
//! law of its neighbours' rates (a Gamma law, by moments; counts are then negative binomial), or that it is broken: flapping, with a rate
//! anywhere from 4 to 400 times the usual one, each magnitude alike, or stuck, with a rate between none and a twentieth of it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    finding::{Evidence, Finding, Kind},
    special::{gamma_cdf, ln_gamma},
};

/// One sensor in a hundred is broken, before anything is known of it.
const BROKEN: f64 = 0.01;
/// Neighbours that tell what is usual.
const LEAST_NEIGHBOURS: usize = 3;
/// Times the usual rate from which on, and up to which, a sensor flaps.
const FLAPPING: (f64, f64) = (4.0, 400.0);
/// Share of the usual rate up to which a sensor is stuck.
const STUCK: f64 = 0.05;
/// A finding is told from this probability on.
const TOLD: f64 = 0.5;

/// Looks at a sensor's changes over some time, and at those of its neighbours over the same time.
#[must_use]
pub fn look(changes: u32, neighbours: &[u32], now: DateTime<Utc>) -> Option<Finding> {
    if neighbours.len() < LEAST_NEIGHBOURS {
        return None;
    }
    let law = Law::of(neighbours)?;
    let works = (1.0 - BROKEN) * law.probability(changes);
    let (kind, broken) = if f64::from(changes) > law.mean {
        (Kind::Flapping, BROKEN * flapping(changes, law.mean))
    } else {
        (Kind::Stuck, BROKEN * stuck(changes, law.mean))
    };
    let probability = broken / (broken + works);
    (probability >= TOLD).then(|| Finding {
        kind,
        probability,
        evidence: Evidence::Rate { changes, expected: law.mean, neighbours: neighbours.len() },
        // Wrong already, and telling drivers wrong things.
        by: now + TimeDelta::days(2),
    })
}

/// The law of working sensors' rates: Gamma, by its mean and shape; none of a zone where nothing happens.
#[derive(Debug, Clone, Copy)]
struct Law {
    mean: f64,
    shape: f64,
}

/// Rates of sensors differ at least so much: spaces beside the door and at the far end.
const GREATEST_SHAPE: f64 = 4.0;

impl Law {
    fn of(neighbours: &[u32]) -> Option<Self> {
        // The median neighbour, so that a second broken one does not spoil the measure.
        let mut sorted = neighbours.to_vec();
        sorted.sort_unstable();
        let mean = f64::from(sorted[sorted.len() / 2]);
        let size = sorted.len() as f64;
        let variance = sorted.iter().map(|one| (f64::from(*one) - mean).powi(2)).sum::<f64>() / size;
        let shape =
            if variance > mean { (mean * mean / (variance - mean)).min(GREATEST_SHAPE) } else { GREATEST_SHAPE };
        (mean >= 1.0).then_some(Self { mean, shape: shape.max(0.5) })
    }

    /// The probability of a count: negative binomial.
    fn probability(self, count: u32) -> f64 {
        let (k, a) = (f64::from(count), self.shape);
        let success = self.mean / (self.mean + a);
        let log = ln_gamma(k + a) - ln_gamma(a) - ln_gamma(k + 1.0) + k * success.ln() + a * (1.0 - success).ln();
        log.exp()
    }
}

fn flapping(count: u32, usual: f64) -> f64 {
    let (low, high) = (FLAPPING.0 * usual, FLAPPING.1 * usual);
    let k = f64::from(count.max(1));
    (gamma_cdf(k, high) - gamma_cdf(k, low)).max(0.0) / (k * (high / low).ln())
}

fn stuck(count: u32, usual: f64) -> f64 {
    let most = STUCK * usual;
    gamma_cdf(f64::from(count) + 1.0, most) / most
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_distr::{Distribution as _, Gamma, Poisson};

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn working_sensors_are_left_alone() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let rates = Gamma::new(4.0, 10.0).unwrap();
        let mut count = || -> u32 {
            let rate: f64 = rates.sample(&mut random);
            let count: f64 = Poisson::new(rate.max(0.1)).unwrap().sample(&mut random);
            count as u32
        };
        let zone: Vec<u32> = (0..500).map(|_| count()).collect();
        let found = zone.chunks(10).flat_map(|zone| {
            zone.iter().enumerate().filter_map(|(place, own)| {
                let others: Vec<u32> = zone.iter().enumerate().filter(|(k, _)| *k != place).map(|(_, n)| *n).collect();
                look(*own, &others, NOW)
            })
        });
        let found: Vec<_> = found.collect();
        assert!(found.len() <= 5, "{} of 500 working sensors: {found:?}", found.len());
    }

    #[test]
    fn flapping_and_stuck_ones_are_found() {
        let usual = [38, 45, 41, 60, 22, 35];
        let kind = |changes| look(changes, &usual, NOW).map(|finding| (finding.kind, finding.probability > 0.9));
        assert_eq!(kind(900), Some((Kind::Flapping, true)));
        assert_eq!(kind(0), Some((Kind::Stuck, true)));
        assert_eq!((kind(40), kind(15), kind(90)), (None, None, None));
        // A second broken sensor does not hide the first.
        assert_eq!(look(1000, &[38, 45, 41, 60, 22, 1200], NOW).map(|finding| finding.kind), Some(Kind::Flapping));
    }

    #[test]
    fn a_quiet_zone_or_few_neighbours_tell_nothing() {
        assert_eq!(look(0, &[0, 0, 1, 0], NOW), None);
        assert_eq!(look(500, &[10, 12], NOW), None);
    }
}
