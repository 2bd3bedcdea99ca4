//! The register's table.
//!
//! Places lie under one partition key (`PLACE`), so that listing them is a query and never a scan; the zones of a place
//! under another (`ZONE#<place>`). A zone's spaces are one JSON attribute: they are always read and written together.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, TryStreamExt, stream, try_join};
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};
use serde_dynamo::Item;

use crate::error::RegisterError;
use crate::model::{Place, PlaceRecord, Zone};

/// The partition of all places.
pub(crate) const PLACES: &str = "PLACE";
/// Zones of this many places are read at a time.
const CONCURRENT_READS: usize = 16;

pub(crate) type SdkItem = HashMap<String, AttributeValue>;

/// The register.
#[derive(Debug, Clone)]
pub struct PlacesStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// A zone as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredZone {
    #[serde(flatten)]
    zone: Zone,
    /// The spaces, packed as JSON.
    packed_spaces: String,
}

impl PlacesStore {
    /// The register in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// All places, by id, without their zones.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn list(&self) -> Result<Vec<Place>, RegisterError> {
        self.query(PLACES, None).await?.into_iter().map(read_place).collect()
    }

    /// All places with their zones, by id.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn list_records(&self) -> Result<Vec<PlaceRecord>, RegisterError> {
        stream::iter(self.list().await?)
            .map(|place| async move {
                let zones = self.zones(&place.id).await?;
                Ok(PlaceRecord { place, zones })
            })
            .buffered(CONCURRENT_READS)
            .try_collect()
            .await
    }

    /// A place with its zones.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn get(&self, id: &PlaceId) -> Result<Option<PlaceRecord>, RegisterError> {
        let (places, zones) = try_join!(self.query(PLACES, Some(id.as_str())), self.zones(id))?;
        let place = places.into_iter().next().map(read_place).transpose()?;
        Ok(place.map(|place| PlaceRecord { place, zones }))
    }

    pub(crate) async fn has_place(&self, id: &PlaceId) -> Result<bool, RegisterError> {
        Ok(!self.query(PLACES, Some(id.as_str())).await?.is_empty())
    }

    pub(crate) async fn zones(&self, place: &PlaceId) -> Result<Vec<Zone>, RegisterError> {
        self.query(&zones_of(place), None).await?.into_iter().map(read_zone).collect()
    }

    /// Queries, and not `GetItem`, even for one entry: most readers of the register are allowed nothing else.
    pub(crate) async fn query(&self, pk: &str, sk: Option<&str>) -> Result<Vec<SdkItem>, RegisterError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        query = match sk {
            Some(sk) => query
                .key_condition_expression("pk = :pk AND sk = :sk")
                .expression_attribute_values(":sk", AttributeValue::S(sk.to_owned())),
            None => query.key_condition_expression("pk = :pk"),
        };
        let items = query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        items.map_err(|error| RegisterError::Query(Box::new(error)))
    }

    /// Writes a place whose `version` is the new one: 1 creates it, `n + 1` replaces version `n`. A new place comes with its
    /// zones by [`PlacesStore::create_place`].
    ///
    /// # Errors
    /// [`RegisterError::VersionConflict`] when another version is stored; other [`RegisterError`]s.
    pub async fn put_place(&self, place: &Place) -> Result<(), RegisterError> {
        let item: SdkItem = serde_dynamo::to_item(place)?;
        self.put(PLACES, place.id.as_str(), item, place.version).await
    }

    /// Writes a zone of a place; see [`PlacesStore::put_place`] for its version.
    ///
    /// # Errors
    /// [`RegisterError::VersionConflict`] when another version is stored; other [`RegisterError`]s.
    pub async fn put_zone(&self, place: &PlaceId, zone: &Zone) -> Result<(), RegisterError> {
        let item = write_zone(zone.clone())?;
        self.put(&zones_of(place), zone.id.as_str(), item, zone.version).await
    }

    pub(crate) async fn put(&self, pk: &str, sk: &str, item: SdkItem, version: u64) -> Result<(), RegisterError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(keyed(item, pk, sk)));
        let put = if version <= 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("#version = :previous")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":previous", AttributeValue::N((version - 1).to_string()))
        };
        put.send().await.map(drop).map_err(|error| match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => RegisterError::VersionConflict,
            _ => RegisterError::Put(Box::new(error)),
        })
    }

    /// Deletes a place of the given version, and then its zones.
    ///
    /// With the first step the place is gone. A zone that somebody changes meanwhile stays behind, unseen, and goes when a
    /// place of this id is created again.
    ///
    /// # Errors
    /// [`RegisterError::VersionConflict`] when another version, or none, is stored; other [`RegisterError`]s.
    pub async fn delete_place(&self, id: &PlaceId, version: u64) -> Result<(), RegisterError> {
        let zones = self.zones(id).await?;
        self.delete(PLACES, id.as_str(), version).await?;
        for zone in zones {
            match self.delete_zone(id, &zone.id, zone.version).await {
                Ok(()) | Err(RegisterError::VersionConflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Deletes a zone of the given version.
    ///
    /// # Errors
    /// [`RegisterError::VersionConflict`] when another version, or none, is stored; other [`RegisterError`]s.
    pub async fn delete_zone(&self, place: &PlaceId, zone: &ZoneId, version: u64) -> Result<(), RegisterError> {
        self.delete(&zones_of(place), zone.as_str(), version).await
    }

    async fn delete(&self, pk: &str, sk: &str, version: u64) -> Result<(), RegisterError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
            .send()
            .await;
        deleted.map(drop).map_err(|error| match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => RegisterError::VersionConflict,
            _ => RegisterError::Delete(Box::new(error)),
        })
    }
}

const ZONES_OF: &str = "ZONE#";

/// An item with its key.
pub(crate) fn keyed(mut item: SdkItem, pk: &str, sk: &str) -> SdkItem {
    item.insert("pk".to_owned(), AttributeValue::S(pk.to_owned()));
    item.insert("sk".to_owned(), AttributeValue::S(sk.to_owned()));
    item
}

pub(crate) fn zones_of(place: &PlaceId) -> String {
    format!("{ZONES_OF}{place}")
}

/// What an item of the table's stream is about, by its keys: a place, or a zone of it; `None` when it is neither.
#[must_use]
pub fn entry_of(keys: &Item) -> Option<(PlaceId, Option<ZoneId>)> {
    let text = |name| match keys.inner().get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => Some(text.as_str()),
        _ => None,
    };
    match (text("pk")?, text("sk")?) {
        (PLACES, place) => Some((place.parse().ok()?, None)),
        (pk, zone) => Some((pk.strip_prefix(ZONES_OF)?.parse().ok()?, Some(zone.parse().ok()?))),
    }
}

