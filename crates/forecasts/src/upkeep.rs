//! What is likely to fail, and the work orders that come of it.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `ORDERS` | id of the order | a work order |
//! | `BATTERY#<place>` | zone | battery readings of its sensors, one a night |
//! | `WATCHED` | place, or `#equipment` | what the last inspection looked at |
//! | `LIVES#<group>` | resource, end | how long a piece of equipment lived |
//! | `RELIABILITY` | kind | how often findings of the kind were right |

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    operation::delete_item::DeleteItemError,
    primitives::Blob,
    types::{AttributeValue, Delete, Put, TransactWriteItem, Update},
};
use chrono::{DateTime, Utc};
use parvis_forecasting::lifetime::Life;
use parvis_maintenance::{Kind, Order, Reliability, State, Verdict};
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};

use crate::{
    packed::pack,
    store::{ForecastStore, StoreError, body, incomplete, number, text},
};

const ORDERS: &str = "ORDERS";
const BATTERY: &str = "BATTERY#";
const WATCHED: &str = "WATCHED";
/// No id of a place begins with this.
const EQUIPMENT: &str = "#equipment";
const LIVES: &str = "LIVES#";
const RELIABILITY: &str = "RELIABILITY";
const BODY: &str = "body";
const VERSION: &str = "version";
const CONFIRMED: &str = "confirmed";
const LOOKED_AT: &str = "looked_at";

/// What an order is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "thing", rename_all = "snake_case")]
pub enum Thing {
    /// The sensor of a space.
    Sensor {
        /// Its car park.
        place: String,
        /// Its zone.
        zone: String,
        /// The space's number.
        number: u16,
    },
    /// A piece of equipment that is booked.
    Equipment {
        /// Where it is.
        site: String,
        /// Its id.
        resource: String,
    },
}

impl Thing {
    /// The id of an order about it: at most one of a kind is open.
    #[must_use]
    pub fn order_id(&self, kind: Kind) -> String {
        match self {
            Self::Sensor { place, zone, number } => format!("sensor:{place}:{zone}:{number}:{}", kind.as_str()),
            Self::Equipment { site, resource } => format!("equipment:{site}:{resource}:{}", kind.as_str()),
        }
    }

    /// What the ids of all orders about sensors of a place begin with.
    #[must_use]
    pub fn of_place(place: &PlaceId) -> String {
        format!("sensor:{place}:")
    }
}

/// A work order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredOrder {
    /// What it is about.
    pub thing: Thing,
    /// The thing's name, for people.
    pub title: String,
    /// Age of equipment when it was found, in hours of use.
    pub age_hours: Option<f64>,
    /// What lives of equipment are told from: its pool, or itself.
    pub group: Option<String>,
    /// The order.
    pub order: Order,
    /// How often it was written; 0 before the first time.
    #[serde(skip)]
    pub version: u64,
}

impl StoredOrder {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> String {
        self.thing.order_id(self.order.finding.kind)
    }

    /// What it teaches as it stands; only an order that is closed does.
    fn lesson(&self) -> Option<Lesson> {
        let State::Closed { verdict } = self.order.state else { return None };
        let confirmed = verdict == Verdict::Confirmed;
        let lived = match (&self.thing, &self.group, self.age_hours.filter(|age| *age > 0.0)) {
            // What was mended or replaced begins a new life; what was sound goes on with the old one.
            (Thing::Equipment { resource, .. }, Some(group), Some(age)) if verdict != Verdict::NothingWrong => {
                let life = PastLife { life: Life { age, failed: confirmed }, ended_at: self.order.changed_at };
                Some(Lived { group: group.clone(), resource: resource.clone(), life })
            }
            _ => None,
        };
        Some(Lesson { kind: self.order.finding.kind, confirmed, lived })
    }
}

/// What a closed order teaches.
#[derive(Debug)]
struct Lesson {
    /// What had been found ...
    kind: Kind,
    /// ... and whether it was so.
    confirmed: bool,
    /// The life that ended.
    lived: Option<Lived>,
}

