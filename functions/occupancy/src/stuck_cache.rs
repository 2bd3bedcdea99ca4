//! What is known of stuck counters: asked of the history rarely, once at a time, and never while somebody waits for the
//! current state.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use parvis_kit::postgres::DatabaseError;
use parvis_kit::telemetry::chain;
use tokio::sync::Mutex;

use crate::sql::StuckCounter;

/// Stuck counters by place.
pub type StuckCounters = Arc<HashMap<String, Vec<StuckCounter>>>;

/// Stuck counters by their places.
#[must_use]
pub fn by_place(found: Vec<StuckCounter>) -> StuckCounters {
    let mut by_place: HashMap<String, Vec<StuckCounter>> = HashMap::new();
    for counter in found {
        by_place.entry(counter.place.clone()).or_default().push(counter);
    }
    Arc::new(by_place)
}

/// How old it may be for who asks for the current state, which tells only their number. Longer than the half hour after
/// which an unused database pauses: a page that stays open must not keep it running.
const RENEWED_AFTER: Duration = Duration::from_hours(1);
/// How long after a failure the current state leaves the database alone.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// How long an answer is waited for in the background, so that a server that hangs holds no connection for long.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// The stuck counters of the fleet as last found. One query for all places, since they are each other's neighbours.
#[derive(Debug, Default)]
pub struct StuckCache {
    known: RwLock<Known>,
    /// Held by the one who asks. The query reads the fleet's last months: two at a time would find the same, slower.
    flight: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    /// With the time at which it was asked for.
    found: Option<(Instant, StuckCounters)>,
    failed_at: Option<Instant>,
}

impl Known {
    /// What was asked for no earlier than this.
    fn since(&self, came_at: Instant) -> Option<StuckCounters> {
        let found = self.found.as_ref().filter(|(asked_at, _)| *asked_at >= came_at);
        found.map(|(_, counters)| counters.clone())
    }

    /// Whether the current state should have the counters looked for again.
    fn is_due(&self, now: Instant) -> bool {
        let passed = |since: Instant, length| now.duration_since(since) >= length;
        self.found.as_ref().is_none_or(|(asked_at, _)| passed(*asked_at, RENEWED_AFTER))
            && self.failed_at.is_none_or(|failed_at| passed(failed_at, TRIED_AGAIN_AFTER))
    }
}

impl StuckCache {
    /// The counters as they are now. `ask` asks the database; those who come meanwhile wait, and share the next answer or
    /// its failure: however many ask, there is one query at a time.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn recent<F>(&self, ask: impl FnOnce() -> F) -> Result<StuckCounters, DatabaseError>
    where
        F: Future<Output = Result<StuckCounters, DatabaseError>>,
    {
        let came_at = Instant::now();
        let _flight = self.flight.lock().await;
        if let Some(answer) = self.read(|known| known.since(came_at)) {
            return Ok(answer);
        }
        if self.read(|known| known.failed_at.is_some_and(|failed_at| failed_at >= came_at)) {
            return Err(DatabaseError::Sql(sqlx::Error::PoolTimedOut));
        }
        let asked_at = Instant::now();
        self.keep(asked_at, ask().await)
    }

