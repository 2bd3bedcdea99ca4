//! What cannot be read goes to the dead-letter queue alone, with its payload and the reason, and can come back.

use anyhow::bail;
use chrono::{TimeDelta, Utc};
use parvis_testkit::{Platform, Reading, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_message_disturbs_no_other_and_keeps_its_payload() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("Yard", 1..=3)]).await;
    let device = platform.device().await;
    let at = Utc::now() - TimeDelta::minutes(1);
    let good = |space| Reading { zone: "Yard".into(), space, occupied: true, at };
    let ahead = Reading { at: Utc::now() + TimeDelta::minutes(6), ..good(3) };

    device.publish(good(1).topic(&place), good(1).payload()).await.unwrap();
    device.publish(good(3).topic(&place), b"\xff\xfe not json".to_vec()).await.unwrap();
    let flying = String::from_utf8(good(3).payload()).unwrap().replace("occupied", "flying");
    device.publish(good(3).topic(&place), flying).await.unwrap();
    device.publish(ahead.topic(&place), ahead.payload()).await.unwrap();
    device.publish(good(2).topic(&place), good(2).payload()).await.unwrap();
    device.acknowledged().await.unwrap();

    let api = platform.api();
    eventually(|| async {
        let body = api.get(&format!("/v1/places/{place}")).await?;
        if body["occupancy"]["occupied"] == 2 && body["occupancy"]["unknown"] == 1 { Ok(()) } else { bail!("{body}") }
    })
    .await;
    let mut dead = eventually(|| async {
        let dead = platform.dead_letters(&place).await?;
        if dead.len() == 3 { Ok(dead) } else { bail!("{} dead letters", dead.len()) }
    })
    .await;
    dead.sort_by(|a, b| a.reason.cmp(&b.reason));
    assert_eq!(dead.iter().map(|d| d.reason.as_str()).collect::<Vec<_>>(), ["bad_status", "clock_ahead", "not_json"]);
    assert_eq!(dead[2].payload, b"\xff\xfe not json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_plate_is_kept_without_the_plate() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("Yard", 1..=1)]).await;
    let device = platform.device().await;
    let ahead = (Utc::now() + TimeDelta::minutes(6)).to_rfc3339();
    let seen = format!(r#"{{"plate":"ZZ987YX","timestamp":"{ahead}"}}"#);
    device.publish(format!("{place}/parking/Yard/north-gate/plate"), seen).await.unwrap();
    // By then whatever rule takes plates too has been heard as well.
    device.publish(format!("{place}/parking/Yard/place_1"), "not json").await.unwrap();
    device.acknowledged().await.unwrap();

    let mut dead = eventually(|| async {
        let dead = platform.dead_letters(&place).await?;
        if dead.len() == 2 { Ok(dead) } else { bail!("{} dead letters", dead.len()) }
    })
    .await;
    dead.sort_by(|a, b| a.reason.cmp(&b.reason));
    assert_eq!(dead.iter().map(|d| d.reason.as_str()).collect::<Vec<_>>(), ["clock_ahead", "not_json"]);
    let kept = String::from_utf8(dead[0].payload.clone()).unwrap();
    assert!(kept.contains("plate_hash") && !kept.contains("ZZ987YX"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_from_an_unknown_place_is_kept_until_the_place_is_known() {
    let platform = Platform::start().await;
    let place = format!("later-{}", platform.unique());
    let device = platform.device().await;
    let reading = Reading { zone: "Roof".into(), space: 1, occupied: true, at: Utc::now() - TimeDelta::minutes(1) };
    device.report(&place, &reading).await.unwrap();
    eventually(|| async {
        match platform.dead_letters(&place).await?.as_slice() {
            [one] if one.reason == "unknown_place" => Ok(()),
            other => bail!("{other:?}"),
        }
    })
    .await;

    platform.create_place(&place, &[("Roof", 1..=1)]).await;
    let api = platform.api();
    // The register is cached for some seconds by the functions, so a redrive may come too early and is repeated.
    eventually(|| async {
        platform.redrive(&place).await?;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let body = api.get(&format!("/v1/places/{place}")).await?;
        if body["occupancy"]["occupied"] == 1 { Ok(()) } else { bail!("{body}") }
    })
    .await;
}
