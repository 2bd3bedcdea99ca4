//! Bookings of parking spaces, each with the right that it gives.

use aws_sdk_dynamodb::types::TransactWriteItem;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_rights::{RightChange, SpaceBooking};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::StoreError;
use super::items;
use super::keys::Key;
use super::{KEEP, PaymentsStore};

/// How long after its end something may still be told of a booking: events wait for a day in their stream.
const TOLD: TimeDelta = TimeDelta::days(3);

/// What is left of a booking that is over or erased, or that gives no parking space: enough to know what is told of it late or out of
/// order, and to tell its owner why it has no plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOfBooking {
    /// Up to this version nothing that is told of it counts.
    pub version: i32,
    /// Whose it is, by a value that only its owner's subject leads to; of what is over or erased, nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Uuid>,
}

impl LeftOfBooking {
    /// A booking of an owner that gives no parking space.
    #[must_use]
    pub fn without_space(id: Uuid, version: i32, owner: &str) -> Self {
        Self { version, of: Some(Uuid::new_v5(&id, owner.as_bytes())) }
    }

    /// Whether it is of a booking of an owner that gives no parking space.
    #[must_use]
    pub fn is_of(&self, id: Uuid, owner: &str) -> bool {
        self.of == Self::without_space(id, self.version, owner).of
    }
}

impl PaymentsStore {
    /// A booking of parking spaces with its revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn booking(&self, id: Uuid) -> Result<Option<(SpaceBooking, u64)>, StoreError> {
        self.read(Key::booking(id)).await
    }

    /// The bookings of an owner, each with its revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bookings_of(&self, owner: &str) -> Result<Vec<(SpaceBooking, u64)>, StoreError> {
        let ids = self.listed(Key::booking_of(owner, Uuid::nil()), "booking#~").await?;
        let read = futures::future::try_join_all(ids.into_iter().map(|id| self.booking(id))).await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Writes a booking over the one that was read, with what becomes of its right.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn save_booking(
        &self,
        known: Option<u64>,
        booking: &SpaceBooking,
        change: &RightChange,
    ) -> Result<(), StoreError> {
        let keep = Some(booking.facts.slot.end + KEEP);
        let revision = known.map_or(1, |known| known + 1);
        let item = items::item(Key::booking(booking.id), "booking", revision, booking, keep)?;
        let entry = Key::booking_of(&booking.facts.owner, booking.id);
        let mut parts = vec![
            match known {
                Some(known) => self.put_over(item, known)?,
                None => self.put(item, Some("attribute_not_exists(pk)"))?,
            },
            self.put(items::item(entry, "listed", 0, &booking.id, keep)?, None)?,
        ];
        self.rights_follow(change, &mut parts)?;
        self.transact(parts).await
    }

    /// What is left of a booking of which nothing else is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn left_of_booking(&self, id: Uuid) -> Result<Option<LeftOfBooking>, StoreError> {
        Ok(self.read(Key::left_of_booking(id)).await?.map(|(left, _)| left))
    }

    /// Keeps nothing else of a booking that ends at `end`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leave_of_booking(&self, id: Uuid, left: LeftOfBooking, end: DateTime<Utc>) -> Result<(), StoreError> {
        self.transact(vec![self.left(id, left, end)?]).await
    }

    fn left(&self, id: Uuid, left: LeftOfBooking, end: DateTime<Utc>) -> Result<TransactWriteItem, StoreError> {
        self.put(items::item(Key::left_of_booking(id), "forgotten", 0, &left, Some(end + TOLD))?, None)
    }

    /// Forgets a booking, unless it was changed since it was read. Of its right what is past is kept, under the plate's hash alone; of
    /// the booking itself only that it was forgotten, for as long as its context may tell of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn forget_booking(
        &self,
        booking: &SpaceBooking,
        revision: u64,
        change: &RightChange,
    ) -> Result<(), StoreError> {
        let end = booking.facts.slot.end.max(booking.changed_at);
        let mut parts = vec![
            self.delete_at(Key::booking(booking.id), revision)?,
            self.delete(Key::booking_of(&booking.facts.owner, booking.id))?,
            self.left(booking.id, LeftOfBooking { version: i32::MAX, of: None }, end)?,
        ];
        self.rights_follow(change, &mut parts)?;
        self.transact(parts).await
    }

    fn rights_follow(&self, change: &RightChange, parts: &mut Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let kept: Vec<Key> = change.kept.iter().filter_map(Key::right).collect();
        // One transaction touches an item once: what is written over is not deleted.
        if let Some(gone) = change.gone.as_ref().and_then(Key::right).filter(|gone| !kept.contains(gone)) {
            parts.push(self.delete(gone)?);
        }
        for right in &change.kept {
            if let Some((key, last)) = Key::right(right).zip(right.segments.last()) {
                parts.push(self.put(items::item(key, "right", 0, right, Some(last.end + KEEP))?, None)?);
            }
        }
        Ok(())
    }
}
