//! The run of every minute: what has become due since the last completed run.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parvis_events::CloudEvent;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_mailroom::{Bucket, Entry, StoreError};
use parvis_notices::compose::Occasion;
use parvis_notices::due::{Held, SHARDS, Waiting, buckets, mark};
use serde::Serialize;
use tokio::time::Instant;

use crate::FUNCTION;
use crate::plan::{Notifier, Outgoing, PlanError};

/// Buckets read at the same time.
const READS: usize = 16;
/// Reminders whose person is looked up at the same time.
const LOOKUPS: usize = 32;
/// Reminders of one round: their letters are posted together, and then they are taken out of their buckets.
const ROUND: usize = 200;
/// How long a run works. It ends before the function's timeout; the next run goes on.
const WORKING_TIME: Duration = Duration::from_secs(50);

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reminded {
    /// Reminders that were told.
    pub told: u64,
    /// Letters that were put into the queue.
    pub letters: u64,
    /// Reminders that a newer event had moved or dropped.
    pub replaced: u64,
    /// What came too late to be of use.
    pub too_late: u64,
    /// What is left for the next run.
    pub left: u64,
    /// What cannot be read or posted, or has no words.
    pub broken: u64,
}

/// What an entry of a bucket comes to.
enum Outcome {
    Tell(Box<Outgoing>),
    Replaced,
    TooLate,
}

impl Notifier {
    /// Sends what is due by `now`, a time that may lie ahead of the clock. A run is completed up to the time of the `clock` only: what is
    /// written down between the two must not be passed over.
    ///
    /// # Errors
    /// When the table or the queue fails; the next run makes up for it.
    pub async fn remind(&self, now: DateTime<Utc>, clock: DateTime<Utc>) -> Result<Reminded, PlanError> {
        let deadline = Instant::now() + WORKING_TIME;
        let last = self.store.last_run().await?;
        let parts: Vec<_> =
            buckets(last, now).flat_map(|minute| (0..SHARDS).map(move |shard| (minute, shard))).collect();
        let reads = parts.into_iter().map(|(minute, shard)| self.store.waiting(minute, shard));
        let found: Vec<Bucket> = stream::iter(reads.collect::<Vec<_>>()).buffer_unordered(READS).try_collect().await?;
        let mut reminded =
            Reminded { broken: found.iter().map(|bucket| bucket.unreadable).sum(), ..Reminded::default() };
        let mut due: Vec<Entry> = found.into_iter().flat_map(|bucket| bucket.entries).collect();
        due.retain(|entry| entry.due.at <= now);
        due.sort_by_key(|entry| entry.due.at);
        for round in due.chunks(ROUND) {
            if Instant::now() >= deadline {
                reminded.left += round.len() as u64;
                continue;
            }
            match self.round(round, now, &mut reminded).await {
                Err(error) if !error.is_transient() => self.one_by_one(round, now, &mut reminded).await?,
                done => done?,
            }
        }
        if reminded.left == 0 {
            self.store.complete_run(now.min(clock)).await?;
        }
        report(&reminded);
        Ok(reminded)
    }

