//! Events page by page.

use axum::http::StatusCode;
use serde_json::Value;

use crate::support::Platform;

async fn busy_lot() -> Platform {
    let platform = Platform::with_lot().await;
    for minute in 0..30 {
        let (zone, space) = if minute % 3 == 0 { ("Zone_B", 9) } else { ("Zone_A", 1 + minute % 4) };
        // Two at every instant, so that pages are cut inside one.
        let from = format!("2026-01-31T{:02}:{minute:02}:00Z", 8 + minute % 2);
        platform.stay(zone, space, &from, Some(&from.replace(":00Z", ":30Z"))).await;
        platform.transition(zone, space, &from, "comms_restored", None).await;
    }
    platform
}

async fn all(platform: &Platform, query: &str, limit: usize) -> Vec<Value> {
    let mut events = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = platform.get(&format!("/v1/places/default/events?limit={limit}{query}{cursor}")).await.ok();
        let rows = page["events"].as_array().unwrap().clone();
        assert!(rows.len() <= limit);
        events.extend(rows);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return events,
        }
    }
}

#[tokio::test]
async fn pages_hold_every_event_once_and_newest_first() {
    let platform = busy_lot().await;
    let whole = all(&platform, "", 1000).await;
    assert_eq!(whole.len(), 90);
    assert!(whole.is_sorted_by(|a, b| a["at"].as_str() >= b["at"].as_str()));
    for limit in [1, 7, 30, 89, 90] {
        assert_eq!(all(&platform, "", limit).await, whole, "pages of {limit}");
    }
    insta::assert_json_snapshot!(
        "events",
        platform.invoke(include_str!("../../../../events/occupancy/list-events.json")).await.ok()
    );
}

#[tokio::test]
async fn filters_choose_and_pages_go_on_within_them() {
    let platform = busy_lot().await;
    let whole = all(&platform, "", 1000).await;
    let from = "2026-01-31T09:00:00Z";
    for (query, wanted) in [
        ("&zone=Zone_B", Box::new(|event: &Value| event["zone"] == "Zone_B") as Box<dyn Fn(&Value) -> bool>),
        ("&zone=Zone_A&space=2", Box::new(|event| event["zone"] == "Zone_A" && event["space"] == 2)),
        ("&type=park_end", Box::new(|event| event["type"] == "park_end")),
        ("&from=2026-01-31T09:00:00Z", Box::new(move |event| event["at"].as_str() >= Some(from))),
        ("&to=2026-01-31T09:00:00Z", Box::new(move |event| event["at"].as_str() < Some(from))),
    ] {
        let expected: Vec<Value> = whole.iter().filter(|event| wanted(event)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < whole.len(), "{query}");
        assert_eq!(all(&platform, query, 4).await, expected, "{query}");
    }
}

#[tokio::test]
async fn wrong_questions_are_refused_with_a_reason() {
    let platform = Platform::with_lot().await;
    for (query, field) in [("cursor=nonsense", "cursor"), ("limit=0", "limit"), ("limit=1001", "limit")] {
        let problem =
            platform.get(&format!("/v1/places/default/events?{query}")).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["field"], field);
    }
    for query in ["from=yesterday", "type=park", "zone=a%20b", "space=0"] {
        platform.get(&format!("/v1/places/default/events?{query}")).await.refused(StatusCode::BAD_REQUEST);
    }
    platform.get("/v1/places/nowhere/events").await.refused(StatusCode::NOT_FOUND);
}
