//! The shapes in which places, zones and spaces are told.

use chrono::{DateTime, Utc};
use parvis_parking::alert::next_level;
use parvis_parking::{Connectivity, Level, PlaceId, SpaceNumber, SpaceState, Status, Tally, Thresholds, ZoneId};
use parvis_places::{
    Enrolment, Location, OpenStatus, PlaceRecord, PlaceSummary, Source, Space, SpaceKind, ZoneSummary,
};
use serde::Serialize;
use utoipa::ToSchema;

/// How many spaces are in which state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Occupancy {
    /// Spaces in service.
    #[schema(example = 24)]
    pub total: u32,
    /// Spaces without a vehicle.
    #[schema(example = 8)]
    pub free: u32,
    /// Spaces with a vehicle.
    #[schema(example = 16)]
    pub occupied: u32,
    /// Spaces never heard of.
    #[schema(example = 0)]
    pub unknown: u32,
    /// Occupied per hundred spaces.
    #[schema(example = 66.67)]
    pub rate: f64,
    /// When something was last heard; null before that.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Occupancy {
    fn new(tally: Tally, updated_at: Option<DateTime<Utc>>) -> Self {
        let Tally { total, free, occupied, unknown } = tally;
        Self { total, free, occupied, unknown, rate: tally.rate(), updated_at }
    }

    fn level(&self, thresholds: &Thresholds) -> Level {
        // Hysteresis is for alerts, which remember; a reader is told how full it is now.
        next_level(Level::Normal, self.rate, thresholds)
    }
}

/// A place and its current state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = PlaceNow)]
pub struct PlaceView {
    /// Its id, also in topics.
    #[schema(value_type = String, example = "default")]
    pub id: PlaceId,
    /// Its name, for people.
    #[schema(example = "Parking du Parvis")]
    pub name: String,
    /// Its IANA zone of time.
    #[schema(example = "Europe/Paris")]
    pub timezone: String,
    /// Where it is.
    pub location: Option<Location>,
    /// Postal address.
    pub address: Option<String>,
    /// Whether it takes vehicles.
    pub status: OpenStatus,
    /// Whether sensors that are not in the register are taken.
    pub enrolment: Enrolment,
    /// What `If-Match` takes when the place is changed; 0 while it is not registered.
    #[schema(example = 1)]
    pub version: u64,
    /// Alert thresholds in percent.
    pub thresholds: Thresholds,
    /// All its open zones together; nothing while it is closed.
    pub occupancy: Occupancy,
    /// How full it is, by its thresholds.
    pub level: Level,
    /// Its zones, by id.
    pub zones: Vec<ZoneView>,
    /// Findings for maintenance, stuck counters as last looked for; null while that is not known.
    #[schema(example = 0)]
    pub findings: Option<usize>,
}

impl PlaceView {
    /// A place as it is now.
    #[must_use]
    pub fn new(record: &PlaceRecord, summary: &PlaceSummary, findings: Option<usize>) -> Self {
        let place = &record.place;
        let occupancy = Occupancy::new(summary.tally, summary.updated_at);
        Self {
            id: place.id.clone(),
            name: place.name.clone(),
            timezone: place.timezone.name().to_owned(),
            location: place.location,
            address: place.address.clone(),
            status: place.status,
            enrolment: place.enrolment,
            version: place.version,
            thresholds: place.thresholds,
            level: occupancy.level(&place.thresholds),
            occupancy,
            zones: summary.zones.iter().map(|zone| ZoneView::new(record, zone)).collect(),
            findings,
        }
    }
}

/// A zone and its current state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ZoneNow)]
pub struct ZoneView {
    /// Its id within the place, also in topics.
    #[schema(value_type = String, example = "Zone_A")]
    pub id: ZoneId,
    /// Its name, for people.
    #[schema(example = "Zone A")]
    pub name: String,
    /// How its occupancy is known.
    pub source: Source,
    /// Whether it takes vehicles.
    pub status: OpenStatus,
    /// Its registered capacity, if it is counted.
    pub capacity: Option<u32>,
    /// What `If-Match` takes when the zone or its spaces are changed; 0 while it is not registered.
    #[schema(example = 1)]
    pub version: u64,
    /// Its alert thresholds in percent: its own, or else the place's.
    pub thresholds: Thresholds,
    /// Its spaces in sum, also while it is closed and has no part in the place's.
    pub occupancy: Occupancy,
    /// How full it is, by its thresholds.
    pub level: Level,
}

