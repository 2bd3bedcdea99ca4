//! A client that knows only the field project's protocol and routes works unchanged.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use anyhow::bail;
use chrono::{NaiveDateTime, TimeDelta, Utc};
use parvis_testkit::{Platform, eventually};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_field_projects_messages_routes_and_summary_work_unchanged() {
    let platform = Platform::start().await;
    let mut browser = platform.websocket("parking/#").await;
    let device = platform.device().await;
    let stamp = (Utc::now().with_timezone(&platform.timezone()) - TimeDelta::seconds(5)).naive_local();
    let payload = json!({
        "sensor_id": 3, "zone": "Zone_A", "status": "occupied",
        "timestamp": stamp.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(), "confidence": 0.95,
    });
    device.publish("parking/Zone_A/place_3", payload.to_string()).await.unwrap();
    device.acknowledged().await.unwrap();

    let api = platform.api();
    let current = eventually(|| async {
        let body = api.get("/api/current").await?;
        if body["occupied"] == 1 { Ok(body) } else { bail!("{body}") }
    })
    .await;
    assert_eq!(current["success"], true);
    assert_eq!(current["total"], 24);
    assert_eq!(current["zones"]["Zone_A"]["occupied"], 1);
    assert!(current["timestamp"].is_string());

    let summary = browser.wait_for("parking/summary", |s| s["occupied"] == 1).await;
    assert_eq!(summary["total_places"], 24);
    assert_eq!(browser.latest()["parking/Zone_A/place_3"], payload, "readings reach listeners unchanged");
    let mut keys: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["free", "occupancy_rate", "occupied", "timestamp", "total_places"]);
    field_routes(&platform).await;
}

/// The six routes with exactly the fields of the field project, and values of their kinds.
async fn field_routes(platform: &Platform) {
    let api = platform.api();
    let get = async |path: &str| api.get(path).await.unwrap_or_else(|e| panic!("{path}: {e:#}"));

    let current = get("/api/current").await;
    let counts = [("free", Kind::Count), ("occupied", Kind::Count)];
    fields(
        &current,
        &[
            ("success", Kind::True),
            ("timestamp", Kind::LocalTime),
            ("total", Kind::Count),
            counts[0],
            counts[1],
            ("zones", Kind::Object),
        ],
    );
    let zones = current["zones"].as_object().unwrap();
    assert_eq!(zones.keys().map(String::as_str).collect::<Vec<_>>(), ["Zone_A", "Zone_B", "Zone_C"]);
    for zone in zones.values() {
        fields(zone, &counts);
    }

    // History follows the live state by a moment.
    let events = eventually(|| async {
        let body = get("/api/events?limit=5").await;
        if body["count"] != 0 { Ok(body) } else { bail!("{body}") }
    })
    .await;
    fields(&events, &[("success", Kind::True), ("count", Kind::Count), ("events", Kind::List)]);
    let event =
        [("sensor_id", Kind::Count), ("zone", Kind::Text), ("status", Kind::Text), ("timestamp", Kind::LocalTime)];
    fields(&events["events"][0], &event);
    assert_eq!((&events["events"][0]["sensor_id"], &events["events"][0]["status"]), (&json!(3), &json!("occupied")));

    let history = get("/api/history").await;
    fields(&history, &[("success", Kind::True), ("history", Kind::List)]);
    let point = [
        ("timestamp", Kind::LocalTime),
        ("occupied", Kind::Count),
        ("free", Kind::Count),
        ("occupancy_rate", Kind::Percent),
    ];
    each(&history["history"], &point);

    let hourly = get("/api/stats/hourly").await;
    each(&hourly, &[("hour", Kind::Count), ("avg_occupancy", Kind::Percent), ("samples", Kind::Count)]);

    let zones = get("/api/stats/zones").await;
    let zone = [("zone", Kind::Text), ("total", Kind::Count), counts[1], counts[0], ("occupancy_rate", Kind::Percent)];
    each(&zones, &zone);
    // A percentage, not a share: one of the eight spaces of Zone_A.
    let rates: Vec<_> = zones.as_array().unwrap().iter().map(|zone| zone["occupancy_rate"].as_f64().unwrap()).collect();
    assert_eq!(rates, [12.5, 0.0, 0.0]);

    let health = get("/api/health").await;
    fields(
        &health,
        &[("success", Kind::True), ("status", Kind::Text), ("database", Kind::Text), ("timestamp", Kind::LocalTime)],
    );
    assert_eq!((&health["status"], &health["database"]), (&json!("healthy"), &json!("connected")));
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    True,
    Count,
    Percent,
    Text,
    /// A time on the place's clock, without offset, as Python's `isoformat()` writes it.
    LocalTime,
    List,
    Object,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::True => value == true,
            Self::Count => value.is_u64(),
            Self::Percent => value.as_f64().is_some_and(|percent| (0.0..=100.0).contains(&percent)),
            Self::Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Self::LocalTime => value.as_str().is_some_and(|text| text.parse::<NaiveDateTime>().is_ok()),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// Exactly these fields, each of its kind.
fn fields(body: &Value, wanted: &[(&str, Kind)]) {
    let found: BTreeSet<_> = body.as_object().unwrap_or_else(|| panic!("{body}")).keys().map(String::as_str).collect();
    assert_eq!(found, wanted.iter().map(|(name, _)| *name).collect(), "{body}");
    for (name, kind) in wanted {
        assert!(kind.fits(&body[*name]), "{name} should be {kind:?}: {body}");
    }
}

fn each(list: &Value, wanted: &[(&str, Kind)]) {
    let entries = list.as_array().unwrap_or_else(|| panic!("{list}"));
    assert!(!entries.is_empty());
    for entry in entries {
        fields(entry, wanted);
    }
}
