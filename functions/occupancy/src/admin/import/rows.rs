//! Rows of an import: the same fields whether they come from a CSV line or a GeoJSON feature, turned into types.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use parvis_kit::problem::FieldError;
use parvis_parking::{PlaceId, SpaceNumber, ZoneId};
use parvis_places::{Location, SpaceKind};

use crate::admin::input::{HIGHEST_CAPACITY, LONGEST_LABEL, LONGEST_NAME, LONGEST_SENSOR_ID};

/// Limit of both coordinates; the tighter one of latitudes is the type's.
const DEGREES: f64 = 180.0;
/// Limit of positions on a plan, in whatever unit.
const PLAN: f64 = 1_000_000.0;

/// Where a row stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a CSV file; the header is line 1.
    Line(u64),
    /// A feature of a GeoJSON collection, from 0.
    Feature(usize),
}

impl Origin {
    /// The name of a field of this row in a list of errors.
    #[must_use]
    pub fn field(self, name: &str) -> String {
        match (self, name) {
            (Self::Feature(_), "") | (Self::Line(_), "") => self.to_string(),
            (Self::Line(line), name) => format!("line {line}, {name}"),
            (Self::Feature(index), "lat" | "lon") => format!("/features/{index}/geometry/coordinates"),
            (Self::Feature(index), name) => format!("/features/{index}/properties/{name}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Feature(index) => write!(f, "/features/{index}"),
        }
    }
}

/// A row as text.
#[derive(Clone, Debug)]
pub struct RawRow {
    /// Where it stands.
    pub origin: Origin,
    /// Its fields that are not empty.
    pub fields: BTreeMap<String, String>,
}

/// A row that makes or changes a numbered space.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceRow {
    /// Where it stands.
    pub origin: Origin,
    /// The place, which must exist or be in the same file.
    pub place: PlaceId,
    /// The zone; made when it does not exist.
    pub zone: ZoneId,
    /// The space's number.
    pub number: SpaceNumber,
    /// What is painted on it.
    pub label: Option<String>,
    /// For whom it is.
    pub kind: SpaceKind,
    /// Where it is.
    pub position: Option<Location>,
    /// Position on the plan, in metres.
    pub plan: Option<(f64, f64)>,
    /// The sensor mounted there.
    pub sensor_id: Option<String>,
}

/// A row that makes or changes a counted car park: a place with one zone.
#[derive(Clone, Debug, PartialEq)]
pub struct CarParkRow {
    /// Where it stands.
    pub origin: Origin,
    /// The place.
    pub place: PlaceId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub position: Option<Location>,
    /// Spaces in total; what its counter says if absent.
    pub capacity: Option<u32>,
    /// The zone of time of the place's clock.
    pub timezone: Option<Tz>,
}

/// A row of either form.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A numbered space.
    Space(SpaceRow),
    /// A counted car park.
    CarPark(CarParkRow),
}

/// Turns raw rows into types, or lists everything that is wrong with any of them.
///
/// # Errors
/// One entry per wrong field of each row.
pub fn typed(rows: Vec<RawRow>) -> Result<Vec<Row>, Vec<FieldError>> {
    let mut errors = Vec::new();
    let rows = rows.into_iter().filter_map(|raw| Reader { raw, errors: &mut errors }.row()).collect();
    if errors.is_empty() { Ok(rows) } else { Err(errors) }
}

/// Reads the fields of one row and collects what is wrong with them.
struct Reader<'e> {
    raw: RawRow,
    errors: &'e mut Vec<FieldError>,
}

