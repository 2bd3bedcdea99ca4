//! Faults on request: what a test asks the stack to do wrong.
//!
//! Here: queue deliveries, sandboxes and publications. DynamoDB's are [`crate::dynamodb::DynamoDb::set_write_faults`]; PostgreSQL is stopped and resumed by its
//! own handle. Nothing happens unless asked. Choices are drawn from a seeded generator, so that a failing test can be run again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::SmallRng};

/// The faults asked for. All off by default.
#[derive(Debug)]
pub struct Faults {
    deliveries: Mutex<(Deliveries, SmallRng)>,
    kills: Mutex<HashMap<String, Vec<Duration>>>,
    publications: Mutex<(f64, SmallRng)>,
    slowness: Mutex<Duration>,
}

/// How queues misbehave; each share is a probability from 0 to 1, drawn per message sent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Deliveries {
    /// Share of messages delivered twice (same message id).
    pub duplicates: f64,
    /// Share of messages delivered late.
    pub delays: f64,
    /// The longest such lateness; the actual one is uniform below it, which also reorders.
    pub delay: Duration,
}

/// What happens to one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// Lateness.
    pub delay: Duration,
    /// Lateness of a second delivery behind the first one, if there is one.
    pub duplicate_after: Option<Duration>,
}

impl Default for Faults {
    fn default() -> Self {
        let random = || SmallRng::seed_from_u64(0);
        Self {
            deliveries: Mutex::new((Deliveries::default(), random())),
            kills: Mutex::default(),
            publications: Mutex::new((0.0, random())),
            slowness: Mutex::default(),
        }
    }
}

impl Faults {
    /// Makes queues misbehave from now on, choices drawn from `seed`.
    pub fn set_deliveries(&self, deliveries: Deliveries, seed: u64) {
        *lock(&self.deliveries) = (deliveries, SmallRng::seed_from_u64(seed));
    }

    /// The fate of the next message.
    pub fn delivery(&self) -> Fate {
        let mut guard = lock(&self.deliveries);
        let (deliveries, random) = &mut *guard;
        if *deliveries == Deliveries::default() {
            return Fate::default();
        }
        let late = |random: &mut SmallRng| deliveries.delay.mul_f64(random.random());
        Fate {
            delay: if random.random_bool(deliveries.delays.clamp(0.0, 1.0)) { late(random) } else { Duration::ZERO },
            duplicate_after: random.random_bool(deliveries.duplicates.clamp(0.0, 1.0)).then(|| late(random)),
        }
    }

    /// Has SNS refuse this share of publications from now on, choices drawn from `seed`.
    pub fn refuse_publications(&self, share: f64, seed: u64) {
        *lock(&self.publications) = (share.clamp(0.0, 1.0), SmallRng::seed_from_u64(seed));
    }

    /// Has SNS take so long for each publication from now on. What its caller does not wait for is not published.
    pub fn slow_publications(&self, pause: Duration) {
        *lock(&self.slowness) = pause;
    }

    /// How long the next publication is to take.
    pub(crate) fn publication_pause(&self) -> Duration {
        *lock(&self.slowness)
    }

    /// Whether the next publication is to be refused.
    pub(crate) fn refuses_publication(&self) -> bool {
        let mut guard = lock(&self.publications);
        let (share, random) = &mut *guard;
        *share > 0.0 && random.random_bool(*share)
    }

    /// Kills the sandbox of the function's next invocation, so long after it took its event.
    pub fn kill_next(&self, function: &str, after: Duration) {
        lock(&self.kills).entry(function.to_owned()).or_default().push(after);
    }

    /// The kill that the present invocation of a function is to suffer.
    pub(crate) fn take_kill(&self, function: &str) -> Option<Duration> {
        lock(&self.kills).get_mut(function).and_then(Vec::pop)
    }
}

/// A panic elsewhere leaves these values whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_happens_unless_asked() {
        let faults = Faults::default();
        assert!((0..100).all(|_| faults.delivery() == Fate::default()));
        assert_eq!(faults.take_kill("IngestFunction"), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_fates_in_the_shares_asked_for() {
        let deliveries = Deliveries { duplicates: 0.2, delays: 0.5, delay: Duration::from_secs(1) };
        let draw = || {
            let faults = Faults::default();
            faults.set_deliveries(deliveries, 7);
            (0..1_000).map(|_| faults.delivery()).collect::<Vec<_>>()
        };
        let fates = draw();
        assert_eq!(fates, draw());
        let duplicates = fates.iter().filter(|fate| fate.duplicate_after.is_some()).count();
        let late = fates.iter().filter(|fate| !fate.delay.is_zero()).count();
        assert!((150..250).contains(&duplicates), "{duplicates}");
        assert!((430..570).contains(&late), "{late}");
    }

    #[test]
    fn a_kill_is_used_once() {
        let faults = Faults::default();
        faults.kill_next("a", Duration::from_millis(5));
        assert_eq!(faults.take_kill("b"), None);
        assert_eq!(faults.take_kill("a"), Some(Duration::from_millis(5)));
        assert_eq!(faults.take_kill("a"), None);
    }
}
