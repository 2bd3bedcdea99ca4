//! The levels of places and zones, and the alerts that follow from their changes.
//!
//! One item per place holds the levels of all its areas, so that a batch costs one small read and, when something was
//! crossed, one transaction: the new levels under the condition of the version read, and an event per threshold crossed. Either both are
//! there or neither; a batch that comes again finds the new levels and crosses nothing.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::{get_item::GetItemError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, Put, TransactWriteItem},
};
use chrono::{DateTime, Utc};
use parvis_events::{
    CloudEvent, EventId, Position,
    alert::{self, Alert, AlertLevel},
    place_subject,
};
use parvis_kit::event_store::{EventStore, EventStoreError};
use parvis_parking::{Level, PlaceId, Tally, ZoneId, alert::next_level};
use parvis_places::{OpenStatus, PlaceRecord, PlaceSummary};
use serde::{Deserialize, Serialize};

/// The area that stands for the whole place.
const WHOLE_PLACE: &str = "*";
/// The source of the events.
const SOURCE: &str = "/parvis/announce";
/// Thresholds crossed in one transaction at most; DynamoDB takes 100 items. What is left follows in the next one.
const ALERTS_PER_TRANSACTION: usize = 90;

/// The levels of a place's areas; those that are not there are normal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Levels {
    /// How often it was written; 0 before.
    version: u64,
    /// Level by zone; the whole place is `*`, which is no zone's id.
    levels: BTreeMap<String, Level>,
}

/// The item of a place.
#[derive(Serialize, Deserialize)]
struct Item {
    pk: String,
    sk: String,
    #[serde(flatten)]
    levels: Levels,
}

/// The sort key of the item.
const SORT_KEY: &str = "levels";

/// A failure to read or write levels.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LevelError {
    #[error("the levels could not be read")]
    Read(#[source] Box<SdkError<GetItemError>>),
    #[error("the levels and their alerts could not be written")]
    Write(#[source] Box<SdkError<TransactWriteItemsError>>),
    /// Somebody else has written in between: what was decided may rest on an old state.
    #[error("the levels were changed in between")]
    Conflict,
    #[error("the item is not one of levels")]
    Item(#[from] serde_dynamo::Error),
    #[error("the write is not complete")]
    Build(#[from] BuildError),
    #[error(transparent)]
    Event(#[from] EventStoreError),
}

/// The table of levels.
#[derive(Clone, Debug)]
pub(crate) struct LevelStore {
    client: Client,
    table: String,
    events: EventStore,
}

impl LevelStore {
    pub(crate) fn new(client: Client, table: String, events: EventStore) -> Self {
        Self { client, table, events }
    }

    /// The levels of a place, as of now.
    pub(crate) async fn get(&self, place: &PlaceId) -> Result<Levels, LevelError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(place.to_string()))
            .key("sk", AttributeValue::S(SORT_KEY.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| LevelError::Read(Box::new(error)))?;
        let item = found.item.map(serde_dynamo::aws_sdk_dynamodb_1::from_item::<Item>).transpose()?;
        Ok(item.map(|item| item.levels).unwrap_or_default())
    }

    /// Writes the levels that follow from `summary`, and an event per threshold crossed. `before` must have been read before the
    /// summary: then whoever knows a newer state makes this a conflict.
    pub(crate) async fn settle(
        &self,
        mut before: Levels,
        record: &PlaceRecord,
        summary: &PlaceSummary,
        now: DateTime<Utc>,
    ) -> Result<Vec<CloudEvent<Alert>>, LevelError> {
        let mut told = Vec::new();
        loop {
            let (after, alerts) = before.next(record, summary, now);
            if alerts.is_empty() {
                return Ok(told);
            }
            self.write(&record.place.id, &before, &after, &alerts).await?;
            told.extend(alerts);
            before = after;
        }
    }

    async fn write(
        &self,
        place: &PlaceId,
        before: &Levels,
        after: &Levels,
        alerts: &[CloudEvent<Alert>],
    ) -> Result<(), LevelError> {
        let item = Item { pk: place.to_string(), sk: SORT_KEY.to_owned(), levels: after.clone() };
        let put =
            Put::builder().table_name(&self.table).set_item(Some(serde_dynamo::aws_sdk_dynamodb_1::to_item(item)?));
        let put = if before.version == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :version")
                .expression_attribute_values(":version", AttributeValue::N(before.version.to_string()))
        };
        let mut writes = vec![TransactWriteItem::builder().put(put.build()?).build()];
        for event in alerts {
            writes.push(self.events.put_in_transaction(event)?);
        }
        let written = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        written.map(drop).map_err(|error| match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if cancelled
                    .cancellation_reasons()
                    .iter()
                    .any(|reason| matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))) =>
            {
                LevelError::Conflict
            }
            _ => LevelError::Write(Box::new(error)),
        })
    }
}

