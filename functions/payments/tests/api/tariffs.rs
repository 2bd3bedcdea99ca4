//! The tariff book.

use serde_json::json;

use crate::support::{Platform, TARIFFS};

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
async fn without_a_book_nothing_is_sold() {
    let platform = Platform::without_tariffs().await;
    platform.get("/v1/parking/zones").await.refused(404);
}
