//! Bookings of parking spaces, each with the right that it gives.

use aws_sdk_dynamodb::types::TransactWriteItem;
use parvis_rights::{RightChange, SpaceBooking};
use uuid::Uuid;

use super::error::StoreError;
use super::items;
use super::keys::Key;
use super::{KEEP, PaymentsStore};

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

    /// Forgets a booking, unless it was changed since it was read. Of its right what is past is kept, under the plate's hash alone.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn forget_booking(
        &self,
        booking: &SpaceBooking,
        revision: u64,
        change: &RightChange,
    ) -> Result<(), StoreError> {
        let mut parts = vec![
            self.delete_at(Key::booking(booking.id), revision)?,
            self.delete(Key::booking_of(&booking.facts.owner, booking.id))?,
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
