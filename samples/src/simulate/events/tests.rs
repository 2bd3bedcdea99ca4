use std::collections::HashMap;

use chrono::TimeZone;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::faults::FaultRates;
use crate::fleet::Fleet;

fn options(seed: u64, hours: i64, faults: FaultRates) -> Options {
    let start = Utc.with_ymd_and_hms(2026, 3, 10, 5, 0, 0).unwrap();
    Options {
        fleet: Fleet::field_project(chrono_tz::Europe::Paris),
        seed,
        pace: 1.0,
        start,
        live_from: start,
        until: Some(start + TimeDelta::hours(hours)),
        heartbeat_every: Some(Duration::from_secs(600)),
        faults,
    }
}

fn status(emission: &Emission) -> (u64, bool) {
    let body: Value = serde_json::from_slice(&emission.payload).unwrap();
    (body["sensor_id"].as_u64().unwrap(), body["status"] == "occupied")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn messages_are_reproducible_ordered_and_alternate(seed: u64) {
        let options = options(seed, 6, FaultRates::NONE);
        let run: Vec<_> = Simulator::new(&options).collect();
        prop_assert_eq!(&run, &Simulator::new(&options).collect::<Vec<_>>());
        prop_assert!(run.windows(2).all(|w| w[0].at <= w[1].at));
        let mut last = HashMap::new();
        for (sensor, occupied) in run.iter().filter(|e| e.kind == Kind::Reading).map(status) {
            if let Some(before) = last.insert(sensor, occupied) {
                prop_assert_ne!(before, occupied, "a healthy sensor reports changes only");
            }
        }
        prop_assert_eq!(last.len(), 24);
    }
}

#[test]
fn occupancy_follows_the_profile_of_the_day() {
    let options =
        Options { fleet: Fleet::grid(1, 4, 100, chrono_tz::Europe::Paris), ..options(3, 16, FaultRates::NONE) };
    let mut state = HashMap::new();
    let noon = options.start + TimeDelta::hours(6);
    for e in Simulator::new(&options).take_while(|e| e.at < noon).filter(|e| e.kind == Kind::Reading) {
        state.insert(e.topic.clone(), status(&e).1);
    }
    let occupied = state.values().filter(|o| **o).count();
    assert!((300..=390).contains(&occupied), "{occupied} of 400 at noon");
}

#[test]
fn faults_show_in_the_messages() {
    let faults = FaultRates { sensors: 1.0, duplicates: 0.2, malformed: 0.1 };
    let options = options(5, 8, faults);
    let run: Vec<_> = Simulator::new(&options).collect();
    let malformed = run.iter().filter(|e| e.kind == Kind::Malformed).count();
    assert!(malformed > 0);
    assert!(
        run.iter().filter(|e| e.kind == Kind::Malformed).all(|e| serde_json::from_slice::<Value>(&e.payload).is_err())
    );
    assert!(run.windows(2).any(|w| w[0] == w[1]), "duplicates are delivered");
    let mut per_sensor: HashMap<u64, usize> = HashMap::new();
    for (sensor, _) in run.iter().filter(|e| e.kind == Kind::Reading).map(status) {
        *per_sensor.entry(sensor).or_default() += 1;
    }
    assert!(per_sensor.values().any(|n| *n <= 2), "a stuck sensor repeats nothing new");
}

/// What the past has begun must end at the live part's pace, or a demo stands still for the length of a stay.
#[test]
fn the_live_part_moves_from_its_first_minutes_on() {
    let past = options(5, 8, FaultRates::NONE);
    let live_from = past.start + TimeDelta::hours(5);
    let options = Options {
        pace: 20.0,
        live_from,
        until: Some(live_from + TimeDelta::minutes(60)),
        heartbeat_every: None,
        ..past
    };
    let mut changes = [[0; 2]; 6];
    for emission in Simulator::new(&options).filter(|emission| emission.at >= live_from) {
        let tenth = (emission.at - live_from).num_minutes() / 10;
        changes[tenth as usize][usize::from(status(&emission).1)] += 1;
    }
    let all: i32 = changes.iter().flatten().sum();
    let [departures, arrivals] = changes[0];
    assert!(departures * 12 > all / 2 && arrivals * 12 > all / 2, "{changes:?}");
}
