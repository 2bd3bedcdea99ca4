//! What an import changes: first planned as a whole, then written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use parvis_kit::problem::{FieldError, Problem};
use parvis_parking::{PlaceId, SpaceNumber, ZoneId};
use parvis_places::{Place, PlaceRecord, RegisterError, Source, Space, Zone};
use serde::Serialize;
use utoipa::ToSchema;

use super::rows::{CarParkRow, Row, SpaceRow};
use crate::admin::input::{PlaceAttributes, ZoneAttributes, too_large};
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// The zone of a counted car park.
const COUNTED_ZONE: &str = "main";
/// Places read from the register at a time.
const CONCURRENT_READS: usize = 16;

/// How many of a kind were created and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// New ones.
    pub created: usize,
    /// Existing ones that are different now.
    pub changed: usize,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportResult {
    /// Rows of the file.
    #[schema(example = 24)]
    pub rows: usize,
    /// Places.
    pub places: Counts,
    /// Zones; the zone of a changed space is changed too.
    pub zones: Counts,
    /// Spaces.
    pub spaces: Counts,
}

/// The register as it is to be, beside as it is.
#[derive(Debug)]
pub struct Plan {
    before: BTreeMap<PlaceId, PlaceRecord>,
    after: BTreeMap<PlaceId, PlaceRecord>,
    rows: usize,
}

/// Applies rows to the records of the places that they name.
struct Planner {
    after: BTreeMap<PlaceId, PlaceRecord>,
    seen: BTreeSet<(PlaceId, Option<(ZoneId, SpaceNumber)>)>,
    errors: Vec<FieldError>,
    default_timezone: Tz,
    now: DateTime<Utc>,
}

impl Planner {
    fn car_park(&mut self, row: CarParkRow) {
        if !self.seen.insert((row.place.clone(), None)) {
            return self.errors.push(FieldError::new(row.origin.field("place"), "this car park is in the file twice"));
        }
        let Ok(zone) = ZoneId::try_from(COUNTED_ZONE) else { return };
        let (default_timezone, now) = (self.default_timezone, self.now);
        let record = self.after.entry(row.place.clone()).or_insert_with(|| PlaceRecord {
            place: new_place(row.place.clone(), default_timezone, now),
            zones: Vec::new(),
        });
        record.place.name.clone_from(&row.name);
        record.place.location = row.position.or(record.place.location);
        record.place.timezone = row.timezone.unwrap_or(record.place.timezone);
        let zone = zone_mut(record, zone, &row.name, Source::Counter);
        if zone.source == Source::Counter {
            zone.capacity = row.capacity.or(zone.capacity);
        } else {
            let message = format!("its zone `{COUNTED_ZONE}` has numbered spaces and is not counted");
            self.errors.push(FieldError::new(row.origin.field("place"), message));
        }
    }

    fn space(&mut self, row: SpaceRow) {
        if !self.seen.insert((row.place.clone(), Some((row.zone.clone(), row.number)))) {
            return self.errors.push(FieldError::new(row.origin.field("number"), "this space is in the file twice"));
        }
        let Some(record) = self.after.get_mut(&row.place) else {
            let message = format!("there is no place `{}`; create it first", row.place);
            return self.errors.push(FieldError::new(row.origin.field("place"), message));
        };
        let name = row.zone.to_string();
        let zone = zone_mut(record, row.zone, &name, Source::Spaces);
        if zone.source == Source::Counter {
            let message = format!("zone `{}` is counted and has no numbered spaces", zone.id);
            return self.errors.push(FieldError::new(row.origin.field("zone"), message));
        }
        let closed = zone.is_closed(row.number);
        zone.spaces.push(Space {
            number: row.number,
            label: row.label,
            kind: row.kind,
            x: row.plan.map(|(x, _)| x),
            y: row.plan.map(|(_, y)| y),
            lat: row.position.map(|position| position.lat()),
            lon: row.position.map(|position| position.lon()),
            sensor_id: row.sensor_id,
            // Whether a space is in use is decided in the administration, not by a file that describes it.
            closed,
        });
    }

    fn finish(mut self, before: BTreeMap<PlaceId, PlaceRecord>, rows: usize) -> Result<Plan, Vec<FieldError>> {
        for record in self.after.values_mut() {
            record.zones.sort_by(|a, b| a.id.cmp(&b.id));
            for zone in &mut record.zones {
                zone.sort_spaces();
                let field = format!("zone {} of place {}", zone.id, record.place.id);
                self.errors.extend(too_large(zone).map(|message| FieldError::new(field, message)));
            }
        }
        if self.errors.is_empty() { Ok(Plan { before, after: self.after, rows }) } else { Err(self.errors) }
    }
}

