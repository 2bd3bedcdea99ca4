//! Bodies of administrative requests, validated into the register's types.
//!
//! Fields that are not known are passed over: a client may change what it has read and send all of it back.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_kit::problem::{FieldError, Problem};
use parvis_parking::{PlaceId, SpaceNumber, Thresholds, ZoneId};
use parvis_places::{Enrolment, Location, OpenStatus, Place, Source, Space, Zone};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Characters of a name at most.
pub(super) const LONGEST_NAME: usize = 120;
/// Characters of a space's label at most.
pub(super) const LONGEST_LABEL: usize = 32;
/// Characters of a sensor's identifier at most.
pub(super) const LONGEST_SENSOR_ID: usize = 64;
/// The highest capacity of a counted zone.
pub(super) const HIGHEST_CAPACITY: u32 = 1_000_000;
/// Zones of a place at most.
const MOST_ZONES: usize = 200;
/// A zone is one item of 400 KB at most; its spaces take nearly all of it.
const MOST_SPACE_BYTES: usize = 350_000;

/// What can be said of a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlaceAttributes {
    /// Its name, for people.
    #[schema(example = "Parking de la Gare", min_length = 1, max_length = 120)]
    pub name: String,
    /// Its IANA zone of time; that of the default place if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Europe/Paris")]
    pub timezone: Option<Tz>,
    /// Where it is.
    #[serde(default)]
    pub location: Option<Location>,
    /// Postal address.
    #[serde(default)]
    #[schema(max_length = 300)]
    pub address: Option<String>,
    /// Whether sensors that are not in the register are taken; `closed` if absent.
    #[serde(default)]
    pub enrolment: Enrolment,
    /// Alert thresholds in percent; 70, 85 and 5 if absent.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Whether it takes vehicles; `open` if absent.
    #[serde(default)]
    pub status: OpenStatus,
}

impl PlaceAttributes {
    /// What the register says of a place.
    pub(super) fn of(place: &Place) -> Self {
        Self {
            name: place.name.clone(),
            timezone: Some(place.timezone),
            location: place.location,
            address: place.address.clone(),
            enrolment: place.enrolment,
            thresholds: place.thresholds,
            status: place.status,
        }
    }

    /// The attributes, complete and valid.
    ///
    /// # Errors
    /// 422 that names the wrong fields.
    pub(super) fn validated(mut self, default_timezone: Tz) -> Result<Self, Problem> {
        let mut errors = Vec::new();
        check_name(&mut self.name, "/name", &mut errors);
        self.address = self.address.map(|address| address.trim().to_owned()).filter(|address| !address.is_empty());
        if self.address.as_ref().is_some_and(|address| address.chars().count() > 300) {
            errors.push(FieldError::new("/address", "at most 300 characters"));
        }
        self.timezone.get_or_insert(default_timezone);
        refuse_any(errors)?;
        Ok(self)
    }

    /// The entry of the register.
    pub(super) fn into_place(self, id: PlaceId, version: u64, created_at: DateTime<Utc>, now: DateTime<Utc>) -> Place {
        Place {
            id,
            name: self.name,
            timezone: self.timezone.unwrap_or(Tz::UTC),
            location: self.location,
            address: self.address,
            enrolment: self.enrolment,
            thresholds: self.thresholds,
            status: self.status,
            version,
            created_at,
            modified_at: now,
        }
    }
}

/// A place to be created, with its zones and their spaces.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewPlace {
    /// Its id, also in topics.
    #[schema(value_type = String, example = "gare", pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    pub id: PlaceId,
    /// What can be said of it.
    #[serde(flatten)]
    pub attributes: PlaceAttributes,
    /// Its zones.
    #[serde(default)]
    pub zones: Vec<NewZone>,
}

/// A zone to be created with its place.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewZone {
    /// Its id within the place, also in topics.
    #[schema(value_type = String, example = "Zone_A", pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    pub id: ZoneId,
    /// What can be said of it.
    #[serde(flatten)]
    pub attributes: ZoneAttributes,
}

/// What can be said of a zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneAttributes {
    /// Its name, for people; its id if absent.
    #[serde(default)]
    #[schema(example = "Zone A", max_length = 120)]
    pub name: Option<String>,
    /// How its occupancy is known; `spaces` if absent.
    #[serde(default)]
    pub source: Source,
    /// Its capacity, if it is counted.
    #[serde(default)]
    #[schema(maximum = 1_000_000)]
    pub capacity: Option<u32>,
    /// Its spaces.
    #[serde(default)]
    pub spaces: Vec<Space>,
    /// Whether it takes vehicles; `open` if absent.
    #[serde(default)]
    pub status: OpenStatus,
    /// Its own alert thresholds in percent; those of the place if absent.
    #[serde(default)]
    pub thresholds: Option<Thresholds>,
}

