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
    let again = platform.post(&format!("{path}/extend"), asked.clone()).await.ok();
    assert_eq!(again["end"], extended["end"]);
    let longer = json!({ "id": asked["id"], "minutes": 150, "pay": asked["pay"] });
    let refused = platform.post(&format!("{path}/extend"), longer).await.refused(409);
    assert_eq!(refused["type"], "https://parvis.dev/problems/id-reused");
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
async fn an_extension_that_is_too_little_for_a_card_is_refused() {
    let platform = Platform::start().await;
    let path = begun(&platform, 60).await;
    let refused = platform.post(&format!("{path}/extend"), extension(5)).await.refused(422);
    assert_eq!((&refused["due"]["cents"], &refused["until"]), (&json!(20), &json!("2026-03-03T10:15:00Z")));
    let extended = platform.post(&format!("{path}/extend"), extension(15)).await.ok();
    assert_eq!((&extended["failure"], &extended["paid"]["cents"]), (&json!(null), &json!(300)));
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

/// In Zone_A nothing is due beyond the cap of a stay, 18.00 after 9 hours and a quarter.
async fn beyond_the_cap(platform: &Platform) -> String {
    let mut asked = session("AB123CD", 600);
    asked["zone"] = "Zone_A".into();
    let begun = platform.begin(&asked).await.ok();
    assert_eq!(begun["paid"]["cents"], 1800);
    format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_free_extension_that_is_sent_twice_extends_once() {
    let platform = Platform::start().await;
    let path = beyond_the_cap(&platform).await;
    let asked = extension(60);
    for _ in 0..3 {
        let extended = platform.post(&format!("{path}/extend"), asked.clone()).await.ok();
        assert_eq!((&extended["end"], &extended["paid"]["cents"]), (&json!("2026-03-03T20:00:00Z"), &json!(1800)));
    }
    let until = json!({ "id": Uuid::new_v4(), "end": "2026-03-03T21:00:00Z" });
    for _ in 0..2 {
        assert_eq!(platform.post(&format!("{path}/extend"), until.clone()).await.ok()["end"], "2026-03-03T21:00:00Z");
    }
}

#[tokio::test]
async fn a_declined_extension_says_nothing_of_what_was_paid_before_or_is_free() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 525);
    asked["zone"] = "Zone_A".into();
    let begun = platform.begin(&asked).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    let mut declined = extension(30);
    declined["pay"]["id"] = "pm_card_chargeDeclined".into();
    platform.post(&format!("{path}/extend"), declined.clone()).await.refused(402);
    // The start again is the start, and not the extension.
    assert_eq!(platform.begin(&asked).await.ok()["state"], "active");
    platform.post(&format!("{path}/extend"), extension(30)).await.ok();
    platform.post(&format!("{path}/extend"), declined).await.refused(402);
    let free = platform.post(&format!("{path}/extend"), extension(60)).await.ok();
    assert_eq!((&free["end"], &free["paid"]["cents"]), (&json!("2026-03-03T19:15:00Z"), &json!(1800)));
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
