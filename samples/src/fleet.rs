//! The layout of a simulated fleet: places, zones and numbered spaces, and the MQTT topics of its sensors.

use chrono_tz::Tz;

/// One zone of a place with the numbers of its spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Zone id as it stands in topics, e.g. `Zone_A`.
    pub id: String,
    /// First space number.
    pub first: u32,
    /// How many spaces, numbered consecutively from `first`.
    pub spaces: u32,
}

/// One place (car park) of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Place id; `None` publishes without a prefix, as the field project's sensors do.
    pub id: Option<String>,
    /// Zone of the local timestamps its sensors send.
    pub timezone: Tz,
    /// Its zones.
    pub zones: Vec<Zone>,
}

/// A whole fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The places of the fleet.
    pub places: Vec<Place>,
}

impl Fleet {
    /// The field project's lot: Zone_A 8, Zone_B 6 and Zone_C 10 spaces, numbered 1 to 24, without a place prefix.
    #[must_use]
    pub fn field_project(timezone: Tz) -> Self {
        let mut first = 1;
        let zones = [("Zone_A", 8), ("Zone_B", 6), ("Zone_C", 10)]
            .into_iter()
            .map(|(id, spaces)| {
                let zone = Zone { id: id.to_owned(), first, spaces };
                first += spaces;
                zone
            })
            .collect();
        Self { places: vec![Place { id: None, timezone, zones }] }
    }

    /// `places` places of `zones` zones of `spaces` spaces each, named `site-001`/`Zone_01`.
    #[must_use]
    pub fn grid(places: u32, zones: u32, spaces: u32, timezone: Tz) -> Self {
        let zone = |z| Zone { id: format!("Zone_{z:02}"), first: 1 + (z - 1) * spaces, spaces };
        Self {
            places: (1..=places)
                .map(|p| Place { id: Some(format!("site-{p:03}")), timezone, zones: (1..=zones).map(zone).collect() })
                .collect(),
        }
    }

    /// Number of spaces over all places.
    #[must_use]
    pub fn spaces(&self) -> u32 {
        self.places.iter().flat_map(|p| &p.zones).map(|z| z.spaces).sum()
    }
}

impl Place {
    /// Topic of a space's readings: `[<place>/]parking/<zone>/place_<n>`.
    #[must_use]
    pub fn space_topic(&self, zone: &Zone, number: u32) -> String {
        match &self.id {
            Some(place) => format!("{place}/parking/{}/place_{number}", zone.id),
            None => format!("parking/{}/place_{number}", zone.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_lot_has_24_spaces_numbered_through() {
        let fleet = Fleet::field_project(chrono_tz::Europe::Paris);
        assert_eq!(fleet.spaces(), 24);
        let place = &fleet.places[0];
        assert_eq!(place.space_topic(&place.zones[2], 24), "parking/Zone_C/place_24");
        assert_eq!(place.zones[1].first, 9);
    }

    #[test]
    fn a_grid_prefixes_topics_with_its_place() {
        let fleet = Fleet::grid(2, 3, 4, chrono_tz::Europe::Paris);
        assert_eq!(fleet.spaces(), 24);
        assert_eq!(fleet.places[1].space_topic(&fleet.places[1].zones[1], 5), "site-002/parking/Zone_02/place_5");
    }
}
