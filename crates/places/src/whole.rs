//! Writing a place together with its zones.
//!
//! Nobody may see a place without its zones: a sensor of a zone that is not there yet would be refused. The entry of the place is
//! what makes them visible, so it is written last, and in one transaction with as many zones as such a transaction can hold.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use parvis_parking::{PlaceId, ZoneId};

use crate::error::RegisterError;
use crate::model::{Place, Zone};
use crate::store::{PLACES, PlacesStore, SdkItem, keyed, write_zone, zones_of};

/// DynamoDB takes 100 items in a transaction, 4 MB in all; one is the place.
const MOST_ZONES: usize = 99;
const MOST_BYTES: usize = 3 * 1024 * 1024;
/// What the attributes of a zone take besides its packed spaces, amply.
const ZONE_BYTES: usize = 4 * 1024;

/// A write of one zone, and its size.
type ZoneWrite = (TransactWriteItem, usize);

impl PlacesStore {
    /// Writes a new place (version 1) and its zones. Zones that an earlier place of this id left behind go.
    ///
    /// The place appears with all zones at once. If this fails there is no place, and the call can be repeated.
    ///
    /// # Errors
    /// [`RegisterError::VersionConflict`] when there is such a place; other [`RegisterError`]s.
    pub async fn create_place(&self, place: &Place, zones: &[Zone]) -> Result<(), RegisterError> {
        if self.has_place(&place.id).await? {
            return Err(RegisterError::VersionConflict);
        }
        let left_behind = self.zones(&place.id).await?.into_iter().map(|zone| zone.id);
        let left_behind = left_behind.filter(|id| zones.iter().all(|zone| zone.id != *id));
        let mut writes = left_behind.map(|id| self.removal(&place.id, &id)).collect::<Result<Vec<_>, _>>()?;
        for zone in zones {
            writes.push(self.addition(&place.id, zone)?);
        }
        let with_place = writes.split_off(writes.len() - fitting(&writes));
        // More than a transaction holds: nobody sees them before the place.
        while !writes.is_empty() {
            let batch = writes.split_off(writes.len() - fitting(&writes));
            self.transact(batch, None).await?;
        }
        self.transact(with_place, Some(self.registration(place)?)).await
    }

    async fn transact(&self, zones: Vec<ZoneWrite>, place: Option<TransactWriteItem>) -> Result<(), RegisterError> {
        let items = place.into_iter().chain(zones.into_iter().map(|(write, _)| write));
        let written = self.client.transact_write_items().set_transact_items(Some(items.collect())).send().await;
        written.map(drop).map_err(|error| match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if cancelled.cancellation_reasons().iter().any(|r| r.code() == Some("ConditionalCheckFailed")) =>
            {
                RegisterError::VersionConflict
            }
            _ => RegisterError::Transaction(Box::new(error)),
        })
    }

    fn registration(&self, place: &Place) -> Result<TransactWriteItem, RegisterError> {
        let item = keyed(serde_dynamo::to_item(place)?, PLACES, place.id.as_str());
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn addition(&self, place: &PlaceId, zone: &Zone) -> Result<ZoneWrite, RegisterError> {
        let item: SdkItem = keyed(write_zone(zone.clone())?, &zones_of(place), zone.id.as_str());
        let texts = item.values().filter_map(|value| value.as_s().ok());
        let bytes = ZONE_BYTES + texts.map(String::len).sum::<usize>();
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build()?;
        Ok((TransactWriteItem::builder().put(put).build(), bytes))
    }

    fn removal(&self, place: &PlaceId, zone: &ZoneId) -> Result<ZoneWrite, RegisterError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(zones_of(place)))
            .key("sk", AttributeValue::S(zone.to_string()))
            .build()?;
        Ok((TransactWriteItem::builder().delete(delete).build(), ZONE_BYTES))
    }
}

impl From<BuildError> for RegisterError {
    fn from(error: BuildError) -> Self {
        Self::Request(error)
    }
}

/// How many of the last writes fit into one transaction; at least one, for DynamoDB to judge.
fn fitting(writes: &[ZoneWrite]) -> usize {
    let mut bytes = 0;
    let fits = |(_, size): &&ZoneWrite| {
        bytes += size;
        bytes <= MOST_BYTES
    };
    writes.iter().rev().take(MOST_ZONES).take_while(fits).count().max(1).min(writes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_takes_as_many_zones_as_dynamodb_does() {
        let write = |bytes| (TransactWriteItem::builder().build(), bytes);
        let writes = |count, bytes| (0..count).map(|_| write(bytes)).collect::<Vec<_>>();
        assert_eq!(fitting(&writes(0, 1)), 0);
        assert_eq!(fitting(&writes(20, 10_000)), 20);
        assert_eq!(fitting(&writes(250, 10_000)), 99);
        assert_eq!(fitting(&writes(20, 1024 * 1024)), 3);
        assert_eq!(fitting(&writes(2, 5 * 1024 * 1024)), 1);
    }
}
