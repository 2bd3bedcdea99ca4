//! The event queue of the simulator: pure, deterministic, ordered by event time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::Options;
use crate::demand;
use crate::faults::Condition;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A reading of a space in the field project's format.
    Reading,
    /// A heartbeat.
    Heartbeat,
    /// A message that must be refused.
    Malformed,
}

/// One message and the moment its device sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    /// When it is sent.
    pub at: DateTime<Utc>,
    /// MQTT topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// What it is.
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Departure { sensor: usize },
    Arrival { zone: usize },
    Heartbeat { sensor: usize },
    Blip { sensor: usize, back: bool },
}

#[derive(Debug)]
struct Sensor {
    place: usize,
    zone_in_place: usize,
    number: u32,
    condition: Condition,
    silent_from: Option<DateTime<Utc>>,
    occupied: bool,
    battery: f64,
    sequence: u64,
}

#[derive(Debug)]
struct ZoneRange {
    place: usize,
    first: usize,
    len: usize,
}

/// An endless (or bounded) iterator over the fleet's messages in order of time.
#[derive(Debug)]
pub struct Simulator<'a> {
    options: &'a Options,
    rng: ChaCha8Rng,
    queue: BinaryHeap<Reverse<(DateTime<Utc>, u64, Event)>>,
    pushed: u64,
    sensors: Vec<Sensor>,
    zones: Vec<ZoneRange>,
    out: VecDeque<Emission>,
}

/// A silent sensor falls silent at most this long after the live part starts.
const SILENCE_WITHIN_MINUTES: i64 = 30;
/// A battery lasts about this many days.
const BATTERY_DAYS: f64 = 900.0;
/// One sensor in so many has a battery that is nearly empty.
const WORN_EVERY: usize = 40;
const SHORTEST_STAY: TimeDelta = TimeDelta::seconds(3);

impl<'a> Simulator<'a> {
    /// Prepares the fleet: every sensor reports its first state at the start.
    #[must_use]
    pub fn new(options: &'a Options) -> Self {
        let mut this = Self {
            options,
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            queue: BinaryHeap::new(),
            pushed: 0,
            sensors: Vec::new(),
            zones: Vec::new(),
            out: VecDeque::new(),
        };
        for (p, place) in options.fleet.places.iter().enumerate() {
            for (z, zone) in place.zones.iter().enumerate() {
                let first = this.sensors.len();
                for number in zone.first..zone.first + zone.spaces {
                    this.add_sensor(p, z, number);
                }
                this.zones.push(ZoneRange { place: p, first, len: zone.spaces as usize });
                this.next_arrival(this.zones.len() - 1, options.start);
            }
        }
        this
    }

    fn add_sensor(&mut self, place: usize, zone_in_place: usize, number: u32) {
        let start = self.options.start;
        let condition = self.options.faults.draw(&mut self.rng);
        let silent_from = (condition == Condition::Silent)
            .then(|| self.options.live_from + TimeDelta::minutes(self.rng.random_range(1..SILENCE_WITHIN_MINUTES)));
        let target = demand::target_occupancy(start, self.options.fleet.places[place].timezone);
        let occupied = self.rng.random_bool(target.clamp(0.0, 1.0));
        let battery = self.rng.random_range(35.0..100.0);
        let sensor = self.sensors.len();
        // Some were not looked after: their batteries are nearly empty.
        let battery = if sensor % WORN_EVERY == WORN_EVERY / 2 { battery / 12.0 } else { battery };
        self.sensors.push(Sensor {
            place,
            zone_in_place,
            number,
            condition,
            silent_from,
            occupied,
            battery,
            sequence: 0,
        });
        self.report(sensor, start, occupied);
        if occupied {
            let departure = self.departure(start);
            self.push(departure, Event::Departure { sensor });
        }
        if let Some(every) = self.options.heartbeat_every {
            let phase = self.rng.random_range(0..every.as_millis().max(1) as i64);
            self.push(self.options.live_from + TimeDelta::milliseconds(phase), Event::Heartbeat { sensor });
        }
        if condition == Condition::Flapping {
            self.push(self.options.live_from + TimeDelta::seconds(30), Event::Blip { sensor, back: false });
        }
    }

    /// The moment so many minutes of a car park's life after `at`. The past goes by at its own pace, the live part at the pace asked
    /// for: what begins in one and ends in the other has some of both.
    fn later(&self, at: DateTime<Utc>, life_minutes: f64) -> DateTime<Utc> {
        let past = (self.options.live_from - at).max(TimeDelta::zero());
        let past_minutes = past.as_seconds_f64() / 60.0;
        if life_minutes <= past_minutes {
            return at + minutes(life_minutes);
        }
        at + past + minutes((life_minutes - past_minutes) / self.options.pace)
    }

    fn departure(&mut self, arrival: DateTime<Utc>) -> DateTime<Utc> {
        let stay = demand::draw_stay_minutes(&mut self.rng);
        // However fast life goes by, a sensor sees a car for a few seconds.
        self.later(arrival, stay).max(arrival + SHORTEST_STAY)
    }

    fn push(&mut self, at: DateTime<Utc>, event: Event) {
        self.pushed += 1;
        self.queue.push(Reverse((at, self.pushed, event)));
    }

