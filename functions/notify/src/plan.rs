//! From an event to letters, notes and reminders.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parvis_events::CloudEvent;
use parvis_kit::telemetry::chain;
use parvis_mailroom::{LetterQueue, NoticeStore, QueueError, StoreError};
use parvis_notices::compose::{Composed, Occasion, Writer};
use parvis_notices::due::{Due, Waiting, reminders};
use parvis_notices::{Channel, Kind, Letter, Person, TextError};

use crate::invitations;

/// Reads and writes of one event at the same time.
const CONCURRENCY: usize = 16;

/// Why an event could not be turned into letters now; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Turns events into letters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Notifier {
    /// People, what waits, watches, webhooks.
    pub store: NoticeStore,
    /// Where letters go.
    pub queue: LetterQueue,
    /// Rules and words.
    pub writer: Arc<Writer>,
    /// Sender of invitations; none are sent without it.
    pub invitations_from: Option<String>,
}

/// What was made of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Letters in the queue.
    pub letters: u64,
    /// Reminders that wait.
    pub reminders: u64,
    /// Letters that wait for the end of quiet hours.
    pub held: u64,
    /// Messages whose text could not be made.
    pub unwritten: u64,
}

/// What is to be stored and posted.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    composed: Vec<Composed>,
    letters: Vec<Letter>,
    unwritten: u64,
}

impl Outgoing {
    /// Takes what was written; what could not be is logged and counted, since a retry would end in the same way.
    pub(crate) fn take<T>(&mut self, event: &CloudEvent, written: Result<T, TextError>) -> Option<T> {
        match written {
            Ok(written) => Some(written),
            Err(error) => {
                tracing::error!(error = %chain(&error), event = %event.id, kind = event.kind, "a text failed");
                self.unwritten += 1;
                None
            }
        }
    }

    pub(crate) fn add(&mut self, composed: Composed) {
        self.composed.push(composed);
    }
}

impl Notifier {
    /// Makes of an event what follows from it.
    ///
    /// # Errors
    /// When the table or the queue fails; doing it again changes nothing that is done.
    pub async fn plan(&self, event: &CloudEvent, now: DateTime<Utc>) -> Result<Planned, PlanError> {
        let mut outgoing = Outgoing::default();
        let mut set = 0;
        let kind = self.writer.catalog.kind(&event.kind);
        if let Some(kind) = kind {
            set = self.set_reminders(kind, event, now).await?;
            self.tell_people(kind, event, now, &mut outgoing).await?;
            let topic = self.writer.to_topic(event, kind);
            let topic = outgoing.take(event, topic).flatten();
            outgoing.letters.extend(topic);
        }
        if let Some(from) = &self.invitations_from {
            let letters = invitations::letters(event, from, &self.writer);
            let letters = outgoing.take(event, letters).unwrap_or_default();
            outgoing.letters.extend(letters);
        }
        let webhooks = self.store.webhooks().await?;
        let told = webhooks.iter().filter(|webhook| webhook.active && webhook.filter.takes(event));
        outgoing.letters.extend(told.map(|webhook| self.writer.to_webhook(event, &webhook.id)));
        let (letters, held) = self.dispatch(&outgoing, now).await?;
        Ok(Planned { letters, held, reminders: set, unwritten: outgoing.unwritten })
    }

    /// Puts the reminders of an event into their buckets, and then makes them those that count for its subject.
    async fn set_reminders(&self, kind: &Kind, event: &CloudEvent, now: DateTime<Utc>) -> Result<u64, StoreError> {
        if kind.rule.keeps_reminders || kind.concerns(&event.data).is_none() {
            return Ok(0);
        }
        let due = reminders(kind, event);
        let writes = due.iter().map(|due| self.store.await_moment(due, now));
        stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        self.store.supersede(&event.subject, &event.id, now).await?;
        Ok(due.len() as u64)
    }

    /// The person whom it concerns, and those who wished to hear of it.
    async fn tell_people(
        &self,
        kind: &Kind,
        event: &CloudEvent,
        now: DateTime<Utc>,
        outgoing: &mut Outgoing,
    ) -> Result<(), StoreError> {
        let Some(occasion) = Occasion::of_event(event, kind) else { return Ok(()) };
        if let Some(subject) = kind.concerns(&event.data) {
            let person = self.store.person(subject).await?;
            self.tell(&occasion, &person, None, now, outgoing);
        }
        let watches = self.store.watches_about(&event.subject).await?;
        let watches: Vec<_> = watches.into_iter().filter(|watch| watch.takes(event)).collect();
        let people = watches.iter().map(|watch| self.store.person(&watch.person));
        let people: Vec<Person> = stream::iter(people.collect::<Vec<_>>()).buffered(CONCURRENCY).try_collect().await?;
        for (watch, person) in watches.iter().zip(&people) {
            self.tell(&occasion, person, Some(&watch.channels), now, outgoing);
        }
        Ok(())
    }

    fn tell(
        &self,
        occasion: &Occasion<'_>,
        person: &Person,
        channels: Option<&[Channel]>,
        now: DateTime<Utc>,
        outgoing: &mut Outgoing,
    ) {
        let composed = self.writer.to_person(occasion, person, channels, now);
        if let Some(composed) = outgoing.take(occasion.event, composed) {
            outgoing.add(composed);
        }
    }

    /// Stores notes and letters held back, and posts the others; how many of each.
    pub(crate) async fn dispatch(&self, outgoing: &Outgoing, now: DateTime<Utc>) -> Result<(u64, u64), PlanError> {
        let held: Vec<Due> = outgoing
            .composed
            .iter()
            .flat_map(|composed| &composed.held)
            .map(|(at, letter)| Due { at: *at, what: Waiting::Letter { letter: letter.clone() } })
            .collect();
        let waits: Vec<_> = held.iter().map(|due| self.store.await_moment(due, now)).collect();
        stream::iter(waits).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        let letters: Vec<Letter> =
            outgoing.composed.iter().flat_map(|composed| &composed.letters).chain(&outgoing.letters).cloned().collect();
        self.queue.post(&letters).await?;
        let notes: Vec<_> = outgoing.composed.iter().map(|composed| self.store.put_note(&composed.note)).collect();
        stream::iter(notes).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        Ok((letters.len() as u64, held.len() as u64))
    }

    /// Posts letters that were held back.
    pub(crate) async fn post(&self, letters: &[Letter]) -> Result<(), PlanError> {
        Ok(self.queue.post(letters).await?)
    }
}
