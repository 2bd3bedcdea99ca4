//! What is read as lists: an owner's sessions, a plate's rights, the work that is due.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use parvis_parking::plate::PlateHash;
use parvis_rights::{AssignedRight, SeriesRegister};
use uuid::Uuid;

use super::PaymentsStore;
use super::error::StoreError;
use super::items::{self, Item};
use super::keys::{self, Key, SHARDS};

/// A page of an owner's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions' ids, the latest first.
    pub ids: Vec<Uuid>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl PaymentsStore {
    /// The rights of a plate that end after an instant: one query, consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rights(&self, plate: &PlateHash, after: DateTime<Utc>) -> Result<Vec<AssignedRight>, StoreError> {
        let Key { pk, sk } = Key::rights_after(plate, after);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :plate AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":plate", AttributeValue::S(pk))
            .expression_attribute_values(":from", AttributeValue::S(sk))
            .expression_attribute_values(":to", AttributeValue::S("right#~".to_owned()));
        let found = query.send().await.map_err(StoreError::call)?;
        found.items.unwrap_or_default().into_iter().map(|item| Ok(items::value(item)?.0)).collect()
    }

    /// An owner's sessions, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions_of(
        &self,
        owner: &str,
        limit: i32,
        before: Option<String>,
    ) -> Result<SessionPage, StoreError> {
        let upper = before.unwrap_or_else(|| "session#~".to_owned());
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :owner AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":owner", AttributeValue::S(format!("owner#{owner}")))
            .expression_attribute_values(":from", AttributeValue::S("session#".to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(upper.clone()))
            .scan_index_forward(false)
            // One to see whether there are more, and one for the bound itself.
            .limit(limit + 2);
        let found = query.send().await.map_err(StoreError::call)?.items.unwrap_or_default();
        // The upper bound itself was the last of the page before.
        let mut entries: Vec<(String, Uuid)> = Vec::new();
        for item in found {
            let sort_key = text(&item, "sk");
            if sort_key != upper {
                entries.push((sort_key, items::value(item)?.0));
            }
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|(sort_key, _)| sort_key.clone());
        Ok(SessionPage { ids: entries.into_iter().map(|(_, id)| id).collect(), next })
    }

    /// An owner's sessions that were begun at an instant or later and are not paid.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unpaid_since(&self, owner: &str, since: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
        self.listed(Key::unpaid(owner, since, Uuid::nil()), "unpaid#~").await
    }

    /// The ids in a list of an owner, from one entry to another.
    pub(super) async fn listed(&self, from: Key, to: &str) -> Result<Vec<Uuid>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :owner AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":owner", AttributeValue::S(from.pk))
            .expression_attribute_values(":from", AttributeValue::S(from.sk))
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()));
        let found = query.send().await.map_err(StoreError::call)?;
        found.items.unwrap_or_default().into_iter().map(|item| Ok(items::value(item)?.0)).collect()
    }

    /// Sessions and payments into wallets that are to be looked at by now, each with its entry in the list; at most so many per
    /// partition, the longest waiting first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(&self, now: DateTime<Utc>, per_shard: i32) -> Result<Vec<(Key, Uuid)>, StoreError> {
        let shards = (0..SHARDS).map(|number| self.due_in(keys::shard(number), now, per_shard));
        let found = futures::future::try_join_all(shards).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn due_in(&self, shard: String, now: DateTime<Utc>, limit: i32) -> Result<Vec<(Key, Uuid)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :shard AND sk < :now")
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            // `~` comes after `#`, so what is due at this very instant counts.
            .expression_attribute_values(":now", AttributeValue::S(format!("{}~", keys::stamp(now))))
            .limit(limit);
        let found = query.send().await.map_err(StoreError::call)?.items.unwrap_or_default();
        let entry = |item: Item| {
            let key = Key { pk: text(&item, "pk"), sk: text(&item, "sk") };
            Ok((key, items::value(item)?.0))
        };
        found.into_iter().map(entry).collect()
    }

    /// Which series of permits are in force since when.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn series(&self) -> Result<SeriesRegister, StoreError> {
        Ok(self.read(Key::series_register()).await?.map(|(register, _)| register).unwrap_or_default())
    }

    /// The newest tariff book's text and version.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_book(&self) -> Result<Option<(String, u32)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :tariffs AND begins_with(sk, :book)")
            .expression_attribute_values(":tariffs", AttributeValue::S("tariffs".to_owned()))
            .expression_attribute_values(":book", AttributeValue::S("book#".to_owned()))
            .scan_index_forward(false)
            .limit(1);
        let found = query.send().await.map_err(StoreError::call)?.items.unwrap_or_default();
        let Some(item) = found.into_iter().next() else { return Ok(None) };
        let version = text(&item, "sk").trim_start_matches("book#").parse().unwrap_or_default();
        Ok(Some((items::value(item)?.0, version)))
    }
}

fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}