/// A place of which a file tells only what a row holds.
fn new_place(id: PlaceId, timezone: Tz, now: DateTime<Utc>) -> Place {
    let attributes = PlaceAttributes {
        name: id.to_string(),
        timezone: Some(timezone),
        location: None,
        address: None,
        enrolment: Default::default(),
        thresholds: Default::default(),
        status: Default::default(),
    };
    attributes.into_place(id, 0, now, now)
}

/// A zone of the record, made if it is missing.
fn zone_mut<'r>(record: &'r mut PlaceRecord, id: ZoneId, name: &str, source: Source) -> &'r mut Zone {
    let position = record.zones.iter().position(|zone| zone.id == id).unwrap_or_else(|| {
        let ZoneAttributes { status, thresholds, .. } = ZoneAttributes::default();
        let name = name.to_owned();
        record.zones.push(Zone {
            id,
            name,
            source,
            capacity: None,
            spaces: Vec::new(),
            status,
            thresholds,
            version: 0,
        });
        record.zones.len() - 1
    });
    &mut record.zones[position]
}

/// What became of one entry of the register.
fn count<T: PartialEq>(counts: &mut Counts, before: Option<&T>, after: &T) -> bool {
    match before {
        None => counts.created += 1,
        Some(before) if before != after => counts.changed += 1,
        Some(_) => return false,
    }
    true
}

impl App {
    /// What the rows change, or everything that is wrong with them beside the register.
    ///
    /// # Errors
    /// 503 when the register cannot be read.
    pub(super) async fn plan(&self, rows: Vec<Row>) -> ApiResult<Result<Plan, Vec<FieldError>>> {
        let ids: BTreeSet<PlaceId> = rows
            .iter()
            .map(|row| match row {
                Row::Space(row) => row.place.clone(),
                Row::CarPark(row) => row.place.clone(),
            })
            .collect();
        let before: BTreeMap<PlaceId, PlaceRecord> = stream::iter(ids)
            .map(|id| async move {
                Ok::<_, RegisterError>(self.places().store().get(&id).await?.map(|record| (id, record)))
            })
            .buffer_unordered(CONCURRENT_READS)
            .try_filter_map(async |found| Ok(found))
            .try_collect()
            .await?;
        let count = rows.len();
        let mut planner = Planner {
            after: before.clone(),
            seen: BTreeSet::new(),
            errors: Vec::new(),
            default_timezone: self.places().default_place().timezone,
            now: self.now(),
        };
        // Car parks first: a space may belong to a place that comes later in the same file.
        let (car_parks, spaces): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| matches!(row, Row::CarPark(_)));
        for row in car_parks.into_iter().chain(spaces) {
            match row {
                Row::CarPark(row) => planner.car_park(row),
                Row::Space(row) => planner.space(row),
            }
        }
        Ok(planner.finish(before, count))
    }

    /// Writes what is different. Every write is conditional on the version that the plan was made from.
    ///
    /// # Errors
    /// 409 when somebody changed one of the places in between. What was written before stays; the same file sent again
    /// does the rest.
    pub(super) async fn carry_out(&self, plan: Plan) -> ApiResult<ImportResult> {
        let mut result = ImportResult { rows: plan.rows, ..ImportResult::default() };
        for (id, after) in plan.after {
            let before = plan.before.get(&id);
            let outcome = self.write_record(before, after, &mut result).await;
            self.forget(&id);
            outcome.map_err(|error| match error {
                RegisterError::VersionConflict => ApiError::from(Problem::conflict(format!(
                    "Place `{id}` was changed by somebody else during the import. Send the same file again."
                ))),
                other => other.into(),
            })?;
        }
        Ok(result)
    }

    async fn write_record(
        &self,
        before: Option<&PlaceRecord>,
        after: PlaceRecord,
        result: &mut ImportResult,
    ) -> Result<(), RegisterError> {
        let store = self.places().store();
        let mut place = after.place;
        let place_changed = count(&mut result.places, before.map(|record| &record.place), &place);
        let mut zones = Vec::new();
        for mut zone in after.zones {
            let old = before.and_then(|record| record.zone(&zone.id));
            if count(&mut result.zones, old, &zone) {
                for space in &zone.spaces {
                    count(&mut result.spaces, old.and_then(|zone| zone.space(space.number)), space);
                }
                zone.version += 1;
                zones.push(zone);
            }
        }
        if place_changed {
            place.version += 1;
            place.modified_at = self.now();
        }
        if before.is_none() {
            return store.create_place(&place, &zones).await;
        }
        if place_changed {
            store.put_place(&place).await?;
        }
        for zone in &zones {
            store.put_zone(&place.id, zone).await?;
        }
        Ok(())
    }
}