/// A life of a piece of equipment.
#[derive(Debug)]
struct Lived {
    group: String,
    resource: String,
    life: PastLife,
}

fn life_key(resource: &str, life: &PastLife) -> String {
    format!("{resource}#{}", life.ended_at.timestamp())
}

/// Battery readings of a zone's sensors, by the number of the space: when (seconds since 1970) and percent left, oldest first.
pub type Batteries = BTreeMap<u16, Vec<(i64, u8)>>;

/// What an inspection looked at, and how much is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Sensors, or pieces of equipment.
    pub things: u32,
    /// Those of which something can be foretold: batteries with a trend, pieces of groups with enough failures.
    pub foretold: u32,
    /// Those that tell too little yet: batteries with a short trend, pieces of groups with too few failures. Sensors that do not tell
    /// their battery are in neither.
    pub too_little: u32,
    /// When the first of those that tell too little will be known well enough; none if time alone does not help.
    pub from: Option<DateTime<Utc>>,
}

/// How long a piece of equipment lived.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PastLife {
    /// The life, in hours of use.
    pub life: Life,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

impl ForecastStore {
    /// The orders whose ids begin with `prefix`, by id.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn orders(&self, prefix: &str) -> Result<Vec<StoredOrder>, StoreError> {
        let items = self.query(ORDERS, prefix).await?;
        items.iter().map(|item| Ok(StoredOrder { version: number(item, VERSION), ..body(item)? })).collect()
    }

    /// One order.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn order(&self, id: &str) -> Result<Option<StoredOrder>, StoreError> {
        let Some(item) = self.get(ORDERS, id).await? else { return Ok(None) };
        Ok(Some(StoredOrder { version: number(&item, VERSION), ..body(&item)? }))
    }

    /// Writes an order as it follows from the version that was read; false when somebody else wrote in between.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_order(&self, order: &StoredOrder) -> Result<bool, StoreError> {
        self.write_step(order, None, None).await
    }

    /// Writes an order after a step together with what the step teaches, and without what the order had taught before it; all of it or,
    /// when somebody else wrote in between, nothing and false.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_step(&self, before: &StoredOrder, after: &StoredOrder) -> Result<bool, StoreError> {
        self.write_step(after, after.lesson(), before.lesson()).await
    }

    async fn write_step(
        &self,
        order: &StoredOrder,
        taught: Option<Lesson>,
        untaught: Option<Lesson>,
    ) -> Result<bool, StoreError> {
        let put = Put::builder()
            .table_name(self.table())
            .item("pk", text(ORDERS))
            .item("sk", text(&order.id()))
            .item(BODY, AttributeValue::B(Blob::new(pack(order)?)))
            .item(VERSION, AttributeValue::N((order.version + 1).to_string()))
            .condition_expression("attribute_not_exists(pk) OR #version = :before")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":before", AttributeValue::N(order.version.to_string()));
        let mut writes = vec![TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build()];
        if let Some(lesson) = taught {
            writes.push(self.count_finding(lesson.kind, lesson.confirmed, 1)?);
            if let Some(Lived { group, resource, life }) = lesson.lived {
                let put = Put::builder()
                    .table_name(self.table())
                    .item("pk", text(&format!("{LIVES}{group}")))
                    .item("sk", text(&life_key(&resource, &life)))
                    .item(BODY, AttributeValue::B(Blob::new(pack(&life)?)));
                writes.push(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build());
            }
        }
        if let Some(lesson) = untaught {
            writes.push(self.count_finding(lesson.kind, lesson.confirmed, -1)?);
            if let Some(Lived { group, resource, life }) = lesson.lived {
                let delete = Delete::builder().table_name(self.table()).key("pk", text(&format!("{LIVES}{group}")));
                let delete = delete.key("sk", text(&life_key(&resource, &life))).build().map_err(incomplete)?;
                writes.push(TransactWriteItem::builder().delete(delete).build());
            }
        }
        self.transact(writes).await
    }

    /// Counts findings that somebody has looked at.
    fn count_finding(&self, kind: Kind, confirmed: bool, by: i8) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(self.table())
            .key("pk", text(RELIABILITY))
            .key("sk", text(kind.as_str()))
            .update_expression("ADD #looked_at :one, #confirmed :confirmed")
            .expression_attribute_names("#looked_at", LOOKED_AT)
            .expression_attribute_names("#confirmed", CONFIRMED)
            .expression_attribute_values(":one", AttributeValue::N(by.to_string()))
            .expression_attribute_values(":confirmed", AttributeValue::N((by * i8::from(confirmed)).to_string()));
        Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete)?).build())
    }

    /// Takes back an order as it was read; false when somebody has written it since, and it stays.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn withdraw_order(&self, order: &StoredOrder) -> Result<bool, StoreError> {
        let delete = self
            .client()
            .delete_item()
            .table_name(self.table())
            .key("pk", text(ORDERS))
            .key("sk", text(&order.id()))
            .condition_expression("#version = :before")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":before", AttributeValue::N(order.version.to_string()));
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(Box::new(error).into()),
            },
        }
    }

    /// What the last inspections looked at: each place's sensors, and under none the equipment.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn watched(&self) -> Result<Vec<(Option<PlaceId>, Watched)>, StoreError> {
        let items = self.query(WATCHED, "").await?;
        let of = |item: &std::collections::HashMap<String, AttributeValue>| {
            item.get("sk").and_then(|sk| sk.as_s().ok()).and_then(|sk| sk.parse().ok())
        };
        items.iter().map(|item| Ok((of(item), body(item)?))).collect()
    }

    /// Notes what an inspection of a place's sensors, or of the equipment, has looked at.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_watched(&self, place: Option<&PlaceId>, watched: &Watched) -> Result<(), StoreError> {
        self.put(WATCHED, place.map_or(EQUIPMENT, |place| place.as_str()), watched, None).await
    }

    /// Battery readings of a zone.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn batteries(&self, place: &PlaceId, zone: &ZoneId) -> Result<Batteries, StoreError> {
        let item = self.get(&format!("{BATTERY}{place}"), zone.as_str()).await?;
        Ok(item.as_ref().map(body).transpose()?.unwrap_or_default())
    }

    /// Replaces the battery readings of a zone.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_batteries(&self, place: &PlaceId, zone: &ZoneId, all: &Batteries) -> Result<(), StoreError> {
        self.put(&format!("{BATTERY}{place}"), zone.as_str(), all, None).await
    }

    /// The lives of a group of equipment, by resource and end.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn lives(&self, group: &str) -> Result<Vec<(String, PastLife)>, StoreError> {
        let items = self.query(&format!("{LIVES}{group}"), "").await?;
        let resource = |sk: &str| sk.split('#').next().unwrap_or_default().to_owned();
        items
            .iter()
            .filter_map(|item| Some((item.get("sk")?.as_s().ok()?, item)))
            .map(|(sk, item)| Ok((resource(sk), body(item)?)))
            .collect()
    }

    /// Notes how long a piece of equipment lived; the same end again changes nothing.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_life(&self, group: &str, resource: &str, life: &PastLife) -> Result<(), StoreError> {
        self.put(&format!("{LIVES}{group}"), &life_key(resource, life), life, None).await
    }

    /// How often findings of each kind were right.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn reliability(&self) -> Result<BTreeMap<String, Reliability>, StoreError> {
        let items = self.query(RELIABILITY, "").await?;
        let read = |item: &std::collections::HashMap<String, AttributeValue>| {
            let count = |name| u32::try_from(number(item, name)).unwrap_or(u32::MAX);
            let kind = item.get("sk")?.as_s().ok()?.clone();
            Some((kind, Reliability { confirmed: count(CONFIRMED), looked_at: count(LOOKED_AT) }))
        };
        Ok(items.iter().filter_map(read).collect())
    }
}
