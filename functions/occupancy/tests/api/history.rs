//! Occupancy over time.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{Platform, at};

async fn points(platform: &Platform, query: &str) -> Vec<Value> {
    platform.get(&format!("/v1/places/default/history?{query}")).await.ok()["points"].as_array().unwrap().clone()
}

fn occupied(points: &[Value]) -> Vec<f64> {
    points.iter().map(|point| point["occupied"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn hours_are_means_weighted_by_time() {
    let platform = Platform::with_lot().await;
    platform.stay("Zone_A", 1, "2026-01-31T08:00:00Z", Some("2026-01-31T09:30:00Z")).await;
    platform.stay("Zone_A", 2, "2026-01-31T08:45:00Z", None).await;
    platform.stay("Zone_B", 9, "2026-01-31T09:59:00Z", Some("2026-01-31T10:01:30Z")).await;
    let answer =
        platform.get("/v1/places/default/history?step=hour&from=2026-01-31T08:00:00Z&to=2026-01-31T11:00:00Z").await;
    insta::assert_json_snapshot!("history", answer.ok());
    let zone = points(&platform, "from=2026-01-31T08:00:00Z&to=2026-01-31T11:00:00Z&zone=Zone_B").await;
    assert_eq!(occupied(&zone), [0.0, 0.02, 0.03]);
    assert_eq!(zone[0]["total"], 6);
}

#[tokio::test]
async fn the_baseline_is_what_was_parked_before() {
    let platform = Platform::with_lot().await;
    platform.stay("Zone_A", 1, "2026-01-29T08:00:00Z", None).await;
    platform.stay("Zone_A", 2, "2025-12-29T08:00:00Z", Some("2025-12-30T08:00:00Z")).await;
    // Its beginning is not kept any more.
    platform.transition("Zone_A", 3, "2026-01-31T10:00:00Z", "park_end", None).await;
    let minutes = points(&platform, "step=minute&from=2026-01-31T09:58:00Z&to=2026-01-31T10:02:00Z").await;
    assert_eq!(occupied(&minutes), [2.0, 2.0, 1.0, 1.0]);
}

#[tokio::test]
async fn a_day_of_a_clock_change_is_one_day() {
    let platform = Platform::with_lot().await;
    // Parked from local midnight to noon on the day of 23 hours, and on the day of 25.
    platform.stay("Zone_A", 1, "2025-03-29T23:00:00Z", Some("2025-03-30T10:00:00Z")).await;
    platform.stay("Zone_A", 1, "2025-10-25T22:00:00Z", Some("2025-10-26T11:00:00Z")).await;
    let spring = points(&platform, "step=day&from=2025-03-29T23:00:00Z&to=2025-03-31T22:00:00Z").await;
    assert_eq!((spring.len(), occupied(&spring)), (2, vec![0.48, 0.0]), "11 of 23 hours");
    assert_eq!(spring[1]["at"], "2025-03-30T22:00:00Z");
    let autumn = points(&platform, "step=day&from=2025-10-25T22:00:00Z&to=2025-10-26T23:00:00Z").await;
    assert_eq!((autumn.len(), occupied(&autumn)), (1, vec![0.52]), "13 of 25 hours");
    let hours = points(&platform, "step=hour&from=2025-10-25T22:00:00Z&to=2025-10-26T23:00:00Z").await;
    assert_eq!(hours.len(), 25);
}

#[tokio::test]
async fn before_the_first_record_nothing_is_known() {
    let platform = Platform::with_lot().await;
    assert_eq!(points(&platform, "step=day").await, Vec::<Value>::new());
    platform.stay("Zone_A", 1, "2026-01-31T09:30:00Z", None).await;
    let hours = points(&platform, "step=hour&from=2026-01-30T00:00:00Z&to=2026-01-31T11:00:00Z").await;
    assert_eq!(occupied(&hours), [1.0, 1.0], "from 9:30 on");
}

#[tokio::test]
async fn counters_tell_their_readings_and_means() {
    let platform = Platform::empty().await;
    let car_park =
        json!({ "id": "corum", "name": "Corum", "zones": [{ "id": "main", "source": "counter", "capacity": 64 }] });
    platform.send("POST", "/v1/places", Some("admin"), &[], Some(car_park)).await.ok();
    let start = at("2026-01-31T08:05:00Z");
    // 31 % of 64 is not a whole number of vehicles.
    let readings: Vec<(DateTime<Utc>, i32, i32, Option<f64>)> =
        [(0, 20, 31.0), (23, 22, 34.0), (46, 20, 31.0), (95, 32, 50.0)]
            .into_iter()
            .map(|(minute, occupied, percent)| (start + TimeDelta::minutes(minute), occupied, 64, Some(percent)))
            .collect();
    platform.readings("corum", "main", &readings).await;
    let get =
        async |query: &str| platform.get(&format!("/v1/places/corum/history?{query}")).await.ok()["points"].clone();
    assert_eq!(
        get("step=raw&from=2026-01-31T08:00:00Z&to=2026-01-31T09:00:00Z").await,
        json!([
            { "at": "2026-01-31T08:05:00Z", "occupied": 20, "total": 64, "rate": 31.0 },
            { "at": "2026-01-31T08:28:00Z", "occupied": 22, "total": 64, "rate": 34.0 },
            { "at": "2026-01-31T08:51:00Z", "occupied": 20, "total": 64, "rate": 31.0 },
        ])
    );
    assert_eq!(
        get("step=hour&from=2026-01-31T08:00:00Z&to=2026-01-31T11:00:00Z").await,
        json!([
            { "at": "2026-01-31T08:00:00Z", "occupied": 20.48, "total": 64, "rate": 32.0 },
            { "at": "2026-01-31T09:00:00Z", "occupied": 32, "total": 64, "rate": 50.0 },
        ]),
        "an hour without a reading is left out"
    );
}

#[tokio::test]
async fn ranges_have_limits_and_say_so() {
    let platform = Platform::with_lot().await;
    for query in [
        "step=minute&from=2026-01-01T00:00:00Z",
        "step=hour&from=2024-01-01T00:00:00Z",
        "step=raw&from=2025-01-01T00:00:00Z",
    ] {
        let problem = platform
            .get(&format!("/v1/places/default/history?{query}"))
            .await
            .refused(StatusCode::UNPROCESSABLE_ENTITY);
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains("days"), "{problem}");
    }
    let empty = "from=2026-01-31T10:00:00Z&to=2026-01-31T10:00:00Z";
    platform.get(&format!("/v1/places/default/history?{empty}")).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    platform.get("/v1/places/default/history?step=week").await.refused(StatusCode::BAD_REQUEST);
}

/// A second opinion on the SQL: every minute of random stays is looked at one by one.
#[tokio::test]
async fn random_stays_give_the_means_that_counting_gives() {
    let platform = Platform::with_lot().await;
    let start = at("2026-01-30T22:17:00Z");
    let mut seed = 20_260_131_u64;
    let mut random = |below: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(seed >> 33).unwrap() % below
    };
    let minutes = 12 * 60;
    let mut count = vec![0_u32; usize::try_from(minutes).unwrap()];
    for space in 1..=8 {
        let mut minute = random(90) - 60;
        while minute < minutes {
            let end = minute + 1 + random(120);
            let time = |minute: i64| (start + TimeDelta::minutes(minute)).to_rfc3339();
            platform.stay("Zone_A", space, &time(minute), Some(&time(end))).await;
            (minute.max(0)..end.min(minutes)).for_each(|minute| count[usize::try_from(minute).unwrap()] += 1);
            minute = end + 1 + random(60);
        }
    }
    let to = start + TimeDelta::minutes(minutes);
    let query = format!("from={}&to={}", start.format("%FT%TZ"), to.format("%FT%TZ"));
    let by_minute = points(&platform, &format!("step=minute&{query}")).await;
    assert_eq!(occupied(&by_minute), count.iter().map(|count| f64::from(*count)).collect::<Vec<_>>());
    // The first hour has 43 minutes, the last 17.
    let mut expected = Vec::new();
    let (first, rest) = count.split_at(43);
    for hour in std::iter::once(first).chain(rest.chunks(60)) {
        let mean = f64::from(hour.iter().sum::<u32>()) / f64::from(u32::try_from(hour.len()).unwrap());
        expected.push((mean * 100.0).round() / 100.0);
    }
    assert_eq!(occupied(&points(&platform, &format!("step=hour&{query}")).await), expected);
}
