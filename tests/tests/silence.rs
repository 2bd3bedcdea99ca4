//! A sensor that falls silent is reported as lost, and as restored when it speaks again.

use anyhow::bail;
use chrono::{TimeDelta, Utc};
use parvis_testkit::{Platform, Reading, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn silence_becomes_comms_lost_and_a_message_restores_it() {
    let platform = Platform::start_with(&[("CommsLostAfterSeconds", "1")]).await;
    let Some(embedded) = platform.embedded_or_say("silence, whose timer is fired on demand") else { return };
    let place = platform.new_place(&[("A", 1..=1)]).await;
    let device = platform.device().await;
    let reading =
        |seconds| Reading { zone: "A".into(), space: 1, occupied: true, at: Utc::now() - TimeDelta::seconds(seconds) };
    device.report(&place, &reading(60)).await.unwrap();
    let api = platform.api();
    let connectivity = async |wanted: &str| {
        eventually(|| async {
            embedded.fire_schedule("IngestFunction", "Silence").await?;
            let body = api.get(&format!("/v1/places/{place}/spaces")).await?;
            if body["spaces"][0]["connectivity"] == wanted { Ok(()) } else { bail!("{body}") }
        })
        .await;
    };
    connectivity("lost").await;
    device.report(&place, &reading(1)).await.unwrap();
    eventually(|| async {
        let body = api.get(&format!("/v1/places/{place}/events")).await?;
        let kinds: Vec<_> =
            body["events"].as_array().into_iter().flatten().filter_map(|e| e["type"].as_str()).collect();
        if kinds.contains(&"comms_restored") && kinds.contains(&"comms_lost") { Ok(()) } else { bail!("{kinds:?}") }
    })
    .await;
}
