//! Refunds that banks take late, or send back.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

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