fn read_place(item: SdkItem) -> Result<Place, RegisterError> {
    Ok(serde_dynamo::from_item(item)?)
}

fn read_zone(item: SdkItem) -> Result<Zone, RegisterError> {
    let stored: StoredZone = serde_dynamo::from_item(item)?;
    let mut zone = stored.zone;
    zone.spaces = serde_json::from_str(&stored.packed_spaces)?;
    zone.sort_spaces();
    Ok(zone)
}

pub(crate) fn write_zone(mut zone: Zone) -> Result<SdkItem, RegisterError> {
    zone.sort_spaces();
    let packed_spaces = serde_json::to_string(&zone.spaces)?;
    zone.spaces.clear();
    Ok(serde_dynamo::to_item(StoredZone { zone, packed_spaces })?)
}

#[cfg(test)]
mod tests {
    use parvis_parking::{SpaceNumber, Thresholds};

    use super::*;
    use crate::model::{Enrolment, Location, OpenStatus, Source, Space, SpaceKind};

    #[test]
    fn a_place_reads_back() {
        let place = Place {
            id: "antigone".parse().unwrap(),
            name: "Antigone".into(),
            timezone: chrono_tz::Europe::Paris,
            location: Location::new(43.6087, 3.8888),
            address: None,
            enrolment: Enrolment::Open,
            thresholds: Thresholds::new(60, 90, 3).unwrap(),
            status: OpenStatus::Closed,
            version: 3,
            created_at: "2026-01-18T10:00:00Z".parse().unwrap(),
            modified_at: "2026-01-19T10:00:00.5Z".parse().unwrap(),
        };
        let item: SdkItem = serde_dynamo::to_item(&place).unwrap();
        assert_eq!(read_place(item).unwrap(), place);
    }

    #[test]
    fn a_zone_reads_back_with_its_spaces_in_order() {
        let space = |n: u32| Space::numbered(SpaceNumber::try_from(n).unwrap());
        let electric = Space { kind: SpaceKind::Electric, x: Some(1.5), closed: true, ..space(2) };
        let mut zone = Zone {
            id: "Zone_A".parse().unwrap(),
            name: "A".into(),
            source: Source::Spaces,
            capacity: None,
            spaces: vec![space(3), space(2), space(1), electric.clone()],
            status: OpenStatus::Open,
            thresholds: None,
            version: 1,
        };
        let item = write_zone(zone.clone()).unwrap();
        assert!(matches!(item.get("packed_spaces"), Some(AttributeValue::S(_))));
        zone.spaces = vec![space(1), electric, space(3)];
        assert_eq!(read_zone(item).unwrap(), zone);
    }
}