    /// Exponential gap at the rate of this moment; rates change slowly against the gaps, so no thinning is needed.
    fn next_arrival(&mut self, zone: usize, after: DateTime<Utc>) {
        let range = &self.zones[zone];
        let timezone = self.options.fleet.places[range.place].timezone;
        let rate = demand::arrivals_per_minute(after, timezone, range.len as u32).max(1e-4);
        let gap = -(1.0 - self.rng.random::<f64>()).ln() / rate;
        self.push(self.later(after, gap), Event::Arrival { zone });
    }

    fn handle(&mut self, at: DateTime<Utc>, event: Event) {
        match event {
            Event::Arrival { zone } => {
                let range = &self.zones[zone];
                let free: Vec<usize> =
                    (range.first..range.first + range.len).filter(|&s| !self.sensors[s].occupied).collect();
                if !free.is_empty() {
                    // Drivers take the first spaces they meet: the smaller of two draws.
                    let pick = self.rng.random_range(0..free.len()).min(self.rng.random_range(0..free.len()));
                    self.set(free[pick], at, true);
                    let departure = self.departure(at);
                    self.push(departure, Event::Departure { sensor: free[pick] });
                }
                self.next_arrival(zone, at);
            }
            Event::Departure { sensor } => self.set(sensor, at, false),
            Event::Heartbeat { sensor } => {
                self.heartbeat(sensor, at);
                if let Some(every) = self.options.heartbeat_every {
                    self.push(at + delta(every), Event::Heartbeat { sensor });
                }
            }
            Event::Blip { sensor, back } => {
                let shown = self.sensors[sensor].occupied ^ !back;
                self.report(sensor, at, shown);
                let wait =
                    if back { TimeDelta::seconds(self.rng.random_range(60..240)) } else { TimeDelta::seconds(3) };
                self.push(at + wait, Event::Blip { sensor, back: !back });
            }
        }
    }

    fn set(&mut self, sensor: usize, at: DateTime<Utc>, occupied: bool) {
        self.sensors[sensor].occupied = occupied;
        if self.sensors[sensor].condition != Condition::Stuck {
            self.report(sensor, at, occupied);
        }
    }

    fn is_silent(&self, sensor: usize, at: DateTime<Utc>) -> bool {
        self.sensors[sensor].silent_from.is_some_and(|from| at >= from)
    }

    fn report(&mut self, sensor: usize, at: DateTime<Utc>, occupied: bool) {
        if self.is_silent(sensor, at) {
            return;
        }
        let confidence = f64::from(self.rng.random_range(90..=99)) / 100.0;
        let faults = self.options.faults;
        let s = &mut self.sensors[sensor];
        s.sequence += 1;
        let place = &self.options.fleet.places[s.place];
        let zone = &place.zones[s.zone_in_place];
        let topic = place.space_topic(zone, s.number);
        let payload = json!({
            "sensor_id": s.number,
            "zone": zone.id,
            "status": if occupied { "occupied" } else { "free" },
            "timestamp": local(at, place.timezone),
            "confidence": confidence,
        });
        let emission = Emission { at, topic, payload: payload.to_string().into_bytes(), kind: Kind::Reading };
        if self.rng.random_bool(faults.duplicates) {
            self.out.push_back(emission.clone());
        }
        if self.rng.random_bool(faults.malformed) {
            let cut = emission.payload.len() / 2;
            let payload = emission.payload[..cut].to_vec();
            self.out.push_back(Emission { payload, kind: Kind::Malformed, ..emission.clone() });
        }
        self.out.push_back(emission);
    }

    fn heartbeat(&mut self, sensor: usize, at: DateTime<Utc>) {
        if self.is_silent(sensor, at) {
            return;
        }
        let days = self.options.heartbeat_every.unwrap_or_default().as_secs_f64() / 86_400.0;
        let s = &mut self.sensors[sensor];
        s.battery = (s.battery - 100.0 * days / BATTERY_DAYS).max(0.0);
        s.sequence += 1;
        let place = &self.options.fleet.places[s.place];
        let topic = format!("{}/heartbeat", place.space_topic(&place.zones[s.zone_in_place], s.number));
        let payload = json!({
            "timestamp": local(at, place.timezone),
            "battery": s.battery.round() as u8,
            "sequence": s.sequence,
        });
        self.out.push_back(Emission { at, topic, payload: payload.to_string().into_bytes(), kind: Kind::Heartbeat });
    }
}

impl Iterator for Simulator<'_> {
    type Item = Emission;

    fn next(&mut self) -> Option<Emission> {
        loop {
            if let Some(emission) = self.out.pop_front() {
                return Some(emission);
            }
            let Reverse((at, _, event)) = self.queue.pop()?;
            if self.options.until.is_some_and(|until| at >= until) {
                return None;
            }
            self.handle(at, event);
        }
    }
}

/// Local time without offset, as the field project's sensors write it.
fn local(at: DateTime<Utc>, timezone: chrono_tz::Tz) -> String {
    at.with_timezone(&timezone).format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

fn minutes(minutes: f64) -> TimeDelta {
    TimeDelta::microseconds((minutes * 60e6) as i64)
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests;
