//! Payments that the driver's browser brings to an end, and the provider's messages about them.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Platform, WEBHOOK_SECRET, session};

async fn pending(platform: &Platform) -> Value {
    let mut asked = session("AB123CD", 60);
    asked["pay"] = json!({ "with": "card" });
    let answer = platform.begin(&asked).await;
    assert_eq!(answer.status, 202);
    let pending = answer.ok();
    assert_eq!((&pending["state"], &pending["actions"]), (&json!("pending"), &json!(["pay", "stop"])));
    assert_eq!(pending["payment"]["client_secret"], json!(platform.intent().client_secret));
    assert!(!platform.is_allowed("AB123CD").await);
    pending
}

#[tokio::test]
async fn a_message_twice_is_as_once() {
    let platform = Platform::start().await;
    let pending = pending(&platform).await;
    // Before anything is paid it changes nothing.
    assert_eq!(platform.message(&pending["id"], WEBHOOK_SECRET).await.status, 204);
    assert!(!platform.is_allowed("AB123CD").await);
    assert_eq!(platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await, 200);
    for _ in 0..3 {
        assert_eq!(platform.message(&pending["id"], WEBHOOK_SECRET).await.status, 204);
    }
    assert!(platform.is_allowed("AB123CD").await);
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn the_page_can_ask_instead_of_waiting_for_the_message() {
    let platform = Platform::start().await;
    let pending = pending(&platform).await;
    let path = format!("/v1/parking/sessions/{}/settle", pending["id"].as_str().unwrap());
    assert_eq!(platform.post(&path, json!({})).await.status, 202);
    platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await;
    assert_eq!(platform.post(&path, json!({})).await.ok()["state"], "active");
}

#[tokio::test]
async fn strong_authentication_is_the_browsers_matter() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["pay"]["id"] = "pm_card_authenticationRequired".into();
    let waiting = platform.begin(&asked).await;
    assert_eq!(waiting.status, 202);
    assert_eq!(platform.browser("authenticate", &[("success", "true")]).await, 200);
    // The client that asks again is not told an old answer of the provider.
    assert_eq!(platform.begin(&asked).await.ok()["state"], "active");
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn forged_messages_are_refused() {
    let platform = Platform::start().await;
    let pending = pending(&platform).await;
    platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await;
    assert!(
        platform.message(&pending["id"], "whsec_other").await.refused(400)["type"]
            .as_str()
            .unwrap()
            .ends_with("signature")
    );
    platform.send("POST", "/v1/parking/webhooks/stripe", None, Some(json!({}))).await.refused(400);
    assert!(!platform.is_allowed("AB123CD").await);
    // None of ours.
    assert_eq!(platform.message(&json!("00000000-0000-4000-8000-000000000000"), WEBHOOK_SECRET).await.status, 204);
}

#[tokio::test]
async fn what_nobody_pays_is_given_up_after_ten_minutes() {
    let platform = Platform::start().await;
    let pending = pending(&platform).await;
    platform.pass(TimeDelta::minutes(9));
    platform.app.sweep().await.unwrap();
    assert_eq!(platform.intent().status, parvis_stripe::IntentStatus::RequiresPaymentMethod);
    platform.pass(TimeDelta::minutes(2));
    assert_eq!(platform.app.sweep().await.unwrap().due, 1);
    assert_eq!(platform.intent().status, parvis_stripe::IntentStatus::Canceled);
    let path = format!("/v1/parking/sessions/{}", pending["id"].as_str().unwrap());
    assert_eq!(platform.get(&path).await.ok()["state"], "failed");
    assert_eq!(platform.app.sweep().await.unwrap().due, 0);
    assert_eq!(platform.begin(&session("AB123CD", 60)).await.status, 201);
}
