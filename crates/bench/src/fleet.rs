//! Made-up car parks and their sensors, which know what they have reported.

use std::fmt;

use chrono::{DateTime, SecondsFormat};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};

/// The same traffic at every run.
const SEED: u64 = 20_260_101;

/// How many places there are, of which size.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    /// Beginning of the places' ids.
    pub prefix: &'static str,
    /// Places.
    pub places: usize,
    /// Zones of each place.
    pub zones: usize,
    /// Spaces of each zone.
    pub spaces: usize,
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { places, zones, spaces, .. } = self;
        write!(f, "{} spaces ({places} places x {zones} zones x {spaces})", self.total())
    }
}

impl Fleet {
    /// All spaces.
    pub fn total(&self) -> usize {
        self.places * self.zones * self.spaces
    }

    /// The places' ids.
    pub fn ids(&self) -> impl Iterator<Item = String> + use<> {
        let prefix = self.prefix;
        (1..=self.places).map(move |place| format!("{prefix}-{place:03}"))
    }

    /// The register's entry of one place, as the API takes it.
    pub fn entry(&self, id: &str) -> Value {
        let spaces: Vec<_> = (1..=self.spaces).map(|number| json!({ "number": number, "kind": "standard" })).collect();
        let zone = |zone: usize| {
            let id = format!("Z{zone}");
            json!({ "id": id, "name": id, "source": "spaces", "spaces": spaces })
        };
        let zones: Vec<_> = (1..=self.zones).map(zone).collect();
        json!({ "id": id, "name": id, "timezone": "Europe/Paris", "enrolment": "closed", "zones": zones })
    }

    /// The sensors in crews, one for each connection, each in the (shuffled) order in which they report.
    pub fn crews(&self, crews: usize) -> Vec<Crew> {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut sensors: Vec<Sensor> = Vec::with_capacity(self.total());
        for place in self.ids() {
            for zone in 1..=self.zones {
                for number in 1..=self.spaces {
                    sensors.push(Sensor::new(&place, zone, number, random.random_bool(0.5)));
                }
            }
        }
        sensors.shuffle(&mut random);
        let mut crews: Vec<Crew> = (0..crews.clamp(1, sensors.len().max(1)))
            .map(|index| Crew { sensors: Vec::new(), next: 0, random: ChaCha8Rng::seed_from_u64(SEED + index as u64) })
            .collect();
        let count = crews.len();
        for (index, sensor) in sensors.into_iter().enumerate() {
            crews[index % count].sensors.push(sensor);
        }
        crews
    }
}

/// Sensors that report over one connection, one after the other.
#[derive(Debug)]
pub struct Crew {
    /// The sensors.
    pub sensors: Vec<Sensor>,
    next: usize,
    random: ChaCha8Rng,
}

impl Crew {
    /// The next report: topic and payload. With the probability `change` a vehicle has come or gone since.
    pub fn report(&mut self, now_ms: i64, change: f64) -> (&str, Vec<u8>) {
        let changed = self.random.random_bool(change);
        let index = self.next;
        self.next = (self.next + 1) % self.sensors.len();
        let payload = self.sensors[index].report(now_ms, changed);
        (&self.sensors[index].topic, payload)
    }
}

/// A sensor, and the truth that its reports add up to.
#[derive(Debug, Clone)]
pub struct Sensor {
    /// Id of its place.
    pub place: String,
    /// Id of its zone.
    pub zone: String,
    /// Number of its space.
    pub number: usize,
    topic: String,
    occupied: bool,
    /// Start of the present status, ms since the epoch; none before the first report.
    since: Option<i64>,
    last: i64,
    /// What history must hold: arrivals and departures. A first report of a free space is neither.
    pub transitions: u64,
}

/// A report in the field project's format.
#[derive(Serialize)]
struct Payload<'a> {
    sensor_id: usize,
    zone: &'a str,
    status: &'static str,
    timestamp: String,
    confidence: f64,
}

impl Sensor {
    fn new(place: &str, zone: usize, number: usize, occupied: bool) -> Self {
        let zone = format!("Z{zone}");
        let topic = format!("{place}/parking/{zone}/place_{number}");
        Self { place: place.to_owned(), zone, number, topic, occupied, since: None, last: 0, transitions: 0 }
    }

    /// Its status as the API names it.
    pub fn status(&self) -> &'static str {
        if self.occupied { "occupied" } else { "free" }
    }

    /// Start of the present status, ms since the epoch; none before the first report.
    pub fn since(&self) -> Option<i64> {
        self.since
    }

    /// The topic of its reports.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Reports at a device time, later than any before.
    pub fn report(&mut self, now_ms: i64, changed: bool) -> Vec<u8> {
        let at = now_ms.max(self.last + 1);
        self.last = at;
        match self.since {
            None => {
                self.since = Some(at);
                self.transitions = u64::from(self.occupied);
            }
            Some(_) if changed => {
                self.occupied = !self.occupied;
                self.since = Some(at);
                self.transitions += 1;
            }
            Some(_) => {}
        }
        let time = DateTime::from_timestamp_millis(at).unwrap_or_default();
        let payload = Payload {
            sensor_id: self.number,
            zone: &self.zone,
            status: self.status(),
            timestamp: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            confidence: 0.95,
        };
        // A struct of text and numbers always has a JSON.
        serde_json::to_vec(&payload).unwrap_or_default()
    }

    /// Whether this is what the API tells of its space.
    pub fn is_told_by(&self, space: &Value) -> bool {
        let since = space["since"].as_str().and_then(|text| text.parse::<DateTime<chrono::Utc>>().ok());
        space["status"] == self.status() && since.map(|at| at.timestamp_millis()) == self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_space_has_one_sensor_and_every_sensor_its_turn() {
        let fleet = Fleet { prefix: "p", places: 2, zones: 2, spaces: 3 };
        let mut crews = fleet.crews(5);
        assert_eq!(crews.len(), 5);
        let mut topics: Vec<String> = Vec::new();
        for crew in &mut crews {
            for _ in 0..crew.sensors.len() {
                topics.push(crew.report(1_000, 0.0).0.to_owned());
            }
        }
        topics.sort();
        topics.dedup();
        assert_eq!(topics.len(), fleet.total());
        assert!(topics.contains(&"p-002/parking/Z2/place_3".to_owned()));
    }

    #[test]
    fn a_sensor_knows_what_it_has_said() {
        let mut sensor = Sensor::new("p", 1, 7, true);
        let told = |at: &str, status: &str| json!({ "status": status, "since": at });
        sensor.report(1_000, true);
        assert!(sensor.is_told_by(&told("1970-01-01T00:00:01Z", "occupied")));
        sensor.report(1_000, false);
        assert!(sensor.is_told_by(&told("1970-01-01T00:00:01Z", "occupied")));
        let payload: Value = serde_json::from_slice(&sensor.report(1_000, true)).unwrap();
        // Never the same device time twice: that would be a duplicate.
        assert_eq!(payload["timestamp"], "1970-01-01T00:00:01.002Z");
        assert!(sensor.is_told_by(&told("1970-01-01T00:00:01.002Z", "free")));
        assert_eq!(sensor.transitions, 2);
    }
}
