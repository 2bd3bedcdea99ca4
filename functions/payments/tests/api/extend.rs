//! Extending sessions.

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Platform, session};

fn extension(minutes: u32) -> Value {
    json!({ "id": Uuid::new_v4(), "minutes": minutes, "pay": { "with": "method", "id": "pm_card_visa" } })
}

async fn begun(platform: &Platform, minutes: u32) -> String {
    let begun = platform.begin(&session("AB123CD", minutes)).await.ok();
    format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_extension_costs_what_the_whole_stay_would_have() {
    let platform = Platform::start().await;
    let path = begun(&platform, 60).await;
    platform.pass(TimeDelta::minutes(50));
    // Three hours at once: 2 x 2.40 + 7.20 = 12.00, of which 2.40 is paid.
    let quote = platform.post(&format!("{path}/extension-quote"), json!({ "minutes": 120 })).await.ok();
    assert_eq!(quote["quote"]["due"]["cents"], 960);
    let asked = extension(120);
    let extended = platform.post(&format!("{path}/extend"), asked.clone()).await.ok();
    assert_eq!((&extended["end"], &extended["paid"]["cents"]), (&json!("2026-03-03T12:00:00Z"), &json!(1200)));
    assert_eq!(platform.taken(), 1200);
    platform.pass(TimeDelta::minutes(100));
    assert!(platform.is_allowed("AB123CD").await);
    // The same id extends once.
    let again = platform.post(&format!("{path}/extend"), asked).await.ok();
    assert_eq!(again["end"], extended["end"]);
    assert_eq!(platform.taken(), 1200);
}

#[tokio::test]
async fn an_extension_ends_at_the_maximum_stay() {
    let platform = Platform::start().await;
    let path = begun(&platform, 180).await;
    let refused = platform.post(&format!("{path}/extend"), extension(61)).await.refused(422);
    assert_eq!(refused["reason"], "maxStayReached");
    platform.post(&format!("{path}/extend"), extension(60)).await.ok();
}

#[tokio::test]
async fn a_declined_extension_leaves_the_session_as_it_was() {
    let platform = Platform::start().await;
    let path = begun(&platform, 60).await;
    let mut asked = extension(60);
    asked["pay"]["id"] = "pm_card_chargeDeclined".into();
    platform.post(&format!("{path}/extend"), asked).await.refused(402);
    let session = platform.get(&path).await.ok();
    assert_eq!((&session["state"], &session["end"]), (&json!("active"), &json!("2026-03-03T10:00:00Z")));
    platform.post(&format!("{path}/extend"), extension(60)).await.ok();
    assert_eq!(platform.taken(), 480);
}

#[tokio::test]
async fn one_payment_at_a_time() {
    let platform = Platform::start().await;
    let path = begun(&platform, 60).await;
    let pending = platform.post(&format!("{path}/extend"), json!({ "id": Uuid::new_v4(), "minutes": 30 })).await;
    assert_eq!(pending.status, 202);
    let refused = platform.post(&format!("{path}/extend"), extension(60)).await.refused(409);
    assert!(refused["type"].as_str().unwrap().ends_with("payment-under-way"));
    // Nobody brings it to an end: it is given up, and the session goes on as it was.
    platform.pass(TimeDelta::minutes(11));
    platform.app.sweep().await.unwrap();
    assert_eq!(platform.get(&path).await.ok()["end"], "2026-03-03T10:00:00Z");
    platform.post(&format!("{path}/extend"), extension(60)).await.ok();
}

#[tokio::test]
async fn what_is_over_is_not_extended() {
    let platform = Platform::start().await;
    let path = begun(&platform, 60).await;
    platform.pass(TimeDelta::minutes(61));
    let refused = platform.post(&format!("{path}/extend"), extension(60)).await.refused(422);
    assert_eq!(refused["reason"], "noExtensionPossible");
    platform.app.sweep().await.unwrap();
    assert_eq!(platform.post(&format!("{path}/extend"), extension(60)).await.refused(409)["reason"], "over");
}