    /// The counters as last found, at once; `None` before the first answer. When they are old, `ask` is begun in the
    /// background, for the requests that follow.
    pub fn last_known<F>(self: &Arc<Self>, ask: impl FnOnce() -> F + Send + 'static) -> Option<StuckCounters>
    where
        F: Future<Output = Result<StuckCounters, DatabaseError>> + Send + 'static,
    {
        let now = Instant::now();
        let (last, due) = self.read(|known| (known.found.as_ref().map(|(_, found)| found.clone()), known.is_due(now)));
        if due && let Ok(flight) = self.flight.clone().try_lock_owned() {
            let cache = self.clone();
            tokio::spawn(async move {
                let _flight = flight;
                let asked_at = Instant::now();
                let answer = tokio::time::timeout(ANSWERED_WITHIN, ask()).await;
                let answer = answer.unwrap_or(Err(DatabaseError::Sql(sqlx::Error::PoolTimedOut)));
                if let Err(error) = cache.keep(asked_at, answer) {
                    tracing::warn!(error = %chain(&error), "stuck counters cannot be looked for");
                }
            });
        }
        last
    }

    fn read<T>(&self, what: impl FnOnce(&Known) -> T) -> T {
        what(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers an answer, or that there was none: what was found before stays known.
    fn keep(
        &self,
        asked_at: Instant,
        answer: Result<StuckCounters, DatabaseError>,
    ) -> Result<StuckCounters, DatabaseError> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &answer {
            Ok(found) => *known = Known { found: Some((asked_at, found.clone())), failed_at: None },
            Err(_) => known.failed_at = Some(Instant::now()),
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn failure() -> DatabaseError {
        DatabaseError::Sql(sqlx::Error::PoolTimedOut)
    }

    /// Lets tasks in the background run.
    async fn settle(cache: &StuckCache) {
        tokio::task::yield_now().await;
        drop(cache.flight.lock().await);
    }

    #[tokio::test]
    async fn many_who_come_at_once_ask_once() {
        let (cache, asked) = (StuckCache::default(), AtomicU32::new(0));
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(StuckCounters::default())
        };
        let answers = futures::future::join_all((0..8).map(|_| cache.recent(ask))).await;
        assert!(answers.iter().all(Result::is_ok));
        // One is on its way when the others come; those share the next, which is sure to know what they know.
        assert!(asked.load(Ordering::Relaxed) <= 2);
        let before = asked.load(Ordering::Relaxed);
        assert!(cache.recent(ask).await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), before + 1, "who comes later is told the present");
    }

    #[tokio::test]
    async fn who_waited_for_a_failure_shares_it() {
        let (cache, asked) = (StuckCache::default(), AtomicU32::new(0));
        let ask = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err(failure())
        };
        let answers = futures::future::join_all((0..8).map(|_| cache.recent(ask))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(cache.recent(|| async { Ok(StuckCounters::default()) }).await.is_ok(), "who comes later asks again");
    }

    #[tokio::test]
    async fn the_current_state_is_not_kept_waiting() {
        let cache = Arc::new(StuckCache::default());
        assert!(cache.last_known(|| async { Ok(StuckCounters::default()) }).is_none(), "nothing is known yet");
        settle(&cache).await;
        let unasked = || async { unreachable!("what is known is not asked again") };
        assert!(cache.last_known(unasked).is_some());
        settle(&cache).await;
    }

    #[tokio::test]
    async fn a_failure_is_remembered_and_takes_nothing_away() {
        let cache = Arc::new(StuckCache::default());
        assert!(cache.last_known(|| async { Err(failure()) }).is_none());
        settle(&cache).await;
        let unasked = || async { unreachable!("a database that has just failed is left alone") };
        assert!(cache.last_known(unasked).is_none());
        cache.keep(Instant::now(), Ok(StuckCounters::default())).unwrap();
        cache.keep(Instant::now(), Err(failure())).unwrap_err();
        assert!(cache.last_known(unasked).is_some(), "the last answer is still told");
        settle(&cache).await;
    }

    #[test]
    fn old_answers_are_renewed_and_failures_tried_again() {
        let start = Instant::now();
        let found = |failed_at| Known { found: Some((start, StuckCounters::default())), failed_at };
        assert!(Known::default().is_due(start));
        assert!(!found(None).is_due(start + RENEWED_AFTER - SECOND));
        assert!(found(None).is_due(start + RENEWED_AFTER));
        let failed_at = Some(start + RENEWED_AFTER);
        assert!(!found(failed_at).is_due(start + RENEWED_AFTER + TRIED_AGAIN_AFTER - SECOND));
        assert!(found(failed_at).is_due(start + RENEWED_AFTER + TRIED_AGAIN_AFTER));
        assert!(found(None).since(start).is_some());
        assert!(found(None).since(start + SECOND).is_none());
    }
}
