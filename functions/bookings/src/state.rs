//! What the handlers share: stores, the secret and the clock.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use parvis_booking::pricing::QuoteKey;
use parvis_events::CloudEvent;
use parvis_kit::event_store::{EventStore, MOST_AT_ONCE};
use parvis_kit::telemetry::chain;
use parvis_live::LiveStore;
use serde_json::Value;

use crate::store::Store;
use crate::store::tx::{Command, WriteError, WriteKey};

/// Events on their way at the same time.
const CONCURRENCY: usize = 16;
/// Events that are worth a transaction, which costs twice the writes: more than go side by side.
const MANY: usize = CONCURRENCY + 1;

/// The application; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    events: EventStore,
    live: LiveStore,
    key: QuoteKey,
    invitations_from: Option<String>,
    clock: fn() -> DateTime<Utc>,
}

impl App {
    /// An application over its stores. Invitations have the organizer `invitations_from`; `clock` tells the present time.
    #[must_use]
    pub fn new(
        store: Store,
        events: EventStore,
        live: LiveStore,
        key: QuoteKey,
        invitations_from: Option<String>,
        clock: fn() -> DateTime<Utc>,
    ) -> Self {
        Self(Arc::new(Inner { store, events, live, key, invitations_from, clock }))
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0.clock)()
    }

    /// The bookings.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The live state of the sensors.
    #[must_use]
    pub fn live(&self) -> &LiveStore {
        &self.0.live
    }

    /// The secret of quotes and door codes.
    #[must_use]
    pub fn key(&self) -> &QuoteKey {
        &self.0.key
    }

    /// The address that invitations come from, which mails them too; none are sent without it.
    #[must_use]
    pub fn invitations_from(&self) -> Option<&str> {
        self.0.invitations_from.as_deref()
    }

    /// Does `command` once under `key` and tells the other contexts.
    ///
    /// # Errors
    /// When the rules refuse it or the database fails.
    pub async fn execute<C: Command>(&self, key: Option<&WriteKey>, command: &C) -> Result<C::Answer, WriteError> {
        let done = self.store().execute(key, command, self.now()).await?;
        self.tell(&done.events).await;
        Ok(done.answer)
    }

    /// Puts events into the event table and takes them out of the outbox; how many went. What fails stays in the outbox for the
    /// schedule: the write itself has happened.
    pub async fn tell(&self, events: &[CloudEvent<Value>]) -> usize {
        let mut delivered = Vec::with_capacity(events.len());
        for some in events.chunks(MOST_AT_ONCE) {
            delivered.extend(self.deliver(some).await);
        }
        if let Err(error) = self.store().delivered(&delivered).await {
            tracing::warn!(error = %chain(&error), "delivered events stay in the outbox and will be put again");
        }
        delivered.len()
    }

    /// The ids of those events that are in the event table. The many of a series go at once: each by itself would take longer than
    /// booking them all.
    async fn deliver(&self, events: &[CloudEvent<Value>]) -> Vec<String> {
        if events.len() >= MANY {
            match self.0.events.put_all(events).await {
                Ok(()) => return events.iter().map(|event| event.id.to_string()).collect(),
                Err(error) => tracing::info!(error = %chain(&error), "events are put one by one"),
            }
        }
        let puts: Vec<_> = events.iter().map(|event| self.put(event)).collect();
        let put: Vec<Option<String>> = stream::iter(puts).buffer_unordered(CONCURRENCY).collect().await;
        put.into_iter().flatten().collect()
    }

    async fn put(&self, event: &CloudEvent<Value>) -> Option<String> {
        match self.0.events.put(event).await {
            Ok(()) => Some(event.id.to_string()),
            Err(error) => {
                tracing::warn!(error = %chain(&error), event = %event.id, "an event stays in the outbox");
                None
            }
        }
    }
}
