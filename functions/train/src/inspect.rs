//! Looks at the sensors of a car park and at the equipment that is booked, for what is likely to be wrong or to fail, and keeps a work
//! order of each finding.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::{Batteries, Inspection, StoredOrder, Target, Thing, Watched};
use parvis_maintenance::{Finding, Order, Reliability, State, battery, rates, silence};
use parvis_parking::{Connectivity, PlaceId, SpaceNumber, SpaceState, ZoneId};
use parvis_places::PlaceRecord;

use crate::{
    history,
    work::{Trainer, WorkError},
};

/// How far ahead failures are looked for.
pub(crate) const HORIZON: TimeDelta = TimeDelta::days(30);
/// The changes of sensors over so many days are compared.
const COMPARED: TimeDelta = TimeDelta::days(7);
/// Battery readings that are kept of a sensor: one a day.
const READINGS: usize = 120;
/// The least time between two of them.
const APART: TimeDelta = TimeDelta::hours(20);
/// A finding is proposed when it is at least so likely, in the light of what became of others.
const PROPOSED: f64 = 0.5;
/// Orders that were closed or dismissed are proposed anew after so long.
const ANEW: TimeDelta = TimeDelta::days(14);

/// Something that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub thing: Thing,
    pub title: String,
    pub age_hours: Option<f64>,
    pub group: Option<String>,
    pub finding: Finding,
}

/// A sensor of the live state, with what the register says of it.
struct Sensor {
    zone: ZoneId,
    number: SpaceNumber,
    state: SpaceState,
}

impl Trainer {
    /// Inspects, and brings the orders up to date; how many findings there are. The same inspection again changes nothing.
    ///
    /// # Errors
    /// When a store fails; the inspection may be made again.
    pub async fn inspect(&self, inspection: &Inspection) -> Result<usize, WorkError> {
        let (found, prefix) = match &inspection.inspect {
            Target::Place(place) => (self.sensors(place, inspection).await?, Thing::of_place(place)),
            Target::Equipment => (self.equipment(inspection.at).await?, "equipment:".to_owned()),
        };
        let reliability = self.store.reliability().await?;
        let mut known: HashMap<String, StoredOrder> =
            self.store.orders(&prefix).await?.into_iter().map(|order| (order.id(), order)).collect();
        let mut number = 0;
        for mut one in found {
            let id = one.thing.order_id(one.finding.kind);
            let trusted = reliability.get(one.finding.kind.as_str()).copied().unwrap_or_default();
            one.finding.probability = judged(&trusted, one.finding.probability);
            let before = known.remove(&id);
            if one.finding.probability < PROPOSED && before.is_none() {
                continue;
            }
            number += 1;
            if let Some(order) = followed(before, one, inspection.at) {
                // Who wrote in between knows better; the next night looks again.
                self.store.put_order(&order).await?;
            }
        }
        if inspection.brief {
            return Ok(number);
        }
        // What nobody has decided about and is not found any more is no work. Who has decided meanwhile keeps the order.
        for order in known.values().filter(|one| one.order.state == State::Proposed) {
            self.store.withdraw_order(order).await?;
        }
        Ok(number)
    }

    async fn sensors(&self, place: &PlaceId, inspection: &Inspection) -> Result<Vec<Found>, WorkError> {
        let at = inspection.at;
        let Some(record) = self.places.get(place).await? else { return Ok(Vec::new()) };
        let sensors = self.live_sensors(&record).await?;
        if sensors.is_empty() {
            return Ok(Vec::new());
        }
        let changes = if inspection.brief {
            HashMap::new()
        } else {
            history::changes_by_space(self.database.pool().await?, place.as_str(), at - COMPARED, at).await?
        };
        let mut watched = Watched { at, things: 0, foretold: 0, too_little: 0, from: None };
        let zones: BTreeSet<&ZoneId> = sensors.iter().map(|sensor| &sensor.zone).collect();
        let mut found = Vec::new();
        for zone in zones {
            let of_zone: Vec<&Sensor> = sensors.iter().filter(|sensor| sensor.zone == *zone).collect();
            let batteries = self.note_batteries(place, zone, &of_zone).await?;
            let counts: BTreeMap<u16, u32> = of_zone
                .iter()
                .map(|sensor| {
                    (sensor.number.get(), changes.get(&(zone.to_string(), sensor.number.get())).copied().unwrap_or(0))
                })
                .collect();
            for sensor in of_zone {
                let readings = readings(sensor, &batteries);
                note(&mut watched, &readings);
                let findings = findings(sensor, &readings, &counts, (at, self.battery_floor));
                found.extend(findings.into_iter().map(|finding| told(&record, sensor, finding)));
            }
        }
        self.store.put_watched(Some(place), &watched).await?;
        Ok(found)
    }

    /// The sensors of open spaces that the register knows.
    async fn live_sensors(&self, record: &PlaceRecord) -> Result<Vec<Sensor>, WorkError> {
        let blocks = self.live.place_blocks(&record.place.id).await?;
        let mut sensors = Vec::new();
        for block in &blocks {
            let zone = &block.key.zone;
            let Some(spaces) = block.block.as_spaces() else { continue };
            let known = record.zone(zone).filter(|_| record.has_part(zone));
            for (number, state) in spaces.spaces() {
                if known.is_some_and(|zone| zone.space(number).is_some() && !zone.is_closed(number)) {
                    sensors.push(Sensor { zone: zone.clone(), number, state: state.clone() });
                }
            }
        }
        Ok(sensors)
    }

