//! What is usual.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Platform, at};

const RANGE: &str = "from=2026-01-26T23:00:00Z&to=2026-01-28T23:00:00Z";

/// Two days in Paris, a Tuesday and a Wednesday: space 1 is taken from 8 to 10 on both, space 9 all the second day.
async fn lot() -> Platform {
    let platform = Platform::with_lot().await;
    platform.stay("Zone_C", 15, "2026-01-26T22:00:00Z", Some("2026-01-26T22:10:00Z")).await;
    platform.stay("Zone_A", 1, "2026-01-27T07:00:00Z", Some("2026-01-27T09:00:00Z")).await;
    platform.stay("Zone_A", 1, "2026-01-28T07:00:00Z", Some("2026-01-28T09:00:00Z")).await;
    platform.stay("Zone_B", 9, "2026-01-27T23:00:00Z", Some("2026-01-28T23:00:00Z")).await;
    platform
}

async fn get(platform: &Platform, name: &str, query: &str) -> Value {
    platform.get(&format!("/v1/places/default/statistics/{name}?{RANGE}{query}")).await.ok()
}

#[tokio::test]
async fn hours_and_weekdays_are_those_of_the_place() {
    let platform = lot().await;
    let hourly = get(&platform, "hourly", "").await;
    assert_eq!(hourly["hours"].as_array().unwrap().len(), 24);
    assert_eq!(hourly["hours"][8], json!({ "hour": 8, "occupied": 1.5, "total": 24.0, "rate": 6.25, "samples": 2 }));
    assert_eq!(hourly["hours"][10]["occupied"], 0.5);
    let weekday = get(&platform, "weekday", "").await;
    insta::assert_json_snapshot!("weekday", weekday);
    let sample = platform.invoke(include_str!("../../../../events/occupancy/statistics-hourly.json")).await.ok();
    assert_eq!(sample["hours"][8]["hour"], 8);
}

#[tokio::test]
async fn zones_are_compared() {
    let platform = lot().await;
    let zones = get(&platform, "zones", "").await;
    let means: Vec<(&Value, &Value)> =
        zones["zones"].as_array().unwrap().iter().map(|zone| (&zone["zone"], &zone["occupied"])).collect();
    assert_eq!(
        means,
        [(&json!("Zone_A"), &json!(0.08)), (&json!("Zone_B"), &json!(0.5)), (&json!("Zone_C"), &json!(0.0))]
    );
}

#[tokio::test]
async fn zones_together_are_told_what_each_is_told_alone() {
    let platform = lot().await;
    // A counter that began before the first sensor did, and a zone that is closed by now.
    let hours = |from: &str| (0..5).map(|hour| (at(from) + TimeDelta::hours(hour), 10, 50, None)).collect::<Vec<_>>();
    platform.readings("default", "Deck", &hours("2026-01-25T00:00:00Z")).await;
    platform.readings("default", "Deck", &hours("2026-01-28T00:00:00Z")).await;
    platform.count("default", "Deck", 10, 50, at("2026-01-28T04:00:00Z")).await;
    let (path, version) = ("/v1/places/default/zones/Zone_B", [("if-match", "\"1\"")]);
    platform.send("PATCH", path, Some("admin"), &version, Some(json!({ "status": "closed" }))).await.ok();
    let range = "from=2026-01-20T00:00:00Z&to=2026-01-28T23:00:00Z";
    let ask = async |zone: &str| {
        let path = format!("/v1/places/default/statistics/zones?{range}{zone}");
        platform.get(&path).await.ok()["zones"].as_array().unwrap().clone()
    };
    let together = ask("").await;
    let names: Vec<&Value> = together.iter().map(|zone| &zone["zone"]).collect();
    assert_eq!(names, ["Deck", "Zone_A", "Zone_B", "Zone_C"].map(|name| json!(name)).iter().collect::<Vec<_>>());
    assert_eq!((&together[0]["occupied"], &together[0]["samples"]), (&json!(10.0), &json!(10)));
    for zone in &together {
        let name = zone["zone"].as_str().unwrap();
        assert_eq!(ask(&format!("&zone={name}")).await, std::slice::from_ref(zone));
        // The hours of the zone alone come from another query.
        let path = format!("/v1/places/default/statistics/hourly?{range}&zone={name}");
        let hourly = platform.get(&path).await.ok();
        let samples = hourly["hours"].as_array().unwrap().iter().map(|hour| hour["samples"].as_u64().unwrap());
        assert_eq!(zone["samples"].as_u64().unwrap(), samples.sum::<u64>(), "{name}");
    }
}

#[tokio::test]
async fn dwell_times_are_distributed() {
    let platform = lot().await;
    insta::assert_json_snapshot!("dwell", get(&platform, "dwell", "&zone=Zone_A").await);
    let all = get(&platform, "dwell", "").await;
    // The stay that ended as the range ends is not in it.
    assert_eq!((&all["sessions"], &all["mean_seconds"]), (&json!(2), &json!(7200.0)));
    let none = get(&platform, "dwell", "&zone=Zone_C").await;
    assert_eq!((&none["sessions"], &none["mean_seconds"], &none["quantiles"]), (&json!(0), &json!(null), &json!({})));
    assert_eq!(none["buckets"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn turnover_is_told_in_the_metrics_of_cds() {
    let platform = lot().await;
    insta::assert_json_snapshot!("turnover", get(&platform, "turnover", "").await);
}

#[tokio::test]
async fn a_zone_that_was_mostly_out_of_reach_says_so() {
    let platform = lot().await;
    for space in 9..=12 {
        platform.transition("Zone_B", space, "2026-01-26T20:00:00Z", "comms_lost", None).await;
    }
    let turnover = get(&platform, "turnover", "").await;
    assert_eq!(turnover["zones"][1]["occupancy_percent"], -1.0, "4 of 6 sensors");
    assert!(turnover["zones"][0]["occupancy_percent"].as_f64().unwrap() > 0.0);
    assert!(turnover["occupancy_percent"].as_f64().unwrap() > 0.0, "4 of 24 sensors");
}
