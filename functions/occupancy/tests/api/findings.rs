//! What needs looking after.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_parking::{BlockKey, SpaceNumber, Status};
use serde_json::{Value, json};

use crate::support::{Platform, at, now};

/// Counted car parks that report every half hour from 2026-01-20 on: `value` tells what each says at which step.
async fn car_parks(names: &[&str], steps: i64, value: impl Fn(&str, i64) -> i32) -> Platform {
    let platform = Platform::empty().await;
    let mut csv = String::from("place,name,lat,lon,capacity,timezone\n");
    for name in names {
        csv.push_str(&format!("{name},{name},,,100,Europe/Paris\n"));
    }
    platform
        .send("POST", "/v1/places/import", Some("admin"), &[("content-type", "text/csv")], Some(csv.into()))
        .await
        .ok();
    let start = at("2026-01-20T00:00:00Z");
    for name in names {
        let readings: Vec<(DateTime<Utc>, i32, i32, Option<f64>)> =
            (0..steps).map(|step| (start + TimeDelta::minutes(30 * step), value(name, step), 100, None)).collect();
        platform.readings(name, "main", &readings).await;
    }
    platform
}

async fn findings(platform: &Platform, place: &str) -> Vec<Value> {
    platform.get(&format!("/v1/places/{place}/findings")).await.ok()["findings"].as_array().unwrap().clone()
}

fn wave(step: i64) -> i32 {
    i32::try_from(20 + step % 17).unwrap()
}

