//! What is forecast.

use std::{fmt, str::FromStr};

use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};

/// What a series is about. As text `parking/<place>`, `parking/<place>/<zone>` or `fed/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// Occupied spaces of a whole car park.
    Place(PlaceId),
    /// Occupied spaces of one of its zones.
    Zone(PlaceId, ZoneId),
    /// A series that others feed over HTTP, such as arrivals at an emergency department. Its name follows the rule of ids.
    Fed(PlaceId),
}

/// A text that names no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no series")]
pub struct InvalidSubject(String);

/// What the texts of all parking series begin with.
pub const PARKING: &str = "parking/";
/// What the texts of all fed series begin with.
pub const FED: &str = "fed/";

impl Subject {
    /// The series of a place, or of one of its zones.
    #[must_use]
    pub fn parking(place: PlaceId, zone: Option<ZoneId>) -> Self {
        match zone {
            Some(zone) => Self::Zone(place, zone),
            None => Self::Place(place),
        }
    }

    /// The car park, unless the series is fed.
    #[must_use]
    pub fn place(&self) -> Option<&PlaceId> {
        match self {
            Self::Place(place) | Self::Zone(place, _) => Some(place),
            Self::Fed(_) => None,
        }
    }

    /// The zone, if it is about one.
    #[must_use]
    pub fn zone(&self) -> Option<&ZoneId> {
        match self {
            Self::Zone(_, zone) => Some(zone),
            Self::Place(_) | Self::Fed(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => write!(f, "{PARKING}{place}"),
            Self::Zone(place, zone) => write!(f, "{PARKING}{place}/{zone}"),
            Self::Fed(name) => write!(f, "{FED}{name}"),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let invalid = || InvalidSubject(text.to_owned());
        if let Some(name) = text.strip_prefix(FED) {
            return name.parse().map(Self::Fed).map_err(|_| invalid());
        }
        let rest = text.strip_prefix(PARKING).ok_or_else(invalid)?;
        match rest.split_once('/') {
            Some((place, zone)) => {
                Ok(Self::Zone(place.parse().map_err(|_| invalid())?, zone.parse().map_err(|_| invalid())?))
            }
            None => rest.parse().map(Self::Place).map_err(|_| invalid()),
        }
    }
}

impl TryFrom<String> for Subject {
    type Error = InvalidSubject;

    fn try_from(text: String) -> Result<Self, InvalidSubject> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_round_trip() {
        for text in ["parking/default", "parking/default/Zone_A", "fed/emergency.arrivals"] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        for text in ["default", "parking/", "parking/a/", "parking/a/b/c", "fed/", "fed/a/b", "coworking/a"] {
            assert_eq!(text.parse::<Subject>(), Err(InvalidSubject(text.to_owned())));
        }
    }
}
