//! The run of every minute: what has become due since the last completed run.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parvis_kit::metrics::Metrics;
use parvis_mailroom::{Entry, StoreError};
use parvis_notices::Letter;
use parvis_notices::compose::{Composed, Occasion};
use parvis_notices::due::{SHARDS, Waiting, buckets};
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
}

/// What an entry of a bucket comes to.
enum Outcome {
    Tell(Box<Composed>),
    Post(Box<Letter>),
    Replaced,
    TooLate,
    Unwritten,
}

impl Notifier {
    /// Sends what is due by `now`.
    ///
    /// # Errors
    /// When the table or the queue fails; the next run makes up for it.
    pub async fn remind(&self, now: DateTime<Utc>) -> Result<Reminded, PlanError> {
        let deadline = Instant::now() + WORKING_TIME;
        let last = self.store.last_run().await?;
        let parts: Vec<_> =
            buckets(last, now).flat_map(|minute| (0..SHARDS).map(move |shard| (minute, shard))).collect();
        let reads = parts.into_iter().map(|(minute, shard)| self.store.waiting(minute, shard));
        let mut due: Vec<Entry> = stream::iter(reads.collect::<Vec<_>>()).buffer_unordered(READS).try_concat().await?;
        due.retain(|entry| entry.due.at <= now);
        due.sort_by_key(|entry| entry.due.at);
        let mut reminded = Reminded::default();
        for round in due.chunks(ROUND) {
            if Instant::now() >= deadline {
                reminded.left += round.len() as u64;
                continue;
            }
            self.round(round, now, &mut reminded).await?;
        }
        if reminded.left == 0 {
            self.store.complete_run(now).await?;
        }
        report(&reminded);
        Ok(reminded)
    }

    /// Some entries: posted first and then taken out, so that what is interrupted is done again and nothing is lost.
    async fn round(&self, entries: &[Entry], now: DateTime<Utc>, reminded: &mut Reminded) -> Result<(), PlanError> {
        let outcomes = entries.iter().map(|entry| self.outcome(entry, now));
        let outcomes: Vec<Outcome> =
            stream::iter(outcomes.collect::<Vec<_>>()).buffer_unordered(LOOKUPS).try_collect().await?;
        let (mut outgoing, mut letters) = (Outgoing::default(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Outcome::Tell(composed) => {
                    reminded.told += 1;
                    outgoing.add(*composed);
                }
                Outcome::Post(letter) => letters.push(*letter),
                Outcome::Replaced => reminded.replaced += 1,
                Outcome::TooLate => reminded.too_late += 1,
                Outcome::Unwritten => {}
            }
        }
        let (posted, _) = self.dispatch(&outgoing, now).await?;
        self.post(&letters).await?;
        reminded.letters += posted + letters.len() as u64;
        let settled = entries.iter().map(|entry| self.store.settle(entry));
        Ok(stream::iter(settled.collect::<Vec<_>>()).buffer_unordered(LOOKUPS).try_collect::<()>().await?)
    }

    async fn outcome(&self, entry: &Entry, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
        let at = entry.due.at;
        let (event, text, minutes) = match &entry.due.what {
            Waiting::Letter { letter } if letter.useful_until < now => return Ok(Outcome::TooLate),
            Waiting::Letter { letter } => return Ok(Outcome::Post(Box::new(letter.clone()))),
            Waiting::Reminder { event, text, minutes } => (event, text, *minutes),
        };
        let kind = self.writer.catalog.kind(&event.kind);
        // A deployment may have taken a text away.
        let Some((kind, say)) = kind.and_then(|kind| Some((kind, kind.say(text)?))) else {
            return Ok(Outcome::Replaced);
        };
        if now > at + say.useful.delta() {
            return Ok(Outcome::TooLate);
        }
        let Some(subject) = kind.concerns(&event.data) else { return Ok(Outcome::Replaced) };
        let (current, person) = tokio::try_join!(self.store.current(&event.subject), self.store.person(subject))?;
        if current.as_deref() != Some(event.id.as_str()) {
            return Ok(Outcome::Replaced);
        }
        let occasion = Occasion { event, kind, say, at, minutes: Some(minutes) };
        let composed = self.writer.to_person(&occasion, &person, None, now);
        let composed = Outgoing::default().take(event, composed);
        Ok(composed.map_or(Outcome::Unwritten, |composed| Outcome::Tell(Box::new(composed))))
    }
}

fn report(reminded: &Reminded) {
    Metrics::new(FUNCTION)
        .count("RemindersTold", reminded.told, &[])
        .count("LettersPosted", reminded.letters, &[])
        .count("RemindersReplaced", reminded.replaced, &[])
        .count("RemindersTooLate", reminded.too_late, &[])
        .count("RemindersLeft", reminded.left, &[]);
}
