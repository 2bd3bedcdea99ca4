//! Open-data feeds in the shapes of the field's standards.

mod apds;
mod cds;

use parvis_kit::routes::Routes;
use serde::Serialize;
use utoipa::ToSchema;

use parvis_places::PlaceRecord;

use crate::state::App;

/// The routes of the feeds.
pub fn router() -> Routes<App> {
    Routes::new().merge(apds::router()).merge(cds::router())
}

/// A GeoJSON feature with a point (RFC 7946).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PointFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(example = "Feature")]
    kind: &'static str,
    /// The point.
    geometry: GeoPoint,
    /// Nothing more is told of it.
    properties: NoProperties,
}

/// A GeoJSON point.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GeoPoint {
    /// Always `Point`.
    #[serde(rename = "type")]
    #[schema(example = "Point")]
    kind: &'static str,
    /// Longitude and latitude.
    #[schema(example = json!([2.3744, 48.8443]))]
    coordinates: [f64; 2],
}

/// An empty object.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct NoProperties {}

impl PointFeature {
    fn new(lat: f64, lon: f64) -> Self {
        Self {
            kind: "Feature",
            geometry: GeoPoint { kind: "Point", coordinates: [lon, lat] },
            properties: NoProperties {},
        }
    }
}

/// Where a space is: its own position, or else that of its place.
fn location_of(entry: &PlaceRecord, zone: &str, space: i32) -> Option<PointFeature> {
    let zone = entry.zones.iter().find(|candidate| candidate.id.as_str() == zone);
    let space = zone.and_then(|zone| zone.spaces.iter().find(|candidate| i32::from(candidate.number.get()) == space));
    let own = space.and_then(|space| Some((space.lat?, space.lon?)));
    let place = entry.place.location.map(|location| (location.lat(), location.lon()));
    own.or(place).map(|(lat, lon)| PointFeature::new(lat, lon))
}
