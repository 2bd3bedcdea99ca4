//! What is forecast.

use std::{fmt, str::FromStr};

use parvis_booking::{SiteId, resource::Kind};
use parvis_money::Currency;
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};

/// What a series is about. As text `parking/<place>`, `parking/<place>/<zone>`, `coworking/<site>/<kind>`,
/// `coworking/<site>/revenue-<currency>` or `fed/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// Occupied spaces of a whole car park.
    Place(PlaceId),
    /// Occupied spaces of one of its zones.
    Zone(PlaceId, ZoneId),
    /// What is booked at a site.
    Coworking(SiteId, Measure),
    /// A series that others feed over HTTP, such as arrivals at an emergency department. Its name follows the rule of ids.
    Fed(PlaceId),
}

/// What is measured of the bookings of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Places of a kind that are taken at once.
    Taken(Kind),
    /// What bookings earn, by the hour in which they begin, in units of the currency.
    Revenue(Currency),
}

const REVENUE: &str = "revenue-";

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(kind) => f.write_str(kind.as_str()),
            Self::Revenue(currency) => write!(f, "{REVENUE}{currency}"),
        }
    }
}

impl FromStr for Measure {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let measure = match text.strip_prefix(REVENUE) {
            Some(currency) => currency.parse().ok().map(Self::Revenue),
            None => Kind::from_name(text).map(Self::Taken),
        };
        measure.ok_or_else(|| InvalidSubject(text.to_owned()))
    }
}

/// A text that names no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no series")]
pub struct InvalidSubject(String);

/// What the texts of all parking series begin with.
pub const PARKING: &str = "parking/";
/// What the texts of all series of bookings begin with.
pub const COWORKING: &str = "coworking/";
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

    /// The car park, if it is about one.
    #[must_use]
    pub fn place(&self) -> Option<&PlaceId> {
        match self {
            Self::Place(place) | Self::Zone(place, _) => Some(place),
            Self::Coworking(..) | Self::Fed(_) => None,
        }
    }

    /// The zone, if it is about one.
    #[must_use]
    pub fn zone(&self) -> Option<&ZoneId> {
        match self {
            Self::Zone(_, zone) => Some(zone),
            Self::Place(_) | Self::Coworking(..) | Self::Fed(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => write!(f, "{PARKING}{place}"),
            Self::Zone(place, zone) => write!(f, "{PARKING}{place}/{zone}"),
            Self::Coworking(site, measure) => write!(f, "{COWORKING}{site}/{measure}"),
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
        if let Some(rest) = text.strip_prefix(COWORKING) {
            let (site, measure) = rest.split_once('/').ok_or_else(invalid)?;
            let site = site.parse().map_err(|_| invalid())?;
            return measure.parse().map(|measure| Self::Coworking(site, measure)).map_err(|_| invalid());
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
        for text in [
            "parking/default",
            "parking/default/Zone_A",
            "fed/emergency.arrivals",
            "coworking/parvis/desk",
            "coworking/parvis/revenue-EUR",
        ] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        for text in [
            "default",
            "parking/",
            "parking/a/",
            "parking/a/b/c",
            "fed/",
            "fed/a/b",
            "coworking/a",
            "coworking/a/bed",
            "coworking/a/revenue-XXX",
            "coworking/a/desk/b",
        ] {
            assert_eq!(text.parse::<Subject>(), Err(InvalidSubject(text.to_owned())));
        }
    }
}
