//! A sensor that is not heard any more: a passing loss of radio, or a breakdown.
//!
//! Weighed by Bayes' rule: losses that pass have exponential lengths, a breakdown lasts. What is believed of both at first is moved by
//! feedback ([`crate::work::Reliability`]).

use chrono::{DateTime, TimeDelta, Utc};

use crate::finding::{Evidence, Finding, Kind};

/// One loss in twenty is a breakdown, before anything is known of it.
const BROKEN: f64 = 0.05;
/// Mean length in hours of a loss that passes.
const PASSING_HOURS: f64 = 2.0;
/// A finding is told from this probability on.
const TOLD: f64 = 0.5;

/// Looks at a sensor that has been silent since a moment.
#[must_use]
pub fn look(since: DateTime<Utc>, now: DateTime<Utc>) -> Option<Finding> {
    let hours = (now - since).num_minutes().max(0) as f64 / 60.0;
    let passing = (1.0 - BROKEN) * (-hours / PASSING_HOURS).exp();
    let probability = BROKEN / (BROKEN + passing);
    (probability >= TOLD).then(|| Finding {
        kind: Kind::Silent,
        probability,
        evidence: Evidence::Silence { since, hours: (hours * 10.0).round() / 10.0 },
        by: now + TimeDelta::days(2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_it_is_silent_the_likelier_it_is_broken() {
        let at = |hours: i64| look(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::hours(hours));
        assert_eq!(at(3), None);
        let (evening, next_day) = (at(8).unwrap().probability, at(24).unwrap().probability);
        assert!(0.5 < evening && evening < 0.9 && next_day > 0.99, "{evening} {next_day}");
    }
}