impl ZoneAttributes {
    /// What the register says of a zone.
    pub(super) fn of(zone: &Zone) -> Self {
        Self {
            name: Some(zone.name.clone()),
            source: zone.source,
            capacity: zone.capacity,
            spaces: zone.spaces.clone(),
            status: zone.status,
            thresholds: zone.thresholds,
        }
    }

    /// The entry of the register. `path` is where the attributes stand in the body, as a JSON pointer.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn into_zone(self, id: ZoneId, version: u64, path: &str) -> Result<Zone, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut name = self.name.unwrap_or_else(|| id.to_string());
        check_name(&mut name, &format!("{path}/name"), &mut errors);
        if self.source == Source::Counter && !self.spaces.is_empty() {
            errors.push(FieldError::new(format!("{path}/spaces"), "a counted zone has no numbered spaces"));
        }
        if self.capacity.is_some_and(|capacity| capacity > HIGHEST_CAPACITY) {
            errors.push(FieldError::new(format!("{path}/capacity"), format!("at most {HIGHEST_CAPACITY}")));
        }
        for (index, space) in self.spaces.iter().enumerate() {
            check_space(space, &format!("{path}/spaces/{index}"), &mut errors);
        }
        let mut zone = Zone {
            id,
            name,
            source: self.source,
            capacity: self.capacity,
            spaces: self.spaces,
            status: self.status,
            thresholds: self.thresholds,
            version,
        };
        let given = zone.spaces.len();
        zone.sort_spaces();
        if zone.spaces.len() < given {
            errors.push(FieldError::new(format!("{path}/spaces"), "two spaces have the same number"));
        }
        errors.extend(too_large(&zone).map(|message| FieldError::new(format!("{path}/spaces"), message)));
        if errors.is_empty() { Ok(zone) } else { Err(errors) }
    }
}

/// Why a zone cannot be stored, if its spaces do not fit into one item.
pub(super) fn too_large(zone: &Zone) -> Option<String> {
    let bytes = serde_json::to_vec(&zone.spaces).map_or(usize::MAX, |packed| packed.len());
    (bytes > MOST_SPACE_BYTES)
        .then(|| format!("{} spaces with their descriptions are too many for one zone; divide it", zone.spaces.len()))
}

/// The zones of a new place.
///
/// # Errors
/// 422 that names the wrong fields.
pub(super) fn zones(new: Vec<NewZone>) -> Result<Vec<Zone>, Problem> {
    let mut errors = Vec::new();
    if new.len() > MOST_ZONES {
        errors.push(FieldError::new("/zones", format!("at most {MOST_ZONES}")));
    }
    let mut ids = BTreeSet::new();
    let mut zones: Vec<Zone> = Vec::with_capacity(new.len());
    for (index, zone) in new.into_iter().enumerate() {
        if !ids.insert(zone.id.clone()) {
            errors.push(FieldError::new(format!("/zones/{index}/id"), "two zones have the same id"));
        }
        match zone.attributes.into_zone(zone.id, 1, &format!("/zones/{index}")) {
            Ok(zone) => zones.push(zone),
            Err(wrong) => errors.extend(wrong),
        }
    }
    refuse_any(errors)?;
    Ok(zones)
}

/// What can be said of a space; its number is in the path.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct SpaceAttributes {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    rest: serde_json::Map<String, Value>,
}

impl SpaceAttributes {
    /// The entry of the register.
    ///
    /// # Errors
    /// 422 that names the wrong fields.
    pub(super) fn into_space(mut self, number: SpaceNumber) -> Result<Space, Problem> {
        self.rest.insert("number".to_owned(), Value::from(u32::from(number)));
        let space: Space = serde_json::from_value(Value::Object(self.rest))
            .map_err(|error| Problem::invalid(vec![FieldError::new("", error.to_string())]))?;
        let mut errors = Vec::new();
        check_space(&space, "", &mut errors);
        refuse_any(errors)?;
        Ok(space)
    }
}

