//! The register's types.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_parking::{PlaceId, RefusalCode, SpaceNumber, Thresholds, ZoneId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A car park or a site (APDS: Place).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Its id, also in topics.
    pub id: PlaceId,
    /// Its name, for people.
    pub name: String,
    /// IANA time zone; device timestamps without an offset are read in it.
    #[schema(value_type = String, example = "Europe/Paris")]
    pub timezone: Tz,
    /// Where it is.
    #[serde(default)]
    pub location: Option<Location>,
    /// Postal address.
    #[serde(default)]
    pub address: Option<String>,
    /// Whether sensors that are not in the register are taken.
    #[serde(default)]
    pub enrolment: Enrolment,
    /// Alert thresholds, also of its zones unless they have their own.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Whether it takes vehicles.
    #[serde(default)]
    pub status: OpenStatus,
    /// Counts the changes, from 1; every change is conditional on it.
    pub version: u64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub modified_at: DateTime<Utc>,
}

/// A point on the map, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "UncheckedLocation")]
pub struct Location {
    #[schema(minimum = -90, maximum = 90, example = 43.6087)]
    lat: f64,
    #[schema(minimum = -180, maximum = 180, example = 3.8888)]
    lon: f64,
}

#[derive(Deserialize)]
struct UncheckedLocation {
    lat: f64,
    lon: f64,
}

impl TryFrom<UncheckedLocation> for Location {
    type Error = &'static str;

    fn try_from(raw: UncheckedLocation) -> Result<Self, Self::Error> {
        Self::new(raw.lat, raw.lon).ok_or("lat must be from -90 to 90 and lon from -180 to 180")
    }
}

impl Location {
    /// A point, in degrees; `None` outside the globe.
    #[must_use]
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Self { lat, lon })
    }

    /// Degrees north.
    #[must_use]
    pub fn lat(&self) -> f64 {
        self.lat
    }

    /// Degrees east.
    #[must_use]
    pub fn lon(&self) -> f64 {
        self.lon
    }
}

/// Whether sensors that are not in the register are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Enrolment {
    /// Unknown zones and spaces are accepted, and appear with their first message.
    Open,
    /// They are refused.
    #[default]
    Closed,
}

/// Whether a place or a zone takes vehicles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OpenStatus {
    /// It does.
    #[default]
    Open,
    /// It does not: its spaces count in no total.
    Closed,
}

/// A part of a place (APDS: IdentifiedArea).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Zone {
    /// Its id within the place, also in topics.
    pub id: ZoneId,
    /// Its name, for people.
    pub name: String,
    /// How its occupancy is known.
    #[serde(default)]
    pub source: Source,
    /// Its spaces, if it is counted. Overrules what the counter says.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// Its registered spaces, by number.
    #[serde(default)]
    pub spaces: Vec<Space>,
    /// Whether it takes vehicles.
    #[serde(default)]
    pub status: OpenStatus,
    /// Its own alert thresholds.
    #[serde(default)]
    pub thresholds: Option<Thresholds>,
    /// Counts the changes, from 1; every change is conditional on it.
    pub version: u64,
}

impl Zone {
    /// A registered space.
    #[must_use]
    pub fn space(&self, number: SpaceNumber) -> Option<&Space> {
        self.spaces.binary_search_by_key(&number, |space| space.number).ok().map(|position| &self.spaces[position])
    }

    /// Whether a space is registered as closed.
    #[must_use]
    pub fn is_closed(&self, number: SpaceNumber) -> bool {
        self.space(number).is_some_and(|space| space.closed)
    }

    /// Puts the spaces into the order of their numbers, the last one of a number winning.
    pub fn sort_spaces(&mut self) {
        self.spaces.reverse();
        self.spaces.sort_by_key(|space| space.number);
        self.spaces.dedup_by_key(|space| space.number);
    }
}

/// How a zone's occupancy is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A sensor per space.
    #[default]
    Spaces,
    /// A counter for the zone.
    Counter,
}

/// A space (bay).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Space {
    /// Its number within the zone, also in topics.
    pub number: SpaceNumber,
    /// What is written on the ground, if it is not the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// For whom or what it is.
    #[serde(default)]
    pub kind: SpaceKind,
    /// Position on the plan, in the plan's own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// Position on the plan, in the plan's own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
    /// Degrees north, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees east, WGS 84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// The sensor's own identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor_id: Option<String>,
    /// Out of use: it counts in no total.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

impl Space {
    /// An open standard space of which only the number is known.
    #[must_use]
    pub fn numbered(number: SpaceNumber) -> Self {
        Self {
            number,
            label: None,
            kind: SpaceKind::default(),
            x: None,
            y: None,
            lat: None,
            lon: None,
            sensor_id: None,
            closed: false,
        }
    }
}

/// For whom or what a space is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpaceKind {
    /// Everybody.
    #[default]
    Standard,
    /// Holders of a disability card.
    Disabled,
    /// Electric vehicles that charge.
    Electric,
    /// Motorcycles and scooters.
    Motorcycle,
    /// Deliveries.
    Delivery,
}

/// A place with its zones.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceRecord {
    /// The place.
    pub place: Place,
    /// Its registered zones, by id.
    pub zones: Vec<Zone>,
}

impl PlaceRecord {
    /// A registered zone.
    #[must_use]
    pub fn zone(&self, id: &ZoneId) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.id == *id)
    }

    /// The alert thresholds of the place, or of a zone.
    #[must_use]
    pub fn thresholds(&self, zone: Option<&ZoneId>) -> Thresholds {
        zone.and_then(|id| self.zone(id)).and_then(|zone| zone.thresholds).unwrap_or(self.place.thresholds)
    }

    /// Whether the place takes messages of a zone and, if given, of a space.
    ///
    /// # Errors
    /// The code of the refusal.
    pub fn admit(&self, zone: &ZoneId, space: Option<SpaceNumber>) -> Result<(), RefusalCode> {
        if self.place.enrolment == Enrolment::Open {
            return Ok(());
        }
        let zone = self.zone(zone).ok_or(RefusalCode::UnknownZone)?;
        match space {
            Some(number) if zone.space(number).is_none() => Err(RefusalCode::UnknownSpace),
            _ => Ok(()),
        }
    }
}
