//! Refunds that banks take late, or send back.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Platform, WEBHOOK_SECRET, session};

const BUDGET: Duration = Duration::from_secs(60);

/// A session of 4.80 that is stopped at half time, paid by a method of the test provider; its path and id.
async fn stopped(platform: &Platform, method: &str) -> (String, Value) {
    let mut asked = session("AB123CD", 120);
    asked["pay"]["id"] = method.into();
    let begun = platform.begin(&asked).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    platform.pass(TimeDelta::minutes(60));
    platform.post(&format!("{path}/stop"), json!({})).await.ok();
    (path, begun["id"].clone())
}

impl Platform {
    async fn refund_is_done(&self, path: &str) -> bool {
        let session = self.get(path).await.ok();
        assert_eq!(session["refunds"].as_array().unwrap().len(), 1, "{session}");
        session["refunds"][0]["done"].as_bool().unwrap()
    }

    /// How often the books were told of money that went back.
    async fn booked_refunds(&self, id: &Value) -> usize {
        let movements = self.data_of(&format!("session#{}", id.as_str().unwrap()), "movement#").await;
        movements.iter().filter(|movement| movement.contains("\"kind\":\"refund\"")).count()
    }
}

#[tokio::test]
async fn what_the_bank_sends_back_is_owed_and_given_again() {
    let platform = Platform::start().await;
    let (path, id) = stopped(&platform, "pm_card_refundFail").await;
    assert!(platform.refund_is_done(&path).await);
    assert_eq!(platform.taken(), 240);
    platform.pass(TimeDelta::minutes(2));
    assert_eq!(platform.taken(), 480, "the bank has sent it back");
    assert_eq!(platform.message_of("refund.failed", &id, WEBHOOK_SECRET).await.status, 204);
    assert!(!platform.refund_is_done(&path).await);
    let found = platform.app.reconcile(BUDGET).await.unwrap();
    assert_eq!(found.open.keys().collect::<Vec<_>>(), ["refund_failed"]);
    // Not at once: what has just failed would fail again.
    assert_eq!(platform.app.sweep().await.unwrap().due, 0);
    platform.pass(TimeDelta::hours(1));
    platform.app.sweep().await.unwrap();
    assert!(platform.refund_is_done(&path).await);
    assert_eq!((platform.taken(), platform.booked_refunds(&id).await), (240, 1));
    assert!(platform.app.reconcile(BUDGET).await.unwrap().open.is_empty());
}

#[tokio::test]
async fn the_comparison_finds_what_no_message_has_told() {
    let platform = Platform::start().await;
    let (path, id) = stopped(&platform, "pm_card_refundFail").await;
    platform.pass(TimeDelta::minutes(2));
    let found = platform.app.reconcile(BUDGET).await.unwrap();
    assert_eq!(found.open.keys().collect::<Vec<_>>(), ["refund_failed"]);
    assert!(!platform.refund_is_done(&path).await);
    platform.pass(TimeDelta::hours(1));
    platform.app.sweep().await.unwrap();
    assert_eq!((platform.taken(), platform.booked_refunds(&id).await), (240, 1));
}

/// An extension that is paid too late, since the plate stands there anew, goes back whole. A later extension of the same time that
/// is stopped early gives back its own payment, and what the bank does with the other refund holds nothing up.
#[tokio::test]
async fn each_refund_is_of_the_payment_that_it_gives_back() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["zone"] = "Zone_A".into();
    let begun = platform.begin(&asked).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    platform.pass(TimeDelta::minutes(50));
    let late = json!({ "id": Uuid::new_v4(), "minutes": 30, "pay": { "with": "card" } });
    let waiting = platform.post(&format!("{path}/extend"), late).await.ok();
    platform.pass(TimeDelta::minutes(6));
    let operator = Some(json!({ "sub": "easy", "client_id": "easy", "scope": "parvis/park" }));
    let other = Uuid::new_v4();
    let sold = json!({ "id": other, "zone": "Zone_A", "plate": "AB123CD", "start": "2026-03-03T10:00:00Z", "minutes": 15,
                       "receipt": "1" });
    platform.send_as("POST", "/v1/operator/sessions", operator.clone(), &[], Some(sold)).await.ok();
    let confirm = format!("payment_intents/{}/confirm", waiting["payment"]["intent"].as_str().unwrap());
    platform.at_provider(&confirm, &[("payment_method", "pm_card_pendingRefundFail")]).await;
    let settled = platform.post(&format!("{path}/settle"), json!({})).await.ok();
    assert_eq!(
        (&settled["end"], &settled["refunds"][0]["amount"]["cents"]),
        (&json!("2026-03-03T10:00:00Z"), &json!(120))
    );
    let stop = format!("/v1/operator/sessions/{other}/stop");
    platform.send_as("POST", &stop, operator, &[], None).await.ok();

    let again = json!({ "id": Uuid::new_v4(), "minutes": 30, "pay": { "with": "method", "id": "pm_card_visa" } });
    platform.post(&format!("{path}/extend"), again).await.ok();
    // The bank does not take the refund of the first; the session goes on and ends all the same.
    platform.pass(TimeDelta::minutes(2));
    platform.app.sweep().await.unwrap();
    let stopped = platform.post(&format!("{path}/stop"), json!({})).await.ok();
    let refunds: Vec<_> = stopped["refunds"].as_array().unwrap().iter().map(|refund| refund["done"].clone()).collect();
    assert_eq!((&stopped["state"], refunds), (&json!("stopped"), vec![json!(false), json!(true)]));
    assert_eq!(platform.taken(), 240 + 120, "the extension's money has gone back, the other is owed");
    platform.pass(TimeDelta::hours(2));
    platform.app.sweep().await.unwrap();
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn a_refund_is_given_when_the_bank_has_taken_it() {
    let platform = Platform::start().await;
    let (path, id) = stopped(&platform, "pm_card_pendingRefund").await;
    assert!(!platform.refund_is_done(&path).await);
    assert_eq!(platform.booked_refunds(&id).await, 0);
    platform.pass(TimeDelta::minutes(2));
    platform.app.sweep().await.unwrap();
    assert!(platform.refund_is_done(&path).await);
    assert_eq!((platform.taken(), platform.booked_refunds(&id).await), (240, 1));
}

#[tokio::test]
async fn what_fails_on_its_way_or_at_once_is_tried_anew() {
    for method in ["pm_card_pendingRefundFail", "pm_card_refundRefused"] {
        let platform = Platform::start().await;
        let (path, id) = stopped(&platform, method).await;
        assert!(!platform.refund_is_done(&path).await, "{method}");
        for _ in 0..3 {
            platform.pass(TimeDelta::minutes(2));
            platform.app.sweep().await.unwrap();
            assert!(!platform.refund_is_done(&path).await, "{method}: the failed one does not count");
        }
        platform.pass(TimeDelta::hours(1));
        platform.app.sweep().await.unwrap();
        assert!(platform.refund_is_done(&path).await, "{method}");
        assert_eq!((platform.taken(), platform.booked_refunds(&id).await), (240, 1), "{method}");
    }
}
