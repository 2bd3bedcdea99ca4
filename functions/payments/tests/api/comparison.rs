//! The comparison with the provider: what it repairs, what it names, and that it comes to its end.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Platform, session};

/// More than any of these comparisons takes.
const BUDGET: Duration = Duration::from_secs(60);

impl Platform {
    /// A session whose payer's browser pays, and which is not told of it.
    async fn paid_and_not_told(&self, plate: &str) -> Value {
        let mut asked = session(plate, 60);
        asked["pay"] = json!({ "with": "card" });
        // Of a driver each: one may have few open payments at a time.
        let driver = Some((plate, "driver"));
        let begun = self.send("POST", "/v1/parking/sessions", driver, Some(asked)).await.ok();
        let confirm = format!("payment_intents/{}/confirm", begun["payment"]["intent"].as_str().unwrap());
        self.at_provider(&confirm, &[("payment_method", "pm_card_visa")]).await;
        begun
    }

    /// Changes what the table has of a session.
    async fn tamper(&self, session: &Value, change: impl FnOnce(String) -> String) {
        let key = AttributeValue::S(format!("session#{}", session["id"].as_str().unwrap()));
        let get = self.dynamodb.get_item().table_name("payments").key("pk", key);
        let get = get.key("sk", AttributeValue::S("session".into()));
        let mut item = get.send().await.unwrap().item.unwrap();
        let data = change(item["data"].as_s().unwrap().clone());
        item.insert("data".into(), AttributeValue::S(data));
        self.dynamodb.put_item().table_name("payments").set_item(Some(item)).send().await.unwrap();
    }
}

#[tokio::test]
async fn the_comparison_repairs_what_it_can_and_names_the_rest() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["pay"] = json!({ "with": "card" });
    platform.begin(&asked).await.ok();
    platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await;
    let found = platform.app.reconcile(BUDGET).await.unwrap();
    assert_eq!((found.compared, found.repaired, found.open.len()), (1, 1, 0), "{found:?}");
    assert!(platform.is_allowed("AB123CD").await);
    let again = platform.app.reconcile(BUDGET).await.unwrap();
    assert_eq!((again.compared, again.repaired, again.open.len()), (1, 0, 0), "{again:?}");

    // Somebody gives money back by hand at the provider.
    platform.pass(TimeDelta::minutes(61));
    platform.app.sweep().await.unwrap();
    platform.at_provider("refunds", &[("payment_intent", &platform.intent().id), ("amount", "100")]).await;
    let found = platform.app.reconcile(BUDGET).await.unwrap();
    assert_eq!(found.open.keys().collect::<Vec<_>>(), ["refunds_differ"]);
}

#[tokio::test]
async fn one_bad_payment_does_not_end_the_comparison() {
    let platform = Platform::start().await;
    // The newest is compared first.
    let good = platform.paid_and_not_told("AA001AA").await;
    let other = platform.paid_and_not_told("AA002AA").await;
    let unreadable = platform.paid_and_not_told("AA003AA").await;
    platform.tamper(&other, |data| data.replace("\"cents\":240", "\"cents\":230")).await;
    platform.tamper(&unreadable, |_| "{}".into()).await;
    let found = platform.app.reconcile(BUDGET).await.unwrap();
    assert_eq!((found.compared, found.repaired, found.finished), (3, 1, true), "{found:?}");
    let expected = json!({
        "another_amount": [other["payment"]["intent"]], "not_compared": [unreadable["payment"]["intent"]],
    });
    assert_eq!(json!(found.open), expected);
    let path = format!("/v1/parking/sessions/{}", good["id"].as_str().unwrap());
    assert_eq!(platform.send("GET", &path, Some(("boss", "manager")), None).await.ok()["state"], "active");
}

#[tokio::test]
async fn a_comparison_that_runs_out_of_time_goes_on_where_it_was() {
    let platform = Platform::start().await;
    platform.paid_and_not_told("AB123CD").await;
    // A page of newer ones that are not ours.
    for _ in 0..100 {
        platform.at_provider("payment_intents", &[("amount", "100"), ("currency", "eur")]).await;
    }
    let mut runs = Vec::new();
    for _ in 0..3 {
        let found = platform.app.reconcile(Duration::ZERO).await.unwrap();
        runs.push((found.compared, found.repaired, found.finished));
    }
    assert_eq!(runs, [(100, 0, false), (1, 1, true), (100, 0, false)]);
}

#[tokio::test]
async fn refunds_are_listed_once_for_all_payments() {
    let platform = Platform::start().await;
    for plate in ["AA001AA", "AA002AA", "AA003AA"] {
        let begun = platform.begin(&session(plate, 120)).await.ok();
        platform.pass(TimeDelta::minutes(20));
        let path = format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap());
        assert_eq!(platform.post(&path, json!({})).await.ok()["refunds"][0]["done"], true);
    }
    let before = platform.asked_of_provider();
    let found = platform.app.reconcile(BUDGET).await.unwrap();
    assert_eq!((found.compared, found.repaired, found.open.len()), (3, 0, 0), "{found:?}");
    assert_eq!(platform.asked_of_provider() - before, 2, "a page of refunds and a page of payments");
}
