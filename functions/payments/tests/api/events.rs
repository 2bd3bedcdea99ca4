//! What drivers are told of their sessions.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Platform, session};

#[tokio::test]
async fn a_driver_is_told_when_the_paid_time_ends_and_that_it_changed() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    let extension =
        json!({ "id": uuid::Uuid::from_u128(1), "minutes": 30, "pay": { "with": "method", "id": "pm_card_visa" } });
    for _ in 0..2 {
        platform.post(&format!("{path}/extend"), extension.clone()).await.ok();
    }
    platform.pass(TimeDelta::minutes(20));
    platform.post(&format!("{path}/stop"), json!({})).await.ok();
    let told = platform.told(&begun["id"]).await;
    insta::assert_json_snapshot!(told, { "[].id" => "[id]", "[].subject" => "[subject]", "[].data.session" => "[session]" });
}

#[tokio::test]
async fn the_end_is_told_as_of_when_it_was_and_what_was_never_paid_is_not_told() {
    let platform = Platform::start().await;
    let mut pending = session("XY987ZZ", 30);
    pending["pay"] = json!({ "with": "card" });
    let pending = platform.begin(&pending).await.ok();
    let begun = platform.begin(&session("AB123CD", 30)).await.ok();
    platform.pass(TimeDelta::minutes(45));
    platform.app.sweep().await.unwrap();
    let told = platform.told(&begun["id"]).await;
    let kinds: Vec<&str> = told.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["parvis.parking.session.started", "parvis.parking.session.ended"]);
    assert_eq!(json!(told[1].time), begun["end"]);
    assert!(platform.told(&pending["id"]).await.is_empty());
}
