//! The provider is away, or has done something that we do not know of.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Platform, session};

#[tokio::test]
async fn without_the_provider_nobody_parks_and_nobody_pays() {
    let platform = Platform::start().await;
    platform.provider_is_away(true);
    let asked = session("AB123CD", 60);
    platform.begin(&asked).await.refused(503);
    assert!(!platform.is_allowed("AB123CD").await);
    // The same request again, when it is back.
    platform.provider_is_away(false);
    assert_eq!(platform.begin(&asked).await.status, 201);
    assert_eq!(platform.taken(), 240);
}

/// A key that is not taken (any more), a request under way, an answer that cannot be read: none is the payer's fault.
#[tokio::test]
async fn what_is_wrong_between_us_and_the_provider_declines_nobody() {
    for status in [200, 401, 403, 409, 429, 500] {
        let platform = Platform::start().await;
        platform.provider_answers(Some(status));
        let asked = session("AB123CD", 60);
        platform.begin(&asked).await.refused(503);
        platform.provider_answers(None);
        assert_eq!(platform.begin(&asked).await.status, 201, "after {status}");
        assert_eq!(platform.taken(), 240);
    }
}

#[tokio::test]
async fn a_button_that_is_pressed_twice_pays_once() {
    let platform = Platform::start().await;
    platform.provider.takes(Duration::from_millis(150));
    let asked = session("AB123CD", 60);
    let (first, second) = tokio::join!(platform.begin(&asked), platform.begin(&asked));
    assert_eq!((first.ok()["state"].clone(), second.ok()["state"].clone()), (json!("active"), json!("active")));
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn what_was_left_behind_is_given_up() {
    let platform = Platform::start().await;
    platform.provider_is_away(true);
    platform.begin(&session("AB123CD", 60)).await.refused(503);
    platform.pass(TimeDelta::minutes(2));
    let swept = platform.app.sweep().await.unwrap();
    assert_eq!((swept.due, swept.failed), (1, 1));
    platform.provider_is_away(false);
    assert_eq!(platform.app.sweep().await.unwrap().due, 0, "it has had its turn");
    platform.pass(TimeDelta::minutes(1));
    let swept = platform.app.sweep().await.unwrap();
    assert_eq!((swept.due, swept.failed), (1, 0));
    assert_eq!(platform.taken(), 0);
    assert_eq!(platform.begin(&session("AB123CD", 60)).await.status, 201);
}

#[tokio::test]
async fn a_session_stops_although_the_refund_has_to_wait() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 120)).await.ok();
    let path = format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap());
    platform.pass(TimeDelta::minutes(60));
    platform.provider_is_away(true);
    let stopped = platform.post(&path, json!({})).await.ok();
    assert_eq!((&stopped["state"], &stopped["refunds"][0]["done"]), (&json!("stopped"), &json!(false)));
    assert!(!platform.is_allowed("AB123CD").await);
    platform.provider_is_away(false);
    platform.pass(TimeDelta::minutes(2));
    platform.app.sweep().await.unwrap();
    platform.app.sweep().await.unwrap();
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn what_can_never_be_done_comes_again_later_and_later() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 120)).await.ok();
    platform.pass(TimeDelta::minutes(60));
    platform.provider_is_away(true);
    let path = format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap());
    platform.post(&path, json!({})).await.ok();
    platform.provider_is_away(false);
    // Somebody gives everything back by hand, so that our refund is refused for good.
    platform.at_provider("refunds", &[("payment_intent", &platform.intent().id)]).await;
    let mut turns = Vec::new();
    for minute in 1..=40 {
        platform.pass(TimeDelta::minutes(1));
        let swept = platform.app.sweep().await.unwrap();
        assert_eq!(swept.due, swept.failed);
        if swept.failed > 0 {
            turns.push(minute);
        }
    }
    assert_eq!(turns, [1, 2, 4, 8, 16, 32]);
}

#[tokio::test]
async fn a_run_sweeps_all_that_is_due() {
    let platform = Platform::start().await;
    // All in one partition of the work list, and more than one read of it brings.
    for number in 0..51_u128 {
        let mut asked = session(&format!("AA{number:03}AA"), 60);
        asked["id"] = json!(uuid::Uuid::from_u128((number + 1) << 8));
        assert_eq!(platform.begin(&asked).await.status, 201);
    }
    platform.pass(TimeDelta::minutes(61));
    let swept = platform.app.sweep().await.unwrap();
    assert_eq!((swept.due, swept.failed), (51, 0));
    assert_eq!(platform.app.sweep().await.unwrap().due, 0);
}
