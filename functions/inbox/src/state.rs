//! What the handlers share.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parvis_mailroom::{LetterQueue, NoticeStore};
use parvis_notices::compose::Writer;
use parvis_places::CachedPlaces;
use uuid::Uuid;

use crate::devices::Devices;

/// The application; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

/// What the application works on.
#[derive(Debug)]
pub struct Stores {
    /// The table of notifications.
    pub notices: NoticeStore,
    /// The queue of letters.
    pub queue: LetterQueue,
    /// The register of places.
    pub places: CachedPlaces,
}

#[derive(Debug)]
struct Inner {
    stores: Stores,
    writer: Writer,
    devices: Devices,
    private_hosts: Vec<String>,
    clock: fn() -> DateTime<Utc>,
    random: fn() -> [u8; 32],
}

impl App {
    /// An application over its stores. `private_hosts` are those that webhooks may name anywhere; `clock` tells the present time and
    /// `random` gives bytes that nobody can guess.
    #[must_use]
    pub fn new(
        stores: Stores,
        writer: Writer,
        devices: Devices,
        private_hosts: Vec<String>,
        clock: fn() -> DateTime<Utc>,
        random: fn() -> [u8; 32],
    ) -> Self {
        Self(Arc::new(Inner { stores, writer, devices, private_hosts, clock, random }))
    }

    /// The table of notifications.
    #[must_use]
    pub fn store(&self) -> &NoticeStore {
        &self.0.stores.notices
    }

    /// The queue of letters.
    #[must_use]
    pub fn queue(&self) -> &LetterQueue {
        &self.0.stores.queue
    }

    /// The register of places.
    #[must_use]
    pub fn places(&self) -> &CachedPlaces {
        &self.0.stores.places
    }

    /// Rules and words.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.0.writer
    }

    /// Devices as SNS has them.
    #[must_use]
    pub fn devices(&self) -> &Devices {
        &self.0.devices
    }

    /// Hosts that webhooks may name anywhere.
    #[must_use]
    pub fn private_hosts(&self) -> &[String] {
        &self.0.private_hosts
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0.clock)()
    }

    /// Bytes that nobody can guess.
    #[must_use]
    pub fn random(&self) -> [u8; 32] {
        (self.0.random)()
    }

    /// An id that sorts by time.
    #[must_use]
    pub fn id(&self) -> String {
        let random = self.random();
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid().to_string()
    }

    /// A code of six digits.
    #[must_use]
    pub fn code(&self) -> String {
        let number = Uuid::from_slice(&self.random()[..16]).map(|id| id.as_u128() % 1_000_000).unwrap_or_default();
        format!("{number:06}")
    }
}
