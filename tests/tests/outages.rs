//! A database that is down delays history and loses nothing.

use anyhow::bail;
use chrono::{TimeDelta, Utc};
use parvis_testkit::{Platform, Reading, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn history_catches_up_by_itself_after_the_database_was_down() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("PostgreSQL stopped and started again") else { return };
    let place = platform.new_place(&[("A", 1..=10)]).await;
    let device = platform.device().await;
    let start = Utc::now() - TimeDelta::hours(1);
    let send = async |round: i64| {
        for space in 1..=10 {
            let reading =
                Reading { zone: "A".into(), space, occupied: round % 2 == 1, at: start + TimeDelta::minutes(round) };
            device.publish(reading.topic(&place), reading.payload()).await.unwrap();
        }
        device.acknowledged().await.unwrap();
    };
    let api = platform.api();
    let current = async |occupied: u64| {
        eventually(|| async {
            let body = api.get(&format!("/v1/places/{place}")).await?;
            if body["occupancy"]["occupied"] == occupied { Ok(()) } else { bail!("{body}") }
        })
        .await;
    };
    send(0).await;
    send(1).await;
    current(10).await;
    embedded.stop_postgres().await.unwrap();
    send(2).await;
    send(3).await;
    send(4).await;
    current(0).await; // the live state does not depend on PostgreSQL
    embedded.start_postgres().await.unwrap();
    eventually(|| async {
        let body = api.get(&format!("/v1/places/{place}/events?limit=500")).await?;
        let count = body["events"].as_array().map_or(0, Vec::len);
        if count == 40 { Ok(()) } else { bail!("{count} of 40 events") }
    })
    .await;
}