    /// Some entries: posted first and then taken out, so that what is interrupted is done again and nothing is lost.
    async fn round(&self, entries: &[Entry], now: DateTime<Utc>, reminded: &mut Reminded) -> Result<(), PlanError> {
        let outcomes = entries.iter().map(|entry| self.outcome(entry, now));
        let outcomes: Vec<Outcome> =
            stream::iter(outcomes.collect::<Vec<_>>()).buffer_unordered(LOOKUPS).try_collect().await?;
        let mut outgoing = Outgoing::default();
        let mut done = Reminded::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Tell(told) => {
                    done.told += 1;
                    outgoing.extend(*told);
                }
                Outcome::Replaced => done.replaced += 1,
                Outcome::TooLate => done.too_late += 1,
            }
        }
        let posted = self.dispatch(&outgoing, now).await?;
        let settled = entries.iter().map(|entry| self.store.settle(entry));
        stream::iter(settled.collect::<Vec<_>>()).buffer_unordered(LOOKUPS).try_collect::<()>().await?;
        reminded.told += done.told;
        reminded.replaced += done.replaced;
        reminded.too_late += done.too_late;
        reminded.letters += posted.letters;
        reminded.broken += posted.unpostable + posted.unreadable + posted.unwritten;
        Ok(())
    }

    /// A round that can never be done as a whole: what cannot is logged, counted and taken out of its bucket, so that the others are told.
    async fn one_by_one(
        &self,
        entries: &[Entry],
        now: DateTime<Utc>,
        reminded: &mut Reminded,
    ) -> Result<(), PlanError> {
        for entry in entries {
            match self.round(std::slice::from_ref(entry), now, reminded).await {
                Err(error) if !error.is_transient() => {
                    tracing::error!(error = %chain(&error), entry = entry.due.id(), "a reminder can never be told");
                    reminded.broken += 1;
                    self.store.settle(entry).await?;
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn outcome(&self, entry: &Entry, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
        match &entry.due.what {
            Waiting::Reminder { event, text, minutes } => {
                // A deployment may have taken a text away.
                let catalog = &self.writer.catalog;
                let occasion = Occasion::of_text(catalog, event, text, entry.due.at, Some(*minutes));
                let concerns = occasion.as_ref().and_then(|occasion| occasion.kind.concerns(&event.data));
                let (Some(occasion), Some(person)) = (occasion, concerns) else { return Ok(Outcome::Replaced) };
                self.told(&occasion, person, None, now).await
            }
            Waiting::Held(held) => self.after_quiet_hours(held, now).await,
        }
    }

    /// What somebody was not told in their quiet hours, if it still holds.
    async fn after_quiet_hours(&self, held: &Held, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
        let Held { event, text, minutes, said_at, person, watch } = held;
        let Some(occasion) = Occasion::of_text(&self.writer.catalog, event, text, *said_at, *minutes) else {
            return Ok(Outcome::Replaced);
        };
        let told = self.told(&occasion, person, watch.as_deref(), now).await?;
        Ok(match told {
            Outcome::Tell(outgoing) => Outcome::Tell(Box::new(outgoing.loud_only())),
            other => other,
        })
    }

    /// What an occasion is to a person now: nothing when it is of no use any more, was replaced, or the wish that it follows from is ended.
    async fn told(
        &self,
        occasion: &Occasion<'_>,
        person: &str,
        watch: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Outcome, StoreError> {
        if now > occasion.useful_until() {
            return Ok(Outcome::TooLate);
        }
        if let Some(minutes) = occasion.minutes
            && self.is_replaced(occasion.event, &mark(&occasion.say.text, minutes, occasion.at)).await?
        {
            return Ok(Outcome::Replaced);
        }
        let watch = match watch {
            None => None,
            Some(id) => match self.store.watches_of(person).await?.into_iter().find(|watch| watch.id == id) {
                None => return Ok(Outcome::Replaced),
                found => found,
            },
        };
        let mut outgoing = Outgoing::default();
        if let Some(person) = outgoing.reader(self.store.person(person).await)? {
            self.tell(occasion, &person, watch.as_ref(), now, &mut outgoing);
        }
        Ok(Outcome::Tell(Box::new(outgoing)))
    }

    /// Whether a newer event has moved or dropped a reminder. One that is older, or not noted yet, has not: entries are written before.
    async fn is_replaced(&self, event: &CloudEvent, mark: &str) -> Result<bool, StoreError> {
        let standing = self.store.standing(&event.subject).await?;
        Ok(standing.is_some_and(|newest| {
            newest.event.as_str() > event.id.as_str() && !newest.passed.iter().any(|passed| passed == mark)
        }))
    }
}

fn report(reminded: &Reminded) {
    Metrics::new(FUNCTION)
        .count("RemindersTold", reminded.told, &[])
        .count("LettersPosted", reminded.letters, &[])
        .count("RemindersReplaced", reminded.replaced, &[])
        .count("RemindersTooLate", reminded.too_late, &[])
        .count("BrokenReminders", reminded.broken, &[])
        .count("RemindersLeft", reminded.left, &[]);
}
