//! Permits with their rights, exemptions, and which series of permits is in force.

use aws_sdk_dynamodb::types::AttributeValue;
use parvis_rights::{AssignedRight, Permit, SeriesId, SeriesRegister};
use uuid::Uuid;

use super::error::StoreError;
use super::items;
use super::keys::Key;
use super::{KEEP, PaymentsStore};

impl PaymentsStore {
    /// A permit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn permit(&self, id: Uuid) -> Result<Option<(Permit, u64)>, StoreError> {
        self.read(Key::permit(id)).await
    }

    /// Writes a permit together with the rights of its plates, over the one that was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn save_permit(&self, known: Option<(&Permit, u64)>, permit: &Permit) -> Result<(), StoreError> {
        let expires = Some(permit.end + KEEP);
        let revision = known.map_or(1, |(_, revision)| revision + 1);
        let item = items::item(Key::permit(permit.id), "permit", revision, permit, expires)?;
        let mut parts = vec![match known {
            Some((_, revision)) => self.put_over(item, revision)?,
            None => self.put(item, Some("attribute_not_exists(pk)"))?,
        }];
        let new = permit.rights();
        let keys: Vec<Key> = new.iter().filter_map(Key::right).collect();
        for right in known.map(|(before, _)| before.rights()).unwrap_or_default() {
            if let Some(key) = Key::right(&right).filter(|key| !keys.contains(key)) {
                parts.push(self.delete(key)?);
            }
        }
        for (right, key) in new.iter().zip(keys) {
            parts.push(self.put(items::item(key, "right", 0, right, expires)?, None)?);
        }
        if let Some(series) = &permit.series {
            parts.push(self.put(items::item(Key::of_series(series, permit.id), "listed", 0, permit, expires)?, None)?);
        }
        self.transact(parts).await
    }

    /// Writes a right that stands by itself, such as an exemption.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_right(&self, right: &AssignedRight) -> Result<(), StoreError> {
        let Some((key, last)) = Key::right(right).zip(right.segments.last()) else { return Ok(()) };
        let part = self.put(items::item(key, "right", 0, right, Some(last.end + KEEP))?, None)?;
        self.transact(vec![part]).await
    }

    /// All permits of a series.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn permits_of(&self, series: &SeriesId) -> Result<Vec<Permit>, StoreError> {
        let mut permits = Vec::new();
        let mut start = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :series")
                .expression_attribute_values(":series", AttributeValue::S(Key::of_series(series, Uuid::nil()).pk))
                .set_exclusive_start_key(start);
            let page = query.send().await.map_err(StoreError::call)?;
            for item in page.items.unwrap_or_default() {
                permits.push(items::value(item)?.0);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(permits);
            }
        }
    }

    /// The register of series with its revision, to change it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn series_to_change(&self) -> Result<Option<(SeriesRegister, u64)>, StoreError> {
        self.read(Key::series_register()).await
    }

    /// Writes the register of series over the one that was read: the one step in which a series replaces another.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn put_series(&self, register: &SeriesRegister, known: Option<u64>) -> Result<(), StoreError> {
        self.put_value(Key::series_register(), "series", register, known).await
    }
}
