//! People who want a plate that is not theirs.

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Platform, session};

const STRANGER: &str = "stranger";

impl Platform {
    async fn begin_as(&self, driver: &str, body: &Value) -> Answer {
        self.send("POST", "/v1/parking/sessions", Some((driver, "driver")), Some(body.clone())).await
    }
}

fn unpaid(plate: &str) -> Value {
    let mut asked = session(plate, 60);
    asked["pay"] = json!({ "with": "card" });
    asked
}

#[tokio::test]
async fn nobody_keeps_a_plate_by_not_paying_for_it() {
    let platform = Platform::start().await;
    let theirs = unpaid("AB123CD");
    assert_eq!(platform.begin_as(STRANGER, &theirs).await.status, 202);
    assert_eq!(platform.begin(&session("AB123CD", 60)).await.status, 201);
    // It was given up at the provider, too.
    let path = format!("/v1/parking/sessions/{}", theirs["id"].as_str().unwrap());
    let given_up = platform.send("GET", &path, Some((STRANGER, "driver")), None).await.ok();
    assert_eq!(given_up["state"], "failed");
    let states: Vec<_> = platform.provider.account().intents().map(|intent| intent.status).collect();
    assert!(states.contains(&parvis_stripe::IntentStatus::Canceled), "{states:?}");
    // One's own holds: two taps do not pay twice.
    assert_eq!(platform.begin_as(STRANGER, &unpaid("XX001XX")).await.status, 202);
    let own = platform.begin_as(STRANGER, &session("XX001XX", 60)).await.refused(409);
    assert_eq!((&own["reason"], own["id"].is_string()), (&json!("already_parked"), true));
}

#[tokio::test]
async fn a_request_that_is_refused_pushes_nobody_aside() {
    let platform = Platform::start().await;
    let first = unpaid("AB123CD");
    assert_eq!(platform.begin(&first).await.status, 202);
    let mut guess = session("AB123CD", 60);
    guess["price_cents"] = 1.into();
    platform.begin_as(STRANGER, &guess).await.refused(409);
    platform.begin_as(STRANGER, &session("AB123CD", 10)).await.refused(422);
    for plate in ["XX001XX", "XX002XX"] {
        platform.begin_as(STRANGER, &unpaid(plate)).await.ok();
    }
    platform.begin_as(STRANGER, &session("AB123CD", 60)).await.refused(429);
    let path = format!("/v1/parking/sessions/{}", first["id"].as_str().unwrap());
    assert_eq!(platform.get(&path).await.ok()["state"], "pending");
}

#[tokio::test]
async fn what_was_paid_just_before_holds() {
    let platform = Platform::start().await;
    platform.begin_as(STRANGER, &unpaid("AB123CD")).await.ok();
    assert_eq!(platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await, 200);
    assert_eq!(platform.begin(&session("AB123CD", 60)).await.refused(409)["reason"], "already_parked");
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn strangers_are_not_told_when_a_stay_ends() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 30)).await.ok();
    let refused = platform.begin_as(STRANGER, &session("AB123CD", 30)).await.refused(409);
    assert_eq!(
        (&refused["reason"], &refused["id"], &refused["until"]),
        (&json!("already_parked"), &json!(null), &json!(null))
    );
    let own = platform.begin(&session("AB123CD", 30)).await.refused(409);
    assert_eq!((&own["id"], &own["until"]), (&begun["id"], &begun["end"]));
    platform.pass(TimeDelta::minutes(45));
    let refused = platform.begin_as(STRANGER, &session("AB123CD", 30)).await.refused(422);
    assert_eq!((&refused["reason"], &refused["until"]), (&json!("noReturnPeriod"), &json!(null)));
    let own = platform.begin(&session("AB123CD", 30)).await.refused(422);
    assert_eq!((&own["reason"], &own["until"]), (&json!("noReturnPeriod"), &json!("2026-03-03T10:00:00Z")));
}

#[tokio::test]
async fn few_payments_may_be_open_or_fail_at_a_time() {
    let platform = Platform::start().await;
    for plate in ["XX001XX", "XX002XX"] {
        assert_eq!(platform.begin_as(STRANGER, &unpaid(plate)).await.status, 202);
    }
    let refused = platform.begin_as(STRANGER, &unpaid("XX003XX")).await.refused(429);
    assert_eq!(refused["type"], "https://parvis.dev/problems/too-many-payments");
    // A wallet is no way around it, nor are sessions around that of a wallet.
    let top_up = |id: &str| json!({ "id": Uuid::new_v4(), "cents": 500, "pay": { "with": "method", "id": id } });
    let put_in = async |id: &str| {
        platform.send("POST", "/v1/me/wallet/top-ups", Some((STRANGER, "driver")), Some(top_up(id))).await
    };
    put_in("pm_card_visa").await.refused(429);
    assert_eq!(platform.begin(&session("XX003XX", 60)).await.status, 201, "others may");
    platform.pass(TimeDelta::minutes(11));
    platform.app.sweep().await.unwrap();
    for _ in 0..3 {
        put_in("pm_card_chargeDeclined").await.refused(402);
    }
    for number in 0..3 {
        let mut declined = session(&format!("YY{number:03}YY"), 60);
        declined["pay"]["id"] = "pm_card_chargeDeclined".into();
        platform.begin_as(STRANGER, &declined).await.refused(402);
    }
    platform.begin_as(STRANGER, &session("YY009YY", 60)).await.refused(429);
    platform.pass(TimeDelta::minutes(11));
    assert_eq!(platform.begin_as(STRANGER, &session("YY009YY", 60)).await.status, 201);
    // Who pays is not looked at again with each further start.
    let since = platform.app.now() - TimeDelta::minutes(10);
    assert!(platform.app.store().unpaid_since(STRANGER, since).await.unwrap().is_empty());
}
