//! A database that is down delays history and loses nothing.

use anyhow::bail;
use chrono::{SubsecRound, TimeDelta, Utc};
use parvis_testkit::{Platform, Reading, eventually, transitions_of};

#[tokio::test(flavor = "multi_thread")]
async fn history_catches_up_by_itself_after_the_database_was_down() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("PostgreSQL stopped and started again") else { return };
    let place = platform.new_place(&[("A", 1..=10)]).await;
    let device = platform.device().await;
    let start = Utc::now().trunc_subsecs(3) - TimeDelta::hours(1);
    let reading = |space: u32, round: i64| {
        let at = start + TimeDelta::minutes(round) + TimeDelta::seconds(space.into());
        Reading { zone: "A".into(), space, occupied: round % 2 == 1, at }
    };
    let send = async |round: i64| {
        for space in 1..=10 {
            let reading = reading(space, round);
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
    let sent: Vec<_> = (0..=4).flat_map(|round| (1..=10).map(move |space| (space, round))).collect();
    let sent: Vec<_> = sent.into_iter().map(|(space, round)| reading(space, round)).collect();
    let truth = transitions_of(&sent);
    assert_eq!(truth.len(), 40);
    eventually(|| api.history_equals(&place, &truth)).await;
}
