//! What is kept of a person, and for how long.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use serde_json::json;

use crate::support::{DRIVER, Platform, session};

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
