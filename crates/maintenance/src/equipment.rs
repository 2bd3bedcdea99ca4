//! Barriers, terminals, fans: failure by wear, from the lives of others of the kind (Weibull with censoring, [`parvis_forecasting::lifetime`]).

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::lifetime::{Life, NotEnough, Weibull};

use crate::finding::{Evidence, Finding, Kind};

/// The date is suggested so that this share of such pieces still works then.
const STILL_WORKING: f64 = 0.9;
/// A finding is told when failure within the horizon is at least so likely.
const TOLD: f64 = 0.2;

/// A piece of equipment at work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// What it has done since it was new or overhauled: hours or cycles, as the lives.
    pub age: f64,
    /// What it does in a day.
    pub per_day: f64,
}

/// Tells whether a piece is likely to fail within a horizon, by the lives of its kind: ended ones and those that go on.
///
/// # Errors
/// When the lives do not tell how long such equipment lives.
pub fn look(
    piece: Piece,
    lives: &[Life],
    horizon: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Finding>, NotEnough> {
    let law = Weibull::fit(lives)?;
    let days = horizon.num_minutes() as f64 / (24.0 * 60.0);
    let probability = law.failure_within(piece.age, piece.per_day * days);
    if probability < TOLD || piece.per_day <= 0.0 {
        return Ok(None);
    }
    let left = law.remaining(piece.age, STILL_WORKING) / piece.per_day;
    Ok(Some(Finding {
        kind: Kind::Wear,
        probability,
        evidence: Evidence::Wear {
            age: piece.age,
            median_left: law.remaining(piece.age, 0.5),
            failures: lives.iter().filter(|life| life.failed).count(),
        },
        by: now + TimeDelta::minutes((left.min(days) * 24.0 * 60.0) as i64),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Barriers that failed around 100,000 movements, and some that still work.
    fn lives() -> Vec<Life> {
        let failed = [80_000.0, 92_000.0, 99_000.0, 104_000.0, 111_000.0, 120_000.0];
        let working = [20_000.0, 40_000.0, 60_000.0, 85_000.0];
        let life = |failed| move |age: f64| Life { age, failed };
        failed.into_iter().map(life(true)).chain(working.into_iter().map(life(false))).collect()
    }

    fn look_at(age: f64) -> Option<Finding> {
        look(Piece { age, per_day: 300.0 }, &lives(), TimeDelta::days(60), DateTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_worn_barrier_is_due_and_a_young_one_is_not() {
        assert_eq!(look_at(10_000.0), None);
        let (worn, old) = (look_at(95_000.0).unwrap(), look_at(110_000.0).unwrap());
        assert!(worn.probability > 0.5 && old.probability > worn.probability, "{worn:?} {old:?}");
        assert!(old.by < worn.by && worn.by < DateTime::UNIX_EPOCH + TimeDelta::days(60));
    }

    #[test]
    fn too_few_failures_are_said() {
        let lives = [Life { age: 10.0, failed: true }];
        let piece = Piece { age: 5.0, per_day: 1.0 };
        let answer = look(piece, &lives, TimeDelta::days(30), DateTime::UNIX_EPOCH);
        assert_eq!(answer, Err(NotEnough::Failures(1)));
    }
}