impl ZoneView {
    /// A zone as it is now.
    #[must_use]
    pub fn new(record: &PlaceRecord, summary: &ZoneSummary) -> Self {
        let zone = record.zone(&summary.zone);
        let thresholds = record.thresholds(Some(&summary.zone));
        let occupancy = Occupancy::new(summary.tally, summary.updated_at);
        Self {
            id: summary.zone.clone(),
            name: zone.map_or_else(|| summary.zone.to_string(), |zone| zone.name.clone()),
            source: summary.source,
            status: zone.map_or(OpenStatus::Open, |zone| zone.status),
            capacity: zone.and_then(|zone| zone.capacity),
            version: zone.map_or(0, |zone| zone.version),
            thresholds,
            level: occupancy.level(&thresholds),
            occupancy,
        }
    }
}

/// Whether a space is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpaceStatus {
    /// No vehicle.
    Free,
    /// A vehicle.
    Occupied,
    /// Never heard of.
    Unknown,
}

impl From<Option<Status>> for SpaceStatus {
    fn from(status: Option<Status>) -> Self {
        status.map_or(Self::Unknown, |status| match status {
            Status::Free => Self::Free,
            Status::Occupied => Self::Occupied,
        })
    }
}

/// Whether a sensor can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpaceConnectivity {
    /// Heard within the configured time.
    Online,
    /// Silent for longer.
    Lost,
    /// Never heard.
    Unknown,
}

/// A space and its current state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SpaceNow)]
pub struct SpaceView {
    /// Its zone.
    #[schema(value_type = String, example = "Zone_A")]
    pub zone: ZoneId,
    /// Its number within the zone, also in topics.
    #[schema(value_type = u32, minimum = 1, maximum = 9999, example = 3)]
    pub number: SpaceNumber,
    /// What is written on the ground, if it is not the number.
    pub label: Option<String>,
    /// For whom or what it is.
    pub kind: SpaceKind,
    /// Whether it is free.
    pub status: SpaceStatus,
    /// Since when, by the sensor's clock.
    pub since: Option<DateTime<Utc>>,
    /// When the sensor was last heard.
    pub seen_at: Option<DateTime<Utc>>,
    /// How sure the sensor is, 0 to 1.
    #[schema(example = 0.95)]
    pub confidence: Option<f64>,
    /// Its battery in percent.
    #[schema(example = 88)]
    pub battery: Option<u8>,
    /// Whether the sensor can be heard.
    pub connectivity: SpaceConnectivity,
    /// Out of use.
    pub closed: bool,
    /// Position on the plan.
    pub x: Option<f64>,
    /// Position on the plan.
    pub y: Option<f64>,
    /// Degrees north, WGS 84.
    pub lat: Option<f64>,
    /// Degrees east, WGS 84.
    pub lon: Option<f64>,
}

impl SpaceView {
    /// A space of the register, of the live state, or of both.
    #[must_use]
    pub fn new(zone: &ZoneId, number: SpaceNumber, space: Option<&Space>, state: Option<&SpaceState>) -> Self {
        Self {
            zone: zone.clone(),
            number,
            label: space.and_then(|space| space.label.clone()),
            kind: space.map_or_else(SpaceKind::default, |space| space.kind),
            status: state.and_then(SpaceState::status).into(),
            since: state.and_then(SpaceState::since),
            seen_at: state.map(SpaceState::seen_at),
            confidence: state.and_then(SpaceState::confidence).map(|percent| f64::from(percent) / 100.0),
            battery: state.and_then(SpaceState::battery),
            connectivity: state.map_or(SpaceConnectivity::Unknown, |state| match state.connectivity() {
                Connectivity::Online => SpaceConnectivity::Online,
                Connectivity::Lost => SpaceConnectivity::Lost,
            }),
            closed: space.is_some_and(|space| space.closed),
            x: space.and_then(|space| space.x),
            y: space.and_then(|space| space.y),
            lat: space.and_then(|space| space.lat),
            lon: space.and_then(|space| space.lon),
        }
    }
}
