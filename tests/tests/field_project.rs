//! A client that knows only the field project's protocol and routes works unchanged.

use anyhow::bail;
use chrono::{TimeDelta, Utc};
use parvis_testkit::{Platform, eventually};
use serde_json::json;

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

async fn field_routes(platform: &Platform) {
    let api = platform.api();
    for path in
        ["/api/current", "/api/events?limit=5", "/api/history", "/api/stats/hourly", "/api/stats/zones", "/api/health"]
    {
        api.get(path).await.unwrap_or_else(|e| panic!("{path}: {e:#}"));
    }
}
