//! The provider is away, or has done something that we do not know of.

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

#[tokio::test]
async fn what_was_left_behind_is_given_up() {
    let platform = Platform::start().await;
    platform.provider_is_away(true);
    platform.begin(&session("AB123CD", 60)).await.refused(503);
    platform.pass(TimeDelta::minutes(2));
    let swept = platform.app.sweep().await.unwrap();
    assert_eq!((swept.due, swept.failed), (1, 1));
    platform.provider_is_away(false);
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
async fn the_comparison_repairs_what_it_can_and_names_the_rest() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["pay"] = json!({ "with": "card" });
    platform.begin(&asked).await.ok();
    platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await;
    let found = platform.app.reconcile().await.unwrap();
    assert_eq!((found.compared, found.repaired, found.open.len()), (1, 1, 0), "{found:?}");
    assert!(platform.is_allowed("AB123CD").await);
    let again = platform.app.reconcile().await.unwrap();
    assert_eq!((again.compared, again.repaired, again.open.len()), (1, 0, 0), "{again:?}");

    // Somebody gives money back by hand at the provider.
    platform.pass(TimeDelta::minutes(61));
    platform.app.sweep().await.unwrap();
    let form = [("payment_intent", platform.intent().id), ("amount", "100".to_owned())];
    let request = reqwest::Client::new().post(format!("{}/v1/refunds", platform.provider_url)).form(&form);
    let key = parvis_test_provider::SECRET_KEY;
    assert!(request.bearer_auth(key).send().await.unwrap().status().is_success());
    let found = platform.app.reconcile().await.unwrap();
    assert_eq!(found.open.keys().collect::<Vec<_>>(), ["refunds_differ"]);
}