#[tokio::test]
async fn a_counter_that_never_changes_beside_others_that_do_is_stuck() {
    let platform = car_parks(&["a", "b", "frozen", "dead"], 200, |name, step| match name {
        "dead" => 35,
        "frozen" => wave(step.min(100)),
        _ => wave(step),
    })
    .await;
    insta::assert_json_snapshot!("stuck_counter", findings(&platform, "dead").await);
    let frozen = findings(&platform, "frozen").await;
    assert_eq!(
        (&frozen[0]["since"], &frozen[0]["evidence"]["never_changed"]),
        (&json!("2026-01-22T02:00:00Z"), &json!(false))
    );
    assert_eq!(findings(&platform, "a").await, Vec::<Value>::new());
    let counts: Vec<Value> = platform.get("/v1/places").await.ok()["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| place["findings"].clone())
        .collect();
    assert_eq!(counts, [json!(0), json!(0), json!(1), json!(1)], "a, b, dead, frozen");
}

#[tokio::test]
async fn a_quiet_fleet_is_not_stuck() {
    // All stand still: a holiday, or an outage of their common source.
    let platform = car_parks(&["a", "b", "c", "d"], 200, |_, _| 50).await;
    assert_eq!(findings(&platform, "a").await, Vec::<Value>::new());
    // One of three others changes: less than half.
    let platform = car_parks(&["a", "b", "c", "d"], 200, |name, step| if name == "d" { wave(step) } else { 50 }).await;
    assert_eq!(findings(&platform, "a").await, Vec::<Value>::new());
}

#[tokio::test]
async fn less_than_a_day_is_not_enough_and_an_empty_car_park_may_rest_for_three() {
    let still = |still_from: i64, resting: i32| {
        move |name: &str, step: i64| if name == "a" && step >= still_from { resting } else { wave(step) }
    };
    // 48 reports are 23.5 hours from the first to the last; 49 are 24.
    assert_eq!(findings(&car_parks(&["a", "b"], 200, still(152, 50)).await, "a").await.len(), 0);
    assert_eq!(findings(&car_parks(&["a", "b"], 200, still(151, 50)).await, "a").await.len(), 1);
    for limit in [0, 100] {
        assert_eq!(
            findings(&car_parks(&["a", "b"], 200, still(100, limit)).await, "a").await.len(),
            0,
            "{limit} for 50 hours"
        );
        assert_eq!(
            findings(&car_parks(&["a", "b"], 300, still(100, limit)).await, "a").await.len(),
            1,
            "{limit} for 100 hours"
        );
    }
}

/// A zone of four sensors, of which the first has said `occupied` for two days while the others changed `changes` times
/// each.
async fn zone(changes: u32) -> Platform {
    let platform = Platform::with_lot().await;
    let (zone, start) = ("Zone_A", now() - TimeDelta::hours(48));
    platform.sense("default", zone, 1, Status::Occupied, start, None).await;
    platform.sense("default", zone, 1, Status::Occupied, now(), None).await;
    for space in 2..=4 {
        let mut last = start;
        for change in 0..changes {
            last = now() - TimeDelta::minutes(i64::from(5 + 10 * change));
            let kind = if change % 2 == 0 { "park_end" } else { "park_start" };
            platform.transition(zone, space, &last.to_rfc3339(), kind, None).await;
        }
        platform.sense("default", zone, u32::try_from(space).unwrap(), Status::Free, last, None).await;
        platform.sense("default", zone, u32::try_from(space).unwrap(), Status::Free, now(), None).await;
    }
    platform
}

#[tokio::test]
async fn a_sensor_that_never_changes_in_a_busy_zone_is_stuck() {
    let busy = findings(&zone(8).await, "default").await;
    insta::assert_json_snapshot!("stuck_space", busy);
    assert_eq!(findings(&zone(7).await, "default").await, Vec::<Value>::new(), "not busy enough to tell");
}

#[tokio::test]
async fn silent_sensors_and_low_batteries_are_found() {
    let platform = Platform::with_lot().await;
    let key =
        BlockKey::of_space("default".parse().unwrap(), "Zone_A".parse().unwrap(), SpaceNumber::try_from(1).unwrap());
    platform.sense("default", "Zone_A", 1, Status::Free, now() - TimeDelta::hours(2), Some(80)).await;
    platform
        .change(key, |block| {
            if let parvis_parking::Block::Spaces(spaces) = block {
                spaces.mark_silent(now() - TimeDelta::hours(1), TimeDelta::seconds(900));
            }
        })
        .await;
    platform.sense("default", "Zone_A", 2, Status::Free, now(), Some(20)).await;
    platform.sense("default", "Zone_A", 3, Status::Free, now(), Some(21)).await;
    platform.count("default", "Gate", 5, 50, now() - TimeDelta::hours(4)).await;
    platform.count("default", "Door", 5, 50, now() - TimeDelta::hours(2)).await;
    insta::assert_json_snapshot!("silent_and_low", findings(&platform, "default").await);
    assert_eq!(platform.get("/v1/places/default").await.ok()["findings"], 3);
}

#[tokio::test]
async fn findings_are_told_as_they_are_now() {
    let platform =
        car_parks(&["a", "b", "c", "dead"], 200, |name, step| if name == "dead" { 35 } else { wave(step) }).await;
    assert_eq!(findings(&platform, "dead").await.len(), 1);
    sqlx::query("TRUNCATE parking_reading").execute(platform.database.pool().await.unwrap()).await.unwrap();
    assert_eq!(findings(&platform, "dead").await, Vec::<Value>::new(), "the history says nothing of it any more");
}

#[tokio::test]
async fn the_list_of_places_tells_the_number_of_findings_once_it_is_known() {
    let platform = car_parks(&["a", "b", "dead"], 200, |name, step| if name == "dead" { 35 } else { wave(step) }).await;
    assert_eq!(platform.get("/v1/places/dead").await.ok()["findings"], json!(null), "nobody has looked yet");
    for _ in 0..100 {
        if platform.get("/v1/places/dead").await.ok()["findings"] == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the search in the background has not ended in 5 s");
}

#[tokio::test]
async fn every_sandbox_tells_what_one_of_them_has_found() {
    let platform = car_parks(&["a", "b", "dead"], 200, |name, step| if name == "dead" { 35 } else { wave(step) }).await;
    assert_eq!(findings(&platform, "dead").await.len(), 1);
    // A new sandbox, whose database is away, knows it at once.
    let other = platform.sandbox(crate::support::postgres::away());
    assert_eq!(other.get("/v1/places/dead").await.ok()["findings"], 1);
    let list = other.get("/v1/places").await.ok();
    let dead = list["places"].as_array().unwrap().iter().find(|place| place["id"] == "dead").unwrap();
    assert_eq!(dead["findings"], 1);
}
