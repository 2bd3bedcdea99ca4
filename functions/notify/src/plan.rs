//! From an event to letters, notes and reminders.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parvis_events::CloudEvent;
use parvis_kit::telemetry::chain;
use parvis_mailroom::{LetterQueue, NoticeStore, QueueError, StoreError, WebhookQueue};
use parvis_notices::compose::{Composed, Occasion, Writer};
use parvis_notices::due::{Due, passed, reminders};
use parvis_notices::watch::Watch;
use parvis_notices::{Kind, Letter, Person, TextError};

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

impl PlanError {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Queue(error) => error.is_transient(),
        }
    }
}

/// Turns events into letters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Notifier {
    /// People, what waits, watches, webhooks.
    pub store: NoticeStore,
    /// Where letters go.
    pub queue: LetterQueue,
    /// Where those to other systems go.
    pub hooks: WebhookQueue,
    /// Rules and words.
    pub writer: Arc<Writer>,
    /// Sender of invitations; none are sent without it.
    pub invitations_from: Option<String>,
}

/// What was made of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Letters in the queues.
    pub letters: u64,
    /// Reminders that wait.
    pub reminders: u64,
    /// Messages that wait for the end of quiet hours.
    pub held: u64,
    /// Letters that no queue takes.
    pub unpostable: u64,
    /// People of whom what is stored cannot be read.
    pub unreadable: u64,
    /// Messages whose text could not be made.
    pub unwritten: u64,
}

/// What is to be stored and posted.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    composed: Vec<Composed>,
    held: Vec<Due>,
    letters: Vec<Letter>,
    hooks: Vec<Letter>,
    pub(crate) unreadable: u64,
    pub(crate) unwritten: u64,
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

    /// Takes a person; of one who cannot be read nobody else must suffer.
    pub(crate) fn reader(&mut self, found: Result<Person, StoreError>) -> Result<Option<Person>, StoreError> {
        match found {
            Ok(person) => Ok(Some(person)),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::error!(error = %chain(&error), "a person cannot be read");
                self.unreadable += 1;
                Ok(None)
            }
        }
    }

    /// What is said when quiet hours are over: the loud part of what was said then in all other ways.
    pub(crate) fn loud_only(mut self) -> Self {
        self.letters.extend(self.composed.drain(..).flat_map(|one| one.letters).filter(|one| one.to.is_loud()));
        self
    }

    /// Adds what follows from something else.
    pub(crate) fn extend(&mut self, other: Self) {
        self.composed.extend(other.composed);
        self.held.extend(other.held);
        self.letters.extend(other.letters);
        self.hooks.extend(other.hooks);
        self.unreadable += other.unreadable;
        self.unwritten += other.unwritten;
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
            outgoing.hooks = self.to_webhooks(kind, event).await?;
        }
        if let Some(from) = &self.invitations_from {
            let letters = invitations::letters(event, from, &self.writer);
            let letters = outgoing.take(event, letters).unwrap_or_default();
            outgoing.letters.extend(letters);
        }
        let planned = self.dispatch(&outgoing, now).await?;
        Ok(Planned { reminders: set, ..planned })
    }

    /// The deliveries of an event to other systems.
    async fn to_webhooks(&self, kind: &Kind, event: &CloudEvent) -> Result<Vec<Letter>, StoreError> {
        if kind.rule.webhook.is_none() {
            return Ok(Vec::new());
        }
        let webhooks = self.store.webhooks().await?;
        let told = webhooks.iter().filter(|webhook| webhook.active && webhook.filter.takes(event));
        Ok(told.filter_map(|webhook| self.writer.to_webhook(event, kind, &webhook.id)).collect())
    }

    /// Puts the reminders of an event into their buckets, and then makes them those that count for its subject.
    async fn set_reminders(&self, kind: &Kind, event: &CloudEvent, now: DateTime<Utc>) -> Result<u64, StoreError> {
        if kind.rule.keeps_reminders || kind.concerns(&event.data).is_none() {
            return Ok(0);
        }
        let due = reminders(kind, event);
        let writes = due.iter().map(|due| self.store.await_moment(due, now));
        stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        self.store.supersede(&event.subject, &event.id, &passed(kind, event), now).await?;
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
        if let Some(subject) = kind.concerns(&event.data)
            && let Some(person) = outgoing.reader(self.store.person(subject).await)?
        {
            self.tell(&occasion, &person, None, now, outgoing);
        }
        let watches = self.store.watches_about(&event.subject).await?;
        let watches: Vec<_> = watches.into_iter().filter(|watch| watch.takes(event)).collect();
        let people = watches.iter().map(|watch| self.store.person(&watch.person));
        let people: Vec<_> = stream::iter(people.collect::<Vec<_>>()).buffered(CONCURRENCY).collect().await;
        for (watch, person) in watches.iter().zip(people) {
            if let Some(person) = outgoing.reader(person)? {
                self.tell(&occasion, &person, Some(watch), now, outgoing);
            }
        }
        Ok(())
    }

    /// Writes to a person whom an occasion concerns, or who wished to hear of it; what is loud waits while they have quiet hours.
    pub(crate) fn tell(
        &self,
        occasion: &Occasion<'_>,
        person: &Person,
        watch: Option<&Watch>,
        now: DateTime<Utc>,
        outgoing: &mut Outgoing,
    ) {
        let channels = watch.map(|watch| watch.channels.as_slice());
        let composed = self.writer.to_person(occasion, person, channels, now);
        let Some(composed) = outgoing.take(occasion.event, composed) else { return };
        outgoing.held.extend(composed.held.map(|until| occasion.held(person, watch, until)));
        outgoing.composed.push(composed);
    }

    /// Stores notes and what is held back, and posts letters; how many of each.
    pub(crate) async fn dispatch(&self, outgoing: &Outgoing, now: DateTime<Utc>) -> Result<Planned, PlanError> {
        let waits: Vec<_> = outgoing.held.iter().map(|due| self.store.await_moment(due, now)).collect();
        stream::iter(waits).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        let letters: Vec<Letter> =
            outgoing.composed.iter().flat_map(|composed| &composed.letters).chain(&outgoing.letters).cloned().collect();
        let mut unpostable = self.queue.post(&letters).await?;
        if !outgoing.hooks.is_empty() {
            unpostable += self.hooks.post(&outgoing.hooks).await?;
        }
        let notes: Vec<_> = outgoing.composed.iter().map(|composed| self.store.put_note(&composed.note)).collect();
        stream::iter(notes).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        Ok(Planned {
            letters: (letters.len() + outgoing.hooks.len()) as u64 - unpostable,
            reminders: 0,
            held: outgoing.held.len() as u64,
            unpostable,
            unreadable: outgoing.unreadable,
            unwritten: outgoing.unwritten,
        })
    }
}
