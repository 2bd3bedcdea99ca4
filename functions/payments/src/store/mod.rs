//! The table of sessions, rights and payments, and the table of clear plates.
//!
//! A session is written together with everything that follows from it, in one transaction on the condition of its revision:
//! the right of the plate, the plate's last stay in the zone, the movement for the books, the entry in the work list, the event. There is
//! no moment at which one of them is there without the others.

mod bookings;
mod by_hand;
mod error;
mod items;
pub mod keys;
mod lists;
mod permits;
mod personal;
mod plates;
mod top_ups;
mod write;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_kit::event_store::EventStore;
use parvis_parking::ZoneId;
use parvis_parking::plate::PlateHash;
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub use bookings::LeftOfBooking;
pub use error::StoreError;
pub use items::LastStay;
pub use keys::Key;
pub use lists::SessionPage;
pub use plates::ParkedPlates;
pub use write::{Creation, Funds, Moved};

use crate::demand::ZoneDemand;
use crate::record::SessionRecord;

/// How long sessions and their rights are kept after they end: as long as an FPS can be contested, with room.
const KEEP: TimeDelta = TimeDelta::days(400);

/// The table; cheap to clone.
#[derive(Clone, Debug)]
pub struct PaymentsStore {
    client: Client,
    table: String,
    told: Told,
}

/// Where events go that a write leaves behind.
#[derive(Clone, Debug)]
pub struct Told {
    /// The table of events, written in the session's own transaction.
    pub events: EventStore,
    /// The time zone that the events name.
    pub timezone: Tz,
}

impl PaymentsStore {
    /// The table of this name.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, told: Told) -> Self {
        Self { client, table: table.into(), told }
    }

    /// A session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.read(Key::session(id)).await?.map(|(record, _)| record))
    }

    /// The last stay of a plate in a zone, with its revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_stay(&self, plate: &PlateHash, zone: &ZoneId) -> Result<Option<(LastStay, u64)>, StoreError> {
        self.read(Key::stay(plate, zone)).await
    }

    /// The demand that is expected in a zone, with its revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn demand(&self, zone: &ZoneId) -> Result<Option<(ZoneDemand, u64)>, StoreError> {
        self.read(Key::demand(zone)).await
    }

    /// Puts the demand that is expected in a zone over the revision that was read; the table forgets it at `expires_at`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn put_demand(
        &self,
        zone: &ZoneId,
        demand: &ZoneDemand,
        known: Option<u64>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.put_value(Key::demand(zone), "demand", demand, known, Some(expires_at)).await
    }

    /// The value at a key with its revision, as of now.
    pub(crate) async fn read<T: DeserializeOwned>(&self, key: Key) -> Result<Option<(T, u64)>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", AttributeValue::S(key.pk)).key("sk", AttributeValue::S(key.sk));
        let found = get.send().await.map_err(StoreError::call)?;
        found.item.map(items::value).transpose()
    }

    fn keep_until(end: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(end + KEEP)
    }
}
