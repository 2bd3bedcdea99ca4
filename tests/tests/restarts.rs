//! `kill -9` of the whole stack loses no acknowledged message.

use anyhow::bail;
use chrono::{TimeDelta, Utc};
use parvis_testkit::{Process, Reading, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_kill_9_is_there_after_the_restart() {
    if Process::is_elsewhere("`kill -9` of the whole stack") {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let first = Process::start(data.path()).await;
    let place = first.platform().new_place(&[("A", 1..=200)]).await;
    let device = first.platform().device().await;
    let at = Utc::now() - TimeDelta::minutes(5);
    let reading = |space| Reading { zone: "A".into(), space, occupied: true, at };
    for space in 1..=200 {
        device.publish(reading(space).topic(&place), reading(space).payload()).await.unwrap();
    }
    device.acknowledged().await.unwrap();
    first.kill_9().await;
    drop(device);

    let second = Process::start(data.path()).await;
    let api = second.platform().api();
    eventually(|| async {
        let body = api.get(&format!("/v1/places/{place}")).await?;
        if body["occupancy"]["occupied"] == 200 { Ok(()) } else { bail!("{body}") }
    })
    .await;
    let topic = format!("summary/{place}");
    second.platform().subscribe(&topic).await.wait_for(&topic, |s| s["occupied"] == 200).await;
    let code = second.interrupt().await;
    assert_eq!(code, Some(0), "Ctrl-C ends it cleanly");
}
