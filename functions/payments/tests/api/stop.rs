//! Stopping sessions early.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Platform, session};

#[tokio::test]
async fn what_was_not_used_is_given_back() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 120)).await.ok();
    let path = format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap());
    platform.pass(TimeDelta::minutes(58));
    // An hour of 2.40, since begun units of five minutes count.
    assert_eq!(platform.get(&path).await.ok()["refund"]["cents"], 240);
    let stopped = platform.post(&path, json!({})).await.ok();
    assert_eq!((&stopped["state"], &stopped["end"]), (&json!("stopped"), &json!("2026-03-03T09:58:00Z")));
    assert_eq!(stopped["refunds"], json!([{ "amount": { "cents": 240, "currency": "EUR" }, "done": true }]));
    assert_eq!((stopped["paid"]["cents"].clone(), platform.taken()), (json!(240), 240));
    assert!(!platform.is_allowed("AB123CD").await);
    // Again: the same answer, and nothing goes back twice.
    assert_eq!(platform.post(&path, json!({})).await.ok()["state"], "stopped");
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn an_extended_session_gives_back_the_last_payment_first() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    let pay = json!({ "with": "method", "id": "pm_card_visa" });
    platform.post(&format!("{path}/extend"), json!({ "id": Uuid::new_v4(), "minutes": 60, "pay": pay })).await.ok();
    platform.pass(TimeDelta::minutes(30));
    // Half an hour costs 1.20 of 4.80: all of the extension and half of the beginning go back.
    let stopped = platform.post(&format!("{path}/stop"), json!({})).await.ok();
    let back: Vec<i64> = stopped["refunds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refund| refund["amount"]["cents"].as_i64().unwrap())
        .collect();
    assert_eq!(back, [240, 120]);
    assert_eq!(platform.taken(), 120);
}

#[tokio::test]
async fn a_pending_session_is_given_up() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["pay"] = json!({ "with": "card" });
    let pending = platform.begin(&asked).await;
    assert_eq!(pending.status, 202);
    let path = format!("/v1/parking/sessions/{}/stop", asked["id"].as_str().unwrap());
    assert_eq!(platform.post(&path, json!({})).await.ok()["state"], "failed");
    assert_eq!(platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await, 400, "it can never be paid");
    assert_eq!(platform.begin(&session("AB123CD", 60)).await.status, 201);
}

#[tokio::test]
async fn what_is_over_cannot_be_stopped() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    platform.pass(TimeDelta::minutes(60));
    let path = format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap());
    assert_eq!(platform.post(&path, json!({})).await.refused(409)["reason"], "over");
    assert_eq!(platform.taken(), 240);
}