fn check_space(space: &Space, path: &str, errors: &mut Vec<FieldError>) {
    let mut refuse = |field: &str, message: String| errors.push(FieldError::new(format!("{path}/{field}"), message));
    if space.label.as_ref().is_some_and(|label| label.chars().count() > LONGEST_LABEL) {
        refuse("label", format!("at most {LONGEST_LABEL} characters"));
    }
    if space.sensor_id.as_ref().is_some_and(|id| id.chars().count() > LONGEST_SENSOR_ID) {
        refuse("sensor_id", format!("at most {LONGEST_SENSOR_ID} characters"));
    }
    if space.x.is_some() != space.y.is_some() {
        refuse("x", "x and y belong together".to_owned());
    }
    match (space.lat, space.lon) {
        (None, None) => {}
        (Some(lat), Some(lon)) if Location::new(lat, lon).is_some() => {}
        (Some(_), Some(_)) => refuse("lat", "lat must be from -90 to 90 and lon from -180 to 180".to_owned()),
        _ => refuse("lat", "lat and lon belong together".to_owned()),
    }
}

fn check_name(name: &mut String, path: &str, errors: &mut Vec<FieldError>) {
    *name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        errors.push(FieldError::new(path, format!("1 to {LONGEST_NAME} characters")));
    }
}

fn refuse_any(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// `present` changed by `patch` as RFC 7396 says: null removes, objects merge, anything else replaces.
///
/// # Errors
/// 422 when the result is not a `T`.
pub(super) fn merged<T: Serialize + for<'de> Deserialize<'de>>(present: &T, patch: &Value) -> Result<T, Problem> {
    let mut value = serde_json::to_value(present).map_err(Problem::internal)?;
    merge(&mut value, patch);
    serde_json::from_value(value).map_err(|error| Problem::invalid(vec![FieldError::new("", error.to_string())]))
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    let Value::Object(object) = value else { return };
    for (name, change) in fields {
        if change.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_merge_patch_of_the_rfc() {
        // RFC 7396, appendix A, the cases that matter to objects.
        for (original, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut value = original;
            merge(&mut value, &patch);
            assert_eq!(value, result);
        }
    }

    fn zone(attributes: Value) -> Result<Zone, Vec<FieldError>> {
        let attributes: ZoneAttributes = serde_json::from_value(attributes).unwrap();
        attributes.into_zone("A".parse().unwrap(), 1, "/zones/0")
    }

    #[test]
    fn every_wrong_field_of_a_zone_is_named() {
        let errors = zone(json!({
            "name": " ", "source": "counter", "capacity": 1_000_001,
            "spaces": [{"number": 1, "lat": 91, "lon": 0}, {"number": 1, "x": 1}]
        }));
        let fields: Vec<String> = errors.unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(
            fields,
            [
                "/zones/0/name",
                "/zones/0/spaces",
                "/zones/0/capacity",
                "/zones/0/spaces/0/lat",
                "/zones/0/spaces/1/x",
                "/zones/0/spaces"
            ]
        );
    }

    #[test]
    fn a_zone_is_called_by_its_id_unless_named() {
        assert_eq!(zone(json!({})).unwrap().name, "A");
    }

    #[test]
    fn a_zone_that_does_not_fit_into_an_item_is_refused() {
        let spaces: Vec<Value> = (1..=4000)
            .map(|number| json!({"number": number, "label": "x".repeat(32), "sensor_id": "y".repeat(64)}))
            .collect();
        assert!(zone(json!({ "spaces": spaces })).is_err());
        let spaces: Vec<Value> = (1..=9999).map(|number| json!({"number": number})).collect();
        assert_eq!(
            zone(json!({ "spaces": spaces })).is_ok(),
            too_large(&Zone {
                spaces: (1..=9999_u32).map(|n| Space::numbered(SpaceNumber::try_from(n).unwrap())).collect(),
                ..zone(json!({})).unwrap()
            })
            .is_none()
        );
    }

    #[test]
    fn the_demo_place_is_valid() {
        let place: NewPlace = serde_json::from_str(include_str!("../../../../samples/places/default.json")).unwrap();
        place.attributes.validated(Tz::UTC).unwrap();
        let zones = zones(place.zones).unwrap();
        let numbers: Vec<u16> = zones.iter().flat_map(|zone| &zone.spaces).map(|space| space.number.get()).collect();
        assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
        let mut positions: Vec<String> =
            zones.iter().flat_map(|zone| &zone.spaces).map(|space| format!("{:?},{:?}", space.x, space.y)).collect();
        positions.sort();
        positions.dedup();
        assert_eq!(positions.len(), 24, "no two spaces lie on top of each other");
    }
}
