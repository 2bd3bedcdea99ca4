//! The tariff book.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Platform, TARIFFS, session};

const BOSS: Option<(&str, &str)> = Some(("boss", "manager"));

#[tokio::test]
async fn a_book_is_replaced_by_who_knows_the_present_one() {
    let platform = Platform::start().await;
    let read = platform.get("/v1/parking/tariffs").await;
    assert_eq!((read.headers["etag"].to_str().unwrap(), read.body.as_slice()), ("\"1\"", TARIFFS.as_bytes()));
    let dearer = TARIFFS.replace("\"2.40\"", "\"2.60\"");
    let put = |matches: Option<&'static str>, caller| {
        let headers: Vec<_> = matches.map(|tag| ("if-match", tag)).into_iter().collect();
        let (platform, dearer) = (&platform, dearer.clone());
        async move { platform.send_with("PUT", "/v1/parking/tariffs", caller, &headers, Some(dearer.into())).await }
    };
    put(None, BOSS).await.refused(428);
    put(Some("\"7\""), BOSS).await.refused(412);
    put(Some("\"1\""), Some(("driver-1", "driver"))).await.refused(403);
    put(Some("\"1\""), BOSS).await.ok();
    let question = json!({ "zone": "Zone_B", "minutes": 60 });
    let quote = platform.send("POST", "/v1/parking/quotes", None, Some(question)).await.ok();
    assert_eq!(quote["quote"]["due"]["cents"], 260);
}

#[tokio::test]
async fn a_stay_is_settled_by_the_tariffs_that_it_was_sold_under() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["zone"] = "Zone_A".into();
    let begun = platform.begin(&asked).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    platform.pass(TimeDelta::minutes(20));
    // Twice as dear, and for shorter stays only.
    let other = TARIFFS.replace("\"0.60\"", "\"1.20\"").replace("max_stay = \"24h\"", "max_stay = \"4h\"");
    let other = other.replace("{ from = \"4h\", to = \"24h\", price = \"0.40\", every = \"15min\" },", "");
    let headers = [("if-match", "\"1\"")];
    platform.send_with("PUT", "/v1/parking/tariffs", BOSS, &headers, Some(other.into())).await.ok();
    let extension = json!({ "minutes": 15 });
    let quote = platform.post(&format!("{path}/extension-quote"), extension).await.ok();
    assert_eq!(quote["quote"]["due"]["cents"], 60);
    let pay = json!({ "with": "method", "id": "pm_card_visa" });
    platform.post(&format!("{path}/extend"), json!({ "id": Uuid::new_v4(), "minutes": 15, "pay": pay })).await.ok();
    platform.pass(TimeDelta::minutes(11));
    assert_eq!(platform.get(&format!("{path}/stop")).await.ok()["refund"]["cents"], 120);
    let stopped = platform.post(&format!("{path}/stop"), json!({})).await.ok();
    assert_eq!((stopped["paid"]["cents"].clone(), platform.taken()), (json!(180), 180));
    // Who comes now pays by the new ones.
    let question = json!({ "zone": "Zone_A", "minutes": 60 });
    let quote = platform.send("POST", "/v1/parking/quotes", None, Some(question)).await.ok();
    assert_eq!(quote["quote"]["due"]["cents"], 480);
}

#[tokio::test]
async fn a_zone_that_is_not_sold_any_more_is_still_left_and_refunded() {
    let platform = Platform::start().await;
    let begun = platform.begin(&session("AB123CD", 120)).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    let other = TARIFFS.replace("zones = [\"Zone_B\"]", "zones = [\"Zone_D\"]");
    let headers = [("if-match", "\"1\"")];
    platform.send_with("PUT", "/v1/parking/tariffs", BOSS, &headers, Some(other.into())).await.ok();
    platform.pass(TimeDelta::minutes(60));
    platform.post(&format!("{path}/stop"), json!({})).await.ok();
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn a_broken_book_is_told_with_the_places_of_its_faults() {
    let platform = Platform::start().await;
    let broken = TARIFFS.replace("max_stay = \"4h\"", "max_stay = \"5h\"");
    let found = platform.send("POST", "/v1/parking/tariffs/check", BOSS, Some(broken.clone().into())).await.ok();
    assert_eq!(found["usable"], false);
    let problem = &found["problems"][0];
    assert!(problem["location"]["line"].as_u64().unwrap() > 50, "{problem}");
    let headers = [("if-match", "\"1\"")];
    let refused = platform.send_with("PUT", "/v1/parking/tariffs", BOSS, &headers, Some(broken.into())).await;
    assert_eq!(refused.refused(422)["usable"], false);
}

#[tokio::test]
async fn the_curve_of_a_draft_is_seen_before_it_is_in_force() {
    let platform = Platform::start().await;
    let draft = TARIFFS.replace("\"2.40\"", "\"2.60\"");
    let ask = |query: &'static str, text: String, caller| {
        let platform = &platform;
        async move {
            let path = format!("/v1/parking/tariffs/preview?zone=Zone_B&points=8{query}");
            platform.send("POST", &path, caller, Some(text.into())).await
        }
    };
    let hours = |prices: &serde_json::Value| -> Vec<(i64, i64)> {
        let points = prices["points"].as_array().unwrap().iter();
        points.map(|one| (one["minutes"].as_i64().unwrap(), one["price"]["cents"].as_i64().unwrap())).take(2).collect()
    };
    assert_eq!(hours(&ask("", draft.clone(), BOSS).await.ok()), [(30, 130), (60, 260)]);
    assert_eq!(hours(&platform.get("/v1/parking/zones/Zone_B/prices?points=8").await.ok()), [(30, 120), (60, 240)]);
    let lorry = ask("&class=heavy", draft.clone(), BOSS).await.refused(422);
    assert_eq!(lorry["reason"], "noAvailability");
    ask("", draft.clone(), Some(("driver-1", "driver"))).await.refused(403);
    let broken = ask("", draft.replace("max_stay = \"4h\"", "max_stay = \"5h\""), BOSS).await.refused(422);
    assert_eq!(broken["usable"], false);
}

#[tokio::test]
async fn without_a_book_nothing_is_sold() {
    let platform = Platform::without_tariffs().await;
    platform.get("/v1/parking/zones").await.refused(404);
}
