//! What is kept of a person, and for how long.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use serde_json::json;

use crate::support::{DRIVER, Platform, at, session};

#[tokio::test]
async fn the_clear_plate_is_gone_after_a_day() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    platform.pass(TimeDelta::hours(24));
    assert_eq!(platform.get(&path).await.ok()["plate"], "AB123CD");
    platform.pass(TimeDelta::hours(2));
    assert!(platform.get(&path).await.ok().get("plate").is_none());
}

#[tokio::test]
async fn the_clear_plate_is_kept_for_a_day_after_the_real_end() {
    let platform = Platform::start().await;
    platform.fund(DRIVER, 1000).await;
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    assert_eq!(platform.plate_until(&begun["id"]).await, Some(at("2026-03-04T10:00:00Z")));
    // Longer, paid from the wallet.
    let longer = json!({ "id": uuid::Uuid::new_v4(), "minutes": 60, "pay": { "with": "wallet" } });
    platform.post(&format!("{path}/extend"), longer).await.ok();
    assert_eq!(platform.plate_until(&begun["id"]).await, Some(at("2026-03-04T11:00:00Z")));
    // Shorter.
    platform.pass(TimeDelta::minutes(10));
    platform.post(&format!("{path}/stop"), json!({})).await.ok();
    assert_eq!(platform.plate_until(&begun["id"]).await, Some(at("2026-03-04T09:10:00Z")));
    // Never: declined, and not paid in time.
    let mut declined = session("XX001XX", 60);
    declined["pay"]["id"] = "pm_card_chargeDeclined".into();
    platform.begin(&declined).await.refused(402);
    assert_eq!(platform.plate_until(&declined["id"]).await, None);
    let mut abandoned = session("XX002XX", 60);
    abandoned["pay"] = json!({ "with": "card" });
    assert_eq!(platform.begin(&abandoned).await.status, 202);
    platform.pass(TimeDelta::minutes(11));
    platform.app.sweep().await.unwrap();
    assert_eq!(platform.plate_until(&abandoned["id"]).await, None);
}

#[tokio::test]
async fn erasure_leaves_nothing_of_who_it_was() {
    let platform = Platform::start().await;
    platform.fund(DRIVER, 240).await;
    let mut asked = session("AB123CD", 60);
    asked["pay"] = json!({ "with": "wallet" });
    platform.begin(&asked).await.ok();
    platform.begin(&session("XX001XX", 60)).await.ok();
    platform.pass(TimeDelta::minutes(61));
    platform.app.sweep().await.unwrap();
    let erased = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await;
    assert_eq!(erased.status, 204);
    let items = platform.dynamodb.scan().table_name("payments").send().await.unwrap().items.unwrap();
    let speaks = |value: &AttributeValue| value.as_s().is_ok_and(|text| text.contains(DRIVER));
    let left: Vec<_> = items.iter().filter(|item| item.values().any(speaks)).collect();
    assert!(left.is_empty(), "{left:?}");
    let path = format!("/v1/parking/sessions/{}", asked["id"].as_str().unwrap());
    assert_eq!(platform.send("GET", &path, Some(("boss", "manager")), None).await.ok()["paid"]["cents"], 240);
}

#[tokio::test]
async fn the_table_of_payments_never_holds_a_clear_plate() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    let path = format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap());
    platform.pass(TimeDelta::minutes(10));
    platform.post(&path, json!({})).await.ok();
    let items = platform.dynamodb.scan().table_name("payments").send().await.unwrap().items.unwrap();
    assert!(items.len() >= 6, "{}", items.len());
    let speaks = |value: &AttributeValue| value.as_s().is_ok_and(|text| text.contains("AB123CD"));
    assert!(!items.iter().flat_map(|item| item.values()).any(speaks));
}

#[tokio::test]
async fn a_person_gets_everything_and_has_it_erased() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    let data = platform.get("/v1/me/parking-data").await.ok();
    assert_eq!((&data["sessions"][0]["id"], &data["subject"]), (&begun["id"], &json!(DRIVER)));

    platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await.refused(409);
    platform.pass(TimeDelta::minutes(61));
    platform.app.sweep().await.unwrap();
    let erased = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await;
    assert_eq!(erased.status, 204);
    platform.get(&path).await.refused(404);
    assert_eq!(platform.get("/v1/me/parking-data").await.ok()["sessions"], json!([]));
    let kept = platform.send("GET", &path, Some(("boss", "manager")), None).await.ok();
    assert!(kept.get("plate").is_none());
    assert_eq!(kept["paid"]["cents"], 240, "the books' side stays");
}
