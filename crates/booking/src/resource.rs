//! What can be booked.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::opening::OpeningHours;
use crate::pricing::RateCard;
use crate::{PolicyId, PoolId, ResourceId, SiteId};

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A room for several people.
    Room,
    /// A desk of one person.
    Desk,
    /// A place for many: a lounge, a workshop, a kitchen.
    Shared,
    /// A parking space.
    Parking,
    /// A thing: a printer, a locker, a projector.
    Equipment,
}

impl Kind {
    /// The kind's name in the database and in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Desk => "desk",
            Self::Shared => "shared",
            Self::Parking => "parking",
            Self::Equipment => "equipment",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Room, Self::Desk, Self::Shared, Self::Parking, Self::Equipment]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// A building or campus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// For people.
    pub name: String,
    /// IANA zone of its clocks.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "Europe/Paris"))]
    pub timezone: Tz,
    /// Street and town.
    #[serde(default)]
    pub address: Option<String>,
    /// Opening hours of what has none of its own.
    #[serde(default)]
    pub opening: OpeningHours,
}

/// The sensor that sees whether somebody is there: a space of the parking context's live state, whatever it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// Place in the live state.
    pub place: String,
    /// Zone of the place.
    pub zone: String,
    /// Number in the zone.
    pub space: u32,
}

/// Where a resource is drawn on its floor's plan, in percent of the plan's width and height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanPosition {
    /// From the left, 0 to 100.
    pub x: f64,
    /// From the top, 0 to 100.
    pub y: f64,
}

/// A room, desk, shared place, parking space or piece of equipment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// Where it is.
    pub site: SiteId,
    /// What it is.
    pub kind: Kind,
    /// For people.
    pub name: String,
    /// The rules that hold for it.
    pub policy: PolicyId,
    /// Resources of one pool are interchangeable: a wish for the pool gets any of them. A pool holds one resource per seat or
    /// piece, so that the database can keep two bookings apart.
    #[serde(default)]
    pub pool: Option<PoolId>,
    /// Floor, as people call it.
    #[serde(default)]
    pub floor: Option<String>,
    /// Part of the floor.
    #[serde(default)]
    pub section: Option<String>,
    /// People it is made for.
    #[serde(default = "one")]
    pub capacity: u32,
    /// What it has: `screen`, `whiteboard`, `charger`.
    #[serde(default)]
    pub features: Vec<String>,
    /// Whether a wheelchair gets there and fits.
    #[serde(default)]
    pub accessible: bool,
    /// Addresses of pictures.
    #[serde(default)]
    pub photos: Vec<String>,
    /// What people should know.
    #[serde(default)]
    pub description: Option<String>,
    /// Its own opening hours; the site's when there are none.
    #[serde(default)]
    pub opening: Option<OpeningHours>,
    /// What it costs; nothing when there is no card.
    #[serde(default)]
    pub rates: Option<RateCard>,
    /// The sensor that sees whether somebody is there.
    #[serde(default)]
    pub sensor: Option<Sensor>,
    /// Where it is drawn.
    #[serde(default)]
    pub plan: Option<PlanPosition>,
    /// Out of service: what is booked stays, nothing new is taken.
    #[serde(default)]
    pub closed: bool,
}

const fn one() -> u32 {
    1
}

impl Resource {
    /// What is wrong with it, as pairs of field and message.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.name.trim().is_empty() || self.name.chars().count() > 200 {
            faults.push(("/name", "must have 1 to 200 characters".to_owned()));
        }
        if self.capacity == 0 || self.capacity > 100_000 {
            faults.push(("/capacity", "must be 1 to 100000".to_owned()));
        }
        if self.features.iter().any(|feature| feature.is_empty() || feature.len() > 64) {
            faults.push(("/features", "each must have 1 to 64 bytes".to_owned()));
        }
        if self.photos.iter().any(|photo| !photo.starts_with("https://") && !photo.starts_with('/')) {
            faults.push(("/photos", "must be https:// addresses or paths of this site".to_owned()));
        }
        if self.plan.is_some_and(|at| !(0.0..=100.0).contains(&at.x) || !(0.0..=100.0).contains(&at.y)) {
            faults.push(("/plan", "x and y are percent of the plan, 0 to 100".to_owned()));
        }
        faults.extend(self.opening.iter().flat_map(OpeningHours::faults));
        faults.extend(self.rates.iter().flat_map(RateCard::faults));
        faults
    }
}

/// Resources of which anyone will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourcePool {
    /// Its id.
    pub id: PoolId,
    /// Where it is.
    pub site: SiteId,
    /// For people: "Any desk on floor 2".
    pub name: String,
    /// What its members are.
    pub kind: Kind,
}

/// What an item of a booking asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// This very resource.
    Resource(ResourceId),
    /// Any free one of this pool.
    Pool(PoolId),
}