impl Reader<'_> {
    fn row(mut self) -> Option<Row> {
        // A row with a number is a space; the forms cannot be mixed up, since a car park has none.
        if self.raw.fields.contains_key("number") {
            self.space().map(Row::Space)
        } else {
            self.car_park().map(Row::CarPark)
        }
    }

    fn space(&mut self) -> Option<SpaceRow> {
        let place = self.required("place");
        let zone = self.required("zone");
        let number = self.required("number");
        let kind = self.kind();
        let position = self.position();
        let plan = self.pair("x", "y", PLAN);
        let label = self.text("label", LONGEST_LABEL);
        let sensor_id = self.text("sensor_id", LONGEST_SENSOR_ID);
        Some(SpaceRow {
            origin: self.raw.origin,
            place: place?,
            zone: zone?,
            number: number?,
            label: label?,
            kind: kind?,
            position: position?,
            plan: plan?,
            sensor_id: sensor_id?,
        })
    }

    fn car_park(&mut self) -> Option<CarParkRow> {
        let place = self.required("place");
        let name = self.required_name();
        let capacity = self.capacity();
        let position = self.position();
        let timezone = self.optional("timezone");
        Some(CarParkRow {
            origin: self.raw.origin,
            place: place?,
            name: name?,
            position: position?,
            capacity: capacity?,
            timezone: timezone?,
        })
    }

    fn refuse<T>(&mut self, field: &str, message: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError::new(self.raw.origin.field(field), message));
        None
    }

    /// `None` when the field is wrong, and `Some(None)` when it is absent.
    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    fn optional<T>(&mut self, field: &str) -> Option<Option<T>>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.raw.fields.get(field).map(|text| text.parse()) {
            None => Some(None),
            Some(Ok(value)) => Some(Some(value)),
            Some(Err(error)) => self.refuse(field, error.to_string()),
        }
    }

    fn required<T>(&mut self, field: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.optional(field)? {
            Some(value) => Some(value),
            None => self.refuse(field, "is missing"),
        }
    }

    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    fn text(&mut self, field: &str, longest: usize) -> Option<Option<String>> {
        match self.raw.fields.get(field) {
            Some(text) if text.chars().count() > longest => self.refuse(field, format!("at most {longest} characters")),
            text => Some(text.cloned()),
        }
    }

    fn required_name(&mut self) -> Option<String> {
        match self.text("name", LONGEST_NAME)? {
            Some(name) => Some(name),
            None => self.refuse("name", "is missing"),
        }
    }

    fn kind(&mut self) -> Option<SpaceKind> {
        let Some(kind) = self.raw.fields.get("kind") else { return Some(SpaceKind::Standard) };
        match serde_json::from_value(serde_json::Value::String(kind.clone())) {
            Ok(kind) => Some(kind),
            Err(error) => self.refuse("kind", error.to_string()),
        }
    }

    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    fn capacity(&mut self) -> Option<Option<u32>> {
        match self.optional("capacity")? {
            Some(capacity) if capacity > HIGHEST_CAPACITY => {
                self.refuse("capacity", format!("at most {HIGHEST_CAPACITY}"))
            }
            capacity => Some(capacity),
        }
    }

    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    fn position(&mut self) -> Option<Option<Location>> {
        match self.pair("lat", "lon", DEGREES)?.map(|(lat, lon)| Location::new(lat, lon)) {
            None => Some(None),
            Some(Some(location)) => Some(Some(location)),
            Some(None) => self.refuse("lat", "lat must be from -90 to 90 and lon from -180 to 180"),
        }
    }

    /// Two numbers that only make sense together, both within `limit` of zero.
    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    fn pair(&mut self, first: &str, second: &str, limit: f64) -> Option<Option<(f64, f64)>> {
        let (a, b) = (self.number(first, limit), self.number(second, limit));
        match (a?, b?) {
            (Some(a), Some(b)) => Some(Some((a, b))),
            (None, None) => Some(None),
            (Some(_), None) => self.refuse(second, format!("is missing beside {first}")),
            (None, Some(_)) => self.refuse(first, format!("is missing beside {second}")),
        }
    }

    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    fn number(&mut self, field: &str, limit: f64) -> Option<Option<f64>> {
        match self.optional::<f64>(field)? {
            // Also refuses what is not a number: text like `NaN` parses as one.
            Some(value) if !(-limit..=limit).contains(&value) => {
                self.refuse(field, format!("must lie between -{limit} and {limit}"))
            }
            value => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, fields: &[(&str, &str)]) -> RawRow {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RawRow { origin: Origin::Line(line), fields }
    }

    #[test]
    fn a_row_with_a_number_is_a_space_and_one_without_a_car_park() {
        let space = row(
            2,
            &[("place", "p"), ("zone", "Z"), ("number", "7"), ("kind", "electric"), ("lat", "43.6"), ("lon", "3.8")],
        );
        let car_park = row(3, &[("place", "q"), ("name", "Q"), ("capacity", "480"), ("timezone", "Europe/Paris")]);
        let rows = typed(vec![space, car_park]).unwrap();
        let [Row::Space(space), Row::CarPark(car_park)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(
            (space.number.get(), space.kind, space.position),
            (7, SpaceKind::Electric, Location::new(43.6, 3.8))
        );
        assert_eq!((car_park.capacity, car_park.timezone), (Some(480), Some(Tz::Europe__Paris)));
    }

    #[test]
    fn every_wrong_field_of_every_row_is_named() {
        let errors = typed(vec![
            row(2, &[("place", "a b"), ("zone", "Z"), ("number", "0"), ("kind", "spaceship")]),
            row(
                3,
                &[
                    ("place", "p"),
                    ("zone", "Z"),
                    ("number", "1"),
                    ("lat", "91"),
                    ("lon", "0"),
                    ("x", "NaN"),
                    ("y", "1"),
                ],
            ),
            row(4, &[("place", "q"), ("capacity", "-1"), ("timezone", "Mars/Olympus"), ("lat", "1")]),
        ]);
        let fields: Vec<String> = errors.unwrap_err().into_iter().map(|error| error.field).collect();
        insta::assert_snapshot!(fields.join("\n"), @r"
        line 2, place
        line 2, number
        line 2, kind
        line 3, lat
        line 3, x
        line 4, name
        line 4, capacity
        line 4, lon
        line 4, timezone
        ");
    }

    #[test]
    fn features_are_named_as_json_pointers() {
        let origin = Origin::Feature(3);
        assert_eq!(origin.field("kind"), "/features/3/properties/kind");
        assert_eq!(origin.field("lat"), "/features/3/geometry/coordinates");
    }
}
