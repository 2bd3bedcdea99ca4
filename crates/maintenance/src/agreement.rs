//! A sensor that disagrees with payments: it does not see vehicles that have paid for the space.
//!
//! Some vehicles are never seen (they pay and leave), so what counts is the share beside that of the neighbours: the probability, under a
//! uniform prior, that the sensor misses a share of paid stays at least [`WORSE`] above the usual one.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    finding::{Evidence, Finding, Kind},
    special::beta_cdf,
};

/// How much above the usual share, 0 to 1, is a fault.
pub const WORSE: f64 = 0.2;
const TOLD: f64 = 0.9;

/// Stays that were paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stays {
    /// Paid stays.
    pub paid: u32,
    /// Those of them that the sensor did not see.
    pub missed: u32,
}

/// Compares a sensor with its neighbours.
#[must_use]
pub fn look(own: Stays, neighbours: Stays, now: DateTime<Utc>) -> Option<Finding> {
    if own.paid == 0 || neighbours.paid == 0 {
        return None;
    }
    let missed = own.missed.min(own.paid);
    // Drawn a little to the middle, as two more stays would do.
    let usual = (f64::from(neighbours.missed.min(neighbours.paid)) + 1.0) / (f64::from(neighbours.paid) + 2.0);
    let (a, b) = (f64::from(missed) + 1.0, f64::from(own.paid - missed) + 1.0);
    let probability = 1.0 - beta_cdf(a, b, (usual + WORSE).min(1.0));
    (probability >= TOLD).then(|| Finding {
        kind: Kind::Disagreement,
        probability,
        evidence: Evidence::Payments { missed, paid: own.paid, usual },
        by: now + TimeDelta::days(7),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(missed: u32, paid: u32) -> Option<f64> {
        let usual = Stays { paid: 400, missed: 20 };
        look(Stays { paid, missed }, usual, DateTime::UNIX_EPOCH).map(|finding| finding.probability)
    }

    #[test]
    fn a_sensor_that_misses_half_of_the_paid_stays_is_found_when_there_are_enough() {
        assert!(found(15, 30).unwrap() > 0.99);
        assert_eq!(found(1, 2), None);
        assert_eq!(found(2, 30), None);
        assert_eq!(found(0, 0), None);
        assert!(found(20, 20).unwrap() > found(8, 20).unwrap_or(0.0));
    }
}
