//! A zone that fills up alerts once per threshold, and once more when it has emptied.

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_testkit::{Api, Device, Platform, Reading, eventually};
use serde_json::Value;

async fn alerts(api: &Api, place: &str, count: usize) -> Vec<Value> {
    eventually(|| async {
        let body = api.get(&format!("/v1/places/{place}/alerts")).await?;
        match body["alerts"].as_array() {
            Some(alerts) if alerts.len() == count => Ok(alerts.clone()),
            _ => bail!("{count} alerts wanted: {body}"),
        }
    })
    .await
}

/// The ids of alerts, or of their events.
fn sorted(alerts: &[Value]) -> Vec<String> {
    let mut ids: Vec<_> = alerts.iter().map(|alert| alert["id"].to_string()).collect();
    ids.sort();
    ids
}

async fn set(
    device: &Device,
    place: &str,
    spaces: std::ops::RangeInclusive<u32>,
    occupied: bool,
    at: DateTime<Utc>,
) -> anyhow::Result<()> {
    for space in spaces {
        let reading = Reading { zone: "Deck".into(), space, occupied, at };
        device.publish(reading.topic(place), reading.payload()).await?;
    }
    device.acknowledged().await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_crossing_is_announced_once_on_mqtt_and_by_sms() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("Deck", 1..=20)]).await;
    if let Some(embedded) = platform.embedded() {
        embedded.subscribe_phone("AlertsTopic", "+33600000001").await.unwrap();
    }
    let api = platform.api();
    // On AWS IoT the second filter does not cover the first, unlike in the MQTT standard.
    let of_place = platform.subscribe(&format!("alerts/{place}")).await;
    let of_zones = platform.subscribe(&format!("alerts/{place}/+")).await;
    let device = platform.device().await;
    let start = Utc::now() - TimeDelta::minutes(10);
    let minute = |n| start + TimeDelta::minutes(n);

    set(&device, &place, 1..=20, false, minute(0)).await.unwrap();
    // 14 of 20 is 70 %: busy. Zone and place cross together, each is told.
    set(&device, &place, 1..=14, true, minute(1)).await.unwrap();
    let raised = alerts(&api, &place, 2).await;
    assert!(
        raised.iter().all(|a| a["type"] == "raised" && a["level"] == "busy" && a["threshold"] == 70.0),
        "{raised:?}"
    );
    // 17 of 20 is 85 %: saturated.
    set(&device, &place, 15..=17, true, minute(2)).await.unwrap();
    alerts(&api, &place, 4).await;
    // 80 % is within the hysteresis: nothing is said.
    set(&device, &place, 1..=1, false, minute(3)).await.unwrap();
    // 45 % is below both thresholds: both are cleared, for the zone and for the place.
    set(&device, &place, 2..=8, false, minute(4)).await.unwrap();
    let all = alerts(&api, &place, 8).await;
    assert_eq!(all[0]["type"], "cleared", "{all:?}");

    // One more crossing: what is told of it comes after everything about the others, a second telling included.
    set(&device, &place, 2..=8, true, minute(5)).await.unwrap();
    let wanted = sorted(&alerts(&api, &place, 10).await);
    let listeners = std::cell::RefCell::new([of_place, of_zones]);
    let told = eventually(|| async {
        let told: Vec<Value> = listeners
            .borrow_mut()
            .iter_mut()
            .flat_map(|listener| listener.heard().iter().map(|(_, event)| event.clone()).collect::<Vec<_>>())
            .collect();
        if told.len() >= wanted.len() { Ok(told) } else { bail!("{} of {} alerts heard", told.len(), wanted.len()) }
    })
    .await;
    assert_eq!(sorted(&told), wanted, "MQTT tells what the API tells, each once");

    if let Some(embedded) = platform.embedded_or_say("the SMS of each alert, read in the outbox") {
        let sms = eventually(|| async {
            let sent = embedded.outbox().await?;
            let about: Vec<Value> =
                sent.into_iter().filter(|m| m.to_string().contains(&place) && m["kind"] == "sms").collect();
            if about.len() == wanted.len() { Ok(about) } else { bail!("{} messages", about.len()) }
        })
        .await;
        assert!(sms.iter().any(|m| m["body"].as_str().is_some_and(|b| b.contains("85"))), "{sms:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_zone_clears_its_alert_without_any_sensor() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("Deck", 1..=20), ("Roof", 1..=20)]).await;
    let api = platform.api();
    let mut listener = platform.subscribe(&format!("summary/{place}")).await;
    let device = platform.device().await;
    let at = Utc::now() - TimeDelta::minutes(10);
    set(&device, &place, 1..=18, true, at).await.unwrap();
    let raised = alerts(&api, &place, 2).await;
    assert!(raised.iter().all(|alert| alert["zone"] == "Deck" && alert["type"] == "raised"), "{raised:?}");

    let path = format!("/v1/places/{place}/zones/Deck");
    let version = api.get(&path).await.unwrap()["version"].to_string();
    let manager = platform.login("manager").await;
    let closing = manager
        .request(reqwest::Method::PATCH, &path)
        .header("if-match", format!("\"{version}\""))
        .json(&serde_json::json!({ "status": "closed" }));
    let (status, body) = manager.answer(closing).await.unwrap();
    assert!(status.is_success(), "{status}: {body}");

    let all = alerts(&api, &place, 4).await;
    assert!(all[..2].iter().all(|alert| alert["zone"] == "Deck" && alert["type"] == "cleared"), "{all:?}");
    listener.wait_for(&format!("summary/{place}"), |summary| summary["total_places"] == 20).await;
}