/// A place or one of its zones, with what decides its level.
struct Area<'a> {
    zone: Option<&'a ZoneId>,
    zone_name: Option<String>,
    tally: Tally,
    /// Receipt time of the news that the tally rests on.
    at: DateTime<Utc>,
}

impl Levels {
    fn of(&self, zone: Option<&ZoneId>) -> Level {
        self.levels.get(zone.map_or(WHOLE_PLACE, ZoneId::as_str)).copied().unwrap_or_default()
    }

    /// The levels after `summary`, and the alerts on the way there.
    fn next(&self, record: &PlaceRecord, summary: &PlaceSummary, now: DateTime<Utc>) -> (Self, Vec<CloudEvent<Alert>>) {
        let mut after = Self { version: self.version + 1, levels: self.levels.clone() };
        let mut alerts = Vec::new();
        for area in areas(record, summary, now) {
            if alerts.len() >= ALERTS_PER_TRANSACTION {
                break;
            }
            let level = self.of(area.zone);
            let next = next_level(level, area.tally.rate(), &record.thresholds(area.zone));
            if next != level {
                alerts.extend(crossings(record, &area, (level, next), (after.version, alerts.len())));
                after.levels.insert(area.zone.map_or(WHOLE_PLACE, ZoneId::as_str).to_owned(), next);
            }
        }
        (after, alerts)
    }
}

/// The place and its zones. What is closed is empty: whoever was warned of it is told that it is over, as of now and not as of
/// the last reading, which did not close it.
fn areas<'a>(record: &'a PlaceRecord, summary: &'a PlaceSummary, now: DateTime<Utc>) -> impl Iterator<Item = Area<'a>> {
    let place_open = record.place.status == OpenStatus::Open;
    let place = Area {
        zone: None,
        zone_name: None,
        tally: if place_open { summary.tally } else { Tally::default() },
        at: summary.updated_at.filter(|_| place_open).unwrap_or(now),
    };
    let zones = summary.zones.iter().map(move |zone| {
        let registered = record.zone(&zone.zone);
        let open = place_open && registered.is_none_or(|zone| zone.status == OpenStatus::Open);
        Area {
            zone: Some(&zone.zone),
            zone_name: registered.map(|zone| zone.name.clone()),
            tally: if open { zone.tally } else { Tally::default() },
            at: zone.updated_at.filter(|_| open).unwrap_or(now),
        }
    });
    std::iter::once(place).chain(zones)
}

/// One alert per threshold between two levels, in the order in which they are crossed; `told` alerts of the same version come
/// before.
fn crossings(
    record: &PlaceRecord,
    area: &Area<'_>,
    (before, after): (Level, Level),
    (version, told): (u64, usize),
) -> Vec<CloudEvent<Alert>> {
    let ladder = [(Level::Busy, AlertLevel::Busy), (Level::Saturated, AlertLevel::Saturated)];
    let raised = ladder.iter().filter(|(level, _)| before < *level && *level <= after);
    let cleared = ladder.iter().rev().filter(|(level, _)| after < *level && *level <= before);
    raised
        .map(|crossed| (alert::RAISED, crossed))
        .chain(cleared.map(|crossed| (alert::CLEARED, crossed)))
        .zip(told..)
        .map(|((kind, (level, alert_level)), step)| {
            let place = &record.place;
            let zone = area.zone.map_or(WHOLE_PLACE, ZoneId::as_str);
            // Version and level make it unique: one version holds a level of an area once.
            let facts = [place.id.as_str(), zone, kind, alert_level.as_str(), &version.to_string()];
            // The crossings of one moment sort as they happened: the newest one tells the level of now. There are fewer than 100.
            let position = Position { version, step: u8::try_from(step).unwrap_or(u8::MAX) };
            let data = Alert {
                place: place.id.to_string(),
                place_name: Some(place.name.clone()),
                zone: area.zone.map(ToString::to_string),
                zone_name: area.zone_name.clone(),
                level: *alert_level,
                previous: before.as_str().to_owned(),
                occupancy_rate: area.tally.rate(),
                occupied: area.tally.occupied,
                total: area.tally.total,
                threshold: f64::from(record.thresholds(area.zone).of(*level)),
                at: area.at,
                chance: None,
                timezone: Some(place.timezone.name().to_owned()),
            };
            CloudEvent::new(
                EventId::in_order(area.at, position, &facts),
                SOURCE,
                kind,
                place_subject(place.id.as_str()),
                area.at,
                data,
            )
        })
        .collect()
}

#[cfg(test)]
#[path = "levels/tests.rs"]
mod tests;