    /// Adds the present battery readings to those that are kept.
    async fn note_batteries(
        &self,
        place: &PlaceId,
        zone: &ZoneId,
        sensors: &[&Sensor],
    ) -> Result<Batteries, WorkError> {
        let mut all = self.store.batteries(place, zone).await?;
        let before = all.clone();
        for sensor in sensors {
            let (Some(percent), seen) = (sensor.state.battery(), sensor.state.seen_at().timestamp()) else { continue };
            let readings = all.entry(sensor.number.get()).or_default();
            if readings.last().is_none_or(|(last, _)| last + APART.num_seconds() <= seen) {
                readings.push((seen, percent));
                let surplus = readings.len().saturating_sub(READINGS);
                readings.drain(..surplus);
            }
        }
        if all != before {
            self.store.put_batteries(place, zone, &all).await?;
        }
        Ok(all)
    }
}

/// What is kept of a sensor's battery, and what it says now.
fn readings(sensor: &Sensor, batteries: &Batteries) -> Vec<battery::Reading> {
    let kept = batteries.get(&sensor.number.get()).into_iter().flatten();
    let mut readings: Vec<battery::Reading> = kept
        .filter_map(|(at, percent)| {
            Some(battery::Reading { at: DateTime::from_timestamp(*at, 0)?, percent: f64::from(*percent) })
        })
        .collect();
    if let Some(percent) = sensor.state.battery() {
        let now = battery::Reading { at: sensor.state.seen_at(), percent: f64::from(percent) };
        if readings.last().is_none_or(|last| last.at.timestamp() < now.at.timestamp()) {
            readings.push(now);
        }
    }
    readings
}

/// Counts a sensor by what its battery tells.
fn note(watched: &mut Watched, readings: &[battery::Reading]) {
    watched.things += 1;
    let Some(first) = readings.first() else { return };
    if battery::is_enough(readings) {
        watched.foretold += 1;
    } else {
        watched.too_little += 1;
        let from = battery::enough_from(first.at);
        watched.from = Some(watched.from.map_or(from, |earliest| earliest.min(from)));
    }
}

fn findings(
    sensor: &Sensor,
    readings: &[battery::Reading],
    changes: &BTreeMap<u16, u32>,
    (at, floor): (DateTime<Utc>, f64),
) -> Vec<Finding> {
    let number = sensor.number.get();
    if sensor.state.connectivity() == Connectivity::Lost {
        // What is silent cannot be judged by its changes; its battery may be why.
        let since = sensor.state.lost_since().unwrap_or(sensor.state.seen_at());
        return silence::look(since, at).into_iter().collect();
    }
    let own = changes.get(&number).copied().unwrap_or(0);
    let neighbours: Vec<u32> = changes.iter().filter(|(other, _)| **other != number).map(|(_, count)| *count).collect();
    let battery = battery::look(readings, HORIZON).or_else(|| battery::low(readings, floor));
    battery.into_iter().chain(rates::look(own, &neighbours, at)).collect()
}

fn told(record: &PlaceRecord, sensor: &Sensor, finding: Finding) -> Found {
    let zone = record.zone(&sensor.zone).map_or_else(|| sensor.zone.to_string(), |zone| zone.name.clone());
    Found {
        thing: Thing::Sensor {
            place: record.place.id.to_string(),
            zone: sensor.zone.to_string(),
            number: sensor.number.get(),
        },
        title: format!("{}, {zone}, {}", record.place.name, sensor.number),
        age_hours: None,
        group: None,
        finding,
    }
}

fn judged(reliability: &Reliability, probability: f64) -> f64 {
    (reliability.judge(probability) * 1000.0).round() / 1000.0
}

/// The order after its thing was found again; none when nothing changes.
fn followed(before: Option<StoredOrder>, found: Found, at: DateTime<Utc>) -> Option<StoredOrder> {
    let Found { thing, title, age_hours, group, finding } = found;
    let proposed =
        |finding, version| StoredOrder { thing, title, age_hours, group, order: Order::propose(finding, at), version };
    match before {
        None => Some(proposed(finding, 0)),
        Some(mut known) if known.order.is_open() => {
            let news = known.order.found_again(&finding, at);
            known.age_hours = age_hours;
            news.then_some(known)
        }
        Some(known) if known.order.changed_at + ANEW <= at && finding.probability >= PROPOSED => {
            Some(proposed(finding, known.version))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use parvis_maintenance::{Evidence, Kind, work::Step};

    use super::*;

    fn found(probability: f64) -> Found {
        let evidence = Evidence::Rate { changes: 900, expected: 40.0, neighbours: 6 };
        Found {
            thing: Thing::Sensor { place: "gare".into(), zone: "A".into(), number: 3 },
            title: "Gare, A, 3".into(),
            age_hours: None,
            group: None,
            finding: Finding { kind: Kind::Flapping, probability, evidence, by: at(2) },
        }
    }

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    #[test]
    fn an_order_takes_news_over_and_comes_back_only_after_a_while() {
        let first = followed(None, found(0.9), at(0)).unwrap();
        assert_eq!((first.id(), first.order.state), ("sensor:gare:A:3:flapping".into(), State::Proposed));
        assert_eq!(followed(Some(first.clone()), found(0.9), at(1)), None, "nothing new");
        let news = followed(Some(first.clone()), found(0.95), at(1)).unwrap();
        assert_eq!(news.order.finding.probability, 0.95);
        let mut dismissed = news;
        dismissed.order.apply(Step::Dismiss, at(2)).unwrap();
        assert_eq!(followed(Some(dismissed.clone()), found(0.99), at(10)), None);
        let again = followed(Some(dismissed), found(0.99), at(16)).unwrap();
        assert_eq!(again.order.state, State::Proposed);
    }
}
