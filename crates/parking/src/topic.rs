//! The grammar of device topics.
//!
//! ```text
//! topic   = [ place "/" ] "parking/" zone "/" rest
//! rest    = space | "counter" | space "/heartbeat" | ( space | camera ) "/plate"
//! space   = "place_" number          ; the field protocol calls a space "place"
//! ```

use crate::ids::{InvalidId, PlaceId, SpaceNumber, ZoneId};
use crate::message::Spot;
use crate::refusal::{Refusal, RefusalCode};

/// The word that separates the place from its zones.
pub const PARKING: &str = "parking";

/// A topic, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The place, which is the default one when the topic names none.
    pub place: PlaceId,
    /// The zone.
    pub zone: ZoneId,
    /// What the message is about.
    pub subject: Subject,
}

/// What a topic's message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The state of a space.
    Space(SpaceNumber),
    /// The zone's counter.
    Counter,
    /// A sign of life of a space's sensor.
    Heartbeat(SpaceNumber),
    /// A plate seen.
    Plate(Spot),
}

impl Subject {
    /// The space concerned, if it is one.
    #[must_use]
    pub fn space(&self) -> Option<SpaceNumber> {
        match self {
            Self::Space(space) | Self::Heartbeat(space) | Self::Plate(Spot::Space(space)) => Some(*space),
            Self::Counter | Self::Plate(Spot::Camera(_)) => None,
        }
    }
}

impl Topic {
    /// Reads a topic.
    ///
    /// # Errors
    /// [`RefusalCode::UnknownTopic`].
    pub fn parse(topic: &str, default_place: &PlaceId) -> Result<Self, Refusal> {
        let (place, rest) = match topic.split_once('/') {
            Some((PARKING, rest)) => (default_place.clone(), rest),
            Some((place, rest)) => {
                let rest =
                    rest.strip_prefix("parking/").ok_or_else(|| unknown("expected [<place>/]parking/<zone>/..."))?;
                (place.parse().map_err(invalid)?, rest)
            }
            None => return Err(unknown("expected [<place>/]parking/<zone>/...")),
        };
        let segments: Vec<&str> = rest.split('/').collect();
        let (zone, subject) = match segments[..] {
            [zone, "counter"] => (zone, Subject::Counter),
            [zone, space] => (zone, Subject::Space(space_number(space)?)),
            [zone, space, "heartbeat"] => (zone, Subject::Heartbeat(space_number(space)?)),
            [zone, spot, "plate"] => (zone, Subject::Plate(parse_spot(spot)?)),
            _ => {
                return Err(unknown("expected place_<n>, counter, place_<n>/heartbeat or <spot>/plate after the zone"));
            }
        };
        Ok(Self { place, zone: zone.parse().map_err(invalid)?, subject })
    }
}

fn unknown(detail: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::UnknownTopic, detail)
}

fn invalid(error: InvalidId) -> Refusal {
    unknown(error.to_string())
}

fn space_number(segment: &str) -> Result<SpaceNumber, Refusal> {
    segment
        .strip_prefix("place_")
        .ok_or_else(|| unknown(format!("`{segment}` is not place_<n>")))?
        .parse()
        .map_err(invalid)
}

/// A space or, whatever else it is called, a camera.
fn parse_spot(segment: &str) -> Result<Spot, Refusal> {
    if segment.starts_with("place_") {
        space_number(segment).map(Spot::Space)
    } else {
        // Cameras are named like zones: the same alphabet keeps `#` and `/` out of keys.
        let id: ZoneId = segment.parse().map_err(invalid)?;
        Ok(Spot::Camera(id.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(topic: &str) -> Result<Topic, RefusalCode> {
        Topic::parse(topic, &"default".parse().unwrap()).map_err(|r| r.code)
    }

    #[test]
    fn topics_with_and_without_place() {
        let topic = parse("parking/Zone_A/place_3").unwrap();
        assert_eq!((topic.place.as_str(), topic.zone.as_str()), ("default", "Zone_A"));
        assert_eq!(topic.subject.space().unwrap().get(), 3);

        let topic = parse("antigone/parking/main/counter").unwrap();
        assert_eq!((topic.place.as_str(), topic.zone.as_str()), ("antigone", "main"));
        assert_eq!(topic.subject, Subject::Counter);

        let heartbeat = parse("antigone/parking/a/place_12/heartbeat").unwrap();
        assert!(matches!(heartbeat.subject, Subject::Heartbeat(n) if n.get() == 12));
        let plate = parse("parking/a/north-gate/plate").unwrap();
        assert_eq!(plate.subject, Subject::Plate(Spot::Camera("north-gate".into())));
        assert!(parse("parking/a/place_1/plate").unwrap().subject.space().is_some());
    }

    #[test]
    fn everything_else_is_unknown() {
        for topic in [
            "",
            "parking",
            "parking/summary",
            "parking/Zone_A/place_0",
            "parking/Zone_A/place_10000",
            "parking/Zone_A/place_x",
            "parking/Zone_A/lamp",
            "parking//place_1",
            "parking/Zone_A/place_1/",
            "parking/Zone_A/place_1/battery",
            "parking/Zone_A/place_0/plate",
            "parking/parking/place_1",
            "a/b/c/d",
            "/parking/Zone_A/place_1",
            "$aws/parking/Zone_A/place_1",
            "a/parking/b/place_1/plate/x",
        ] {
            assert_eq!(parse(topic), Err(RefusalCode::UnknownTopic), "{topic}");
        }
    }
}
