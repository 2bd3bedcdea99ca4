//! One sensor message becomes visible everywhere it should: state, history, retained summary, live update.

use anyhow::bail;
use chrono::{SubsecRound, TimeDelta, Utc};
use parvis_testkit::{Platform, Reading, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_is_seen_in_state_history_summary_and_live_updates() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("North", 1..=4), ("South", 5..=6)]).await;
    let mut summaries = platform.subscribe(&format!("summary/{place}/#")).await;
    // AWS IoT, unlike other brokers, gives `summary/<place>/#` nothing from the level above.
    let mut whole = platform.subscribe(&format!("summary/{place}")).await;
    let mut live = platform.subscribe(&format!("live/{place}/#")).await;
    let device = platform.device().await;

    let arrived = Utc::now().trunc_subsecs(3) - TimeDelta::minutes(30);
    let left = arrived + TimeDelta::seconds(95);
    let reading = |occupied, at| Reading { zone: "North".into(), space: 2, occupied, at };
    device.report(&place, &reading(false, arrived - TimeDelta::minutes(5))).await.unwrap();
    device.report(&place, &reading(true, arrived)).await.unwrap();

    let api = platform.api();
    eventually(|| async {
        let body = api.get(&format!("/v1/places/{place}")).await?;
        let occupancy = &body["occupancy"];
        match (occupancy["total"].as_u64(), occupancy["occupied"].as_u64(), occupancy["unknown"].as_u64()) {
            (Some(6), Some(1), Some(5)) => Ok(()),
            _ => bail!("{occupancy}"),
        }
    })
    .await;
    let summary = summaries.wait_for(&format!("summary/{place}/North"), |s| s["occupied"] == 1).await;
    assert_eq!(summary["total_places"], 4);
    let whole = whole.wait_for(&format!("summary/{place}"), |s| s["occupied"] == 1).await;
    assert_eq!(whole["total_places"], 6);
    let update = live.wait_for(&format!("live/{place}/North"), |u| u["summary"]["occupied"] == 1).await;
    assert_eq!(update["spaces"][0]["number"], 2);
    assert_eq!(update["spaces"][0]["status"], "occupied");

    device.report(&place, &reading(false, left)).await.unwrap();
    let events = eventually(|| async {
        let body = api.get(&format!("/v1/places/{place}/events")).await?;
        match body["events"].as_array() {
            Some(events) if events.len() == 2 => Ok(events.clone()),
            _ => bail!("{body}"),
        }
    })
    .await;
    assert_eq!(events[0]["type"], "park_end", "newest first");
    assert_eq!(events[0]["dwell_seconds"], 95);
    assert_eq!(events[1]["type"], "park_start");
    assert_eq!(events[1]["at"].as_str().unwrap().parse::<chrono::DateTime<Utc>>().unwrap(), arrived);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_listener_gets_the_retained_summary() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("Hall", 1..=2)]).await;
    let device = platform.device().await;
    device.report(&place, &Reading { zone: "Hall".into(), space: 1, occupied: true, at: Utc::now() }).await.unwrap();
    let topic = format!("summary/{place}");
    platform.subscribe(&topic).await.wait_for(&topic, |s| s["occupied"] == 1).await;
    // The first listener has seen it, so nothing new will be sent: a second one can only get it as retained.
    platform.subscribe(&topic).await.wait_for(&topic, |s| s["occupied"] == 1).await;
}
