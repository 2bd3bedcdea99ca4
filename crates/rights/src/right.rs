//! A right of one plate.

use chrono::{DateTime, Utc};
use parvis_parking::plate::PlateHash;
use parvis_parking::{SpaceNumber, ZoneId};
use parvis_tariffs::Qualification;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::series::SeriesId;

/// What a right is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RightKind {
    /// A paid stay.
    Session,
    /// A permit.
    Permit {
        /// Whose.
        permit: PermitKind,
    },
    /// Need not pay: emergency services, the city's own vehicles, registered holders of a disability card.
    Exemption,
    /// A space that was booked.
    Booking,
}

/// Whose permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermitKind {
    /// Lives in the zone.
    Resident,
    /// Works in the zone.
    Professional,
    /// Care worker on home visits.
    CareWorker,
}

impl PermitKind {
    /// The right under which its holder is charged, where a tariff has a rate for it.
    #[must_use]
    pub fn qualification(self) -> Qualification {
        match self {
            Self::Resident => Qualification::Resident,
            Self::Professional => Qualification::Professional,
            Self::CareWorker => Qualification::CareWorker,
        }
    }
}

/// A parking space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Its zone.
    pub zone: ZoneId,
    /// Its number in the zone.
    pub number: SpaceNumber,
}

/// Where a right holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "area", rename_all = "snake_case")]
pub enum Where {
    /// Anywhere in these zones.
    Zones {
        /// The zones.
        zones: Vec<ZoneId>,
    },
    /// On some spaces only.
    Spaces {
        /// The spaces.
        spaces: Vec<Space>,
    },
}

impl Where {
    /// True when the right holds in a zone; a right to spaces needs the space to be known and one of them.
    #[must_use]
    pub fn holds_at(&self, zone: &ZoneId, space: Option<SpaceNumber>) -> bool {
        match self {
            Self::Zones { zones } => zones.contains(zone),
            Self::Spaces { spaces } => spaces.iter().any(|own| own.zone == *zone && space == Some(own.number)),
        }
    }
}

/// A time during which a right holds, from `start` until before `end` (APDS: Segment).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// From.
    pub start: DateTime<Utc>,
    /// Until.
    pub end: DateTime<Utc>,
}

impl Segment {
    /// True when the instant lies within.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }

    /// True when both share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A right of one plate (APDS: AssignedRight).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedRight {
    /// Made by the client that assigned it.
    pub id: Uuid,
    /// Rises with every change.
    pub version: u32,
    /// The plate's keyed hash.
    pub plate: PlateHash,
    /// What it is.
    #[serde(flatten)]
    pub kind: RightKind,
    /// Where it holds.
    pub place: Where,
    /// When it holds.
    pub segments: Vec<Segment>,
    /// The series of permits it belongs to: it holds only while the series is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesId>,
}

impl AssignedRight {
    /// From when until when it holds, pauses between its segments included.
    #[must_use]
    pub fn bounds(&self) -> Option<Segment> {
        Some(Segment { start: self.segments.first()?.start, end: self.segments.last()?.end })
    }

    /// The right as it has held until `at`, and holds no more; `None` when it has not begun by then.
    #[must_use]
    pub fn cut(&self, at: DateTime<Utc>) -> Option<Self> {
        let past = self.segments.iter().filter(|segment| segment.start < at);
        let segments: Vec<Segment> = past.map(|segment| Segment { end: segment.end.min(at), ..*segment }).collect();
        if segments.is_empty() {
            return None;
        }
        let version = if segments == self.segments { self.version } else { self.version + 1 };
        Some(Self { version, segments, ..self.clone() })
    }
}
