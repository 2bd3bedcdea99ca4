//! Permits with their rights, exemptions, and which series of permits is in force.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use parvis_rights::{AssignedRight, Permit, SeriesId, SeriesRegister};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::error::StoreError;
use super::items;
use super::keys::Key;
use super::{KEEP, PaymentsStore};
use crate::permit_events;

impl PaymentsStore {
    /// A permit with its revision: the one that stands by itself, or the one of a series.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn permit(&self, id: Uuid, series: Option<&SeriesId>) -> Result<Option<(Permit, u64)>, StoreError> {
        self.read(Key::permit(id, series)).await
    }

    /// A permit in all its forms, each with its revision: by itself, and as each series has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn permit_in_all_series(&self, id: Uuid) -> Result<Vec<(Permit, u64)>, StoreError> {
        self.all_at(Key::permit(id, None).pk).await
    }

    /// Writes a permit together with the rights of its plates, over the one that was read, and what its holder is to hear of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn save_permit(
        &self,
        known: Option<(&Permit, u64)>,
        permit: &Permit,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let expires = Some(permit.end + KEEP);
        let revision = known.map_or(1, |(_, revision)| revision + 1);
        let item = items::item(Key::permit(permit.id, permit.series.as_ref()), "permit", revision, permit, expires)?;
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
        for event in permit_events::of(known.map(|(before, _)| before), permit, self.told.timezone, now) {
            parts.push(self.told.events.put_in_transaction(&event)?);
        }
        self.transact(parts).await
    }

    /// An exemption with its revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn exemption(&self, id: Uuid) -> Result<Option<(AssignedRight, u64)>, StoreError> {
        self.read(Key::exemption(id)).await
    }

    /// Writes an exemption over the one that was read: its right takes the place of the right that it was before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn save_exemption(
        &self,
        known: Option<(&AssignedRight, u64)>,
        right: &AssignedRight,
    ) -> Result<(), StoreError> {
        let Some((key, last)) = Key::right(right).zip(right.segments.last()) else { return Ok(()) };
        let expires = Some(last.end + KEEP);
        let revision = known.map_or(1, |(_, revision)| revision + 1);
        let item = items::item(Key::exemption(right.id), "exemption", revision, right, expires)?;
        let mut parts = vec![match known {
            Some((_, revision)) => self.put_over(item, revision)?,
            None => self.put(item, Some("attribute_not_exists(pk)"))?,
        }];
        if let Some(before) = known.and_then(|(before, _)| Key::right(before)).filter(|before| *before != key) {
            parts.push(self.delete(before)?);
        }
        parts.push(self.put(items::item(key, "right", 0, right, expires)?, None)?);
        self.transact(parts).await
    }

    /// Takes an exemption away as if it had never been, with its right.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since.
    pub async fn delete_exemption(&self, right: &AssignedRight, revision: u64) -> Result<(), StoreError> {
        let mut parts = vec![self.delete_at(Key::exemption(right.id), revision)?];
        if let Some(key) = Key::right(right) {
            parts.push(self.delete(key)?);
        }
        self.transact(parts).await
    }

    /// All permits of a series; none when there is no such series.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn permits_of(&self, series: &SeriesId) -> Result<Vec<Permit>, StoreError> {
        let found = self.all_at(Key::of_series(series, Uuid::nil()).pk).await?;
        Ok(found.into_iter().map(|(permit, _)| permit).collect())
    }

    /// Whether a series has a permit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_series(&self, series: &SeriesId) -> Result<bool, StoreError> {
        let query = self.query_at(Key::of_series(series, Uuid::nil()).pk).limit(1);
        Ok(query.send().await.map_err(StoreError::call)?.count > 0)
    }

    fn query_at(&self, pk: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
    }

    /// All values of a partition, with their revisions.
    async fn all_at<T: DeserializeOwned>(&self, pk: String) -> Result<Vec<(T, u64)>, StoreError> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let page = self.query_at(pk.clone()).set_exclusive_start_key(start).send().await;
            let page = page.map_err(StoreError::call)?;
            for item in page.items.unwrap_or_default() {
                found.push(items::value(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
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
        self.put_value(Key::series_register(), "series", register, known, None).await
    }
}
