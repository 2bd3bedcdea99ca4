//! What a parking series is made of: the open spaces and counters of a place or zone, as the register has them.

use parvis_forecasting::{Calendar, Kind};
use parvis_forecasts::{Definition, Subject};
use parvis_parking::ZoneId;
use parvis_places::{PlaceRecord, Source};

/// Length of a step of parking series.
pub const STEP_MINUTES: u16 = 15;

/// Spaces and counters, as columns for the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The zone of each space.
    pub zones: Vec<String>,
    /// The number of each space.
    pub numbers: Vec<i32>,
    /// Zones with a counter.
    pub counters: Vec<String>,
    /// Spaces of the counted zones whose number the register knows.
    pub counted: u32,
    /// Counted zones of which only the counter itself tells the number of spaces.
    pub unsized_counters: Vec<String>,
}

impl Sources {
    /// The sources of a place, or of one of its zones. A closed zone has no part in its place, and is looked at alone as
    /// if it were open.
    #[must_use]
    pub fn of(record: &PlaceRecord, only: Option<&ZoneId>) -> Self {
        let mut sources = Self::default();
        let wanted = |id: &ZoneId| only.map_or_else(|| record.has_part(id), |only| only == id);
        for zone in record.zones.iter().filter(|zone| wanted(&zone.id)) {
            match zone.source {
                Source::Spaces => {
                    for space in zone.spaces.iter().filter(|space| !space.closed) {
                        sources.zones.push(zone.id.to_string());
                        sources.numbers.push(i32::from(space.number.get()));
                    }
                }
                Source::Counter => {
                    sources.counters.push(zone.id.to_string());
                    match zone.capacity {
                        Some(capacity) => sources.counted += capacity,
                        None => sources.unsized_counters.push(zone.id.to_string()),
                    }
                }
            }
        }
        sources
    }

    /// How many spaces have a sensor of their own.
    #[must_use]
    pub fn spaces(&self) -> f64 {
        // A place has far less than 2^52 spaces.
        self.numbers.len() as f64
    }
}

/// What a parking series is, with the capacity that was found for it.
#[must_use]
pub fn definition(record: &PlaceRecord, subject: &Subject, capacity: f64) -> Definition {
    let zone = subject.zone().and_then(|id| record.zone(id));
    let title = match zone {
        Some(zone) => format!("{}, {}", record.place.name, zone.name),
        None => record.place.name.clone(),
    };
    Definition {
        subject: subject.clone(),
        title,
        kind: Kind::Bounded { capacity },
        step_minutes: STEP_MINUTES,
        calendar: Calendar::new(record.place.timezone),
    }
}
