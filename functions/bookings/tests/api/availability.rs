//! What is free, and what is suggested.

use serde_json::json;

use crate::support::{ANNE, MANAGER, Platform, slot};

#[tokio::test]
async fn free_is_what_is_open_and_not_taken() {
    let platform = Platform::start().await;
    let opening = json!({ "weekly": [{ "days": ["Mon"], "from": "09:00:00", "until": "19:00:00" }] });
    platform.put("/v1/policies/clean", json!({ "name": "Clean", "buffer_after_minutes": 15 })).await;
    platform.room("dirac", json!({ "policy": "clean", "capacity": 8, "opening": opening })).await;
    platform.book(ANNE, "dirac", "08:00", "09:00").await;
    platform.ask(ANNE, &["dirac"], slot("10:00", "11:00"), json!({ "hold": true })).await.ok();
    let path = "/v1/availability?from=2026-07-13T00:00:00Z&to=2026-07-14T12:00:00Z&resource=dirac";
    let dirac = platform.get(path).await.ok()["resources"][0].clone();
    assert_eq!(dirac["open"], json!([{ "start": "2026-07-13T07:00:00Z", "end": "2026-07-13T17:00:00Z" }]));
    let busy = json!([
        { "start": "2026-07-13T08:00:00Z", "end": "2026-07-13T09:15:00Z", "type": "busy" },
        { "start": "2026-07-13T10:00:00Z", "end": "2026-07-13T11:15:00Z", "type": "busy_tentative" },
    ]);
    assert_eq!(dirac["busy"], busy);
    let free = json!([
        { "start": "2026-07-13T07:00:00Z", "end": "2026-07-13T08:00:00Z" },
        { "start": "2026-07-13T09:15:00Z", "end": "2026-07-13T10:00:00Z" },
        { "start": "2026-07-13T11:15:00Z", "end": "2026-07-13T17:00:00Z" },
    ]);
    assert_eq!(dirac["free"], free);
    let same =
        platform.get("/v1/free-busy?resource=dirac&from=2026-07-13T00:00:00Z&to=2026-07-14T00:00:00Z").await.ok();
    assert_eq!(same["resources"][0]["busy"], busy);
}

#[tokio::test]
async fn filters_find_what_is_needed() {
    let platform = Platform::start().await;
    platform.room("dirac", json!({ "capacity": 20, "features": ["screen", "piano"], "accessible": true })).await;
    platform.book(ANNE, "dirac", "06:00", "12:00").await;
    let ids = async |filter: &str| {
        let path = format!("/v1/availability?from=2026-07-13T06:00:00Z&to=2026-07-13T18:00:00Z&{filter}");
        let found = platform.get(&path).await.ok();
        let ids = found["resources"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("capacity=10").await, ["curie", "dirac"]);
    assert_eq!(ids("capacity=10&minutes=480").await, ["curie"], "dirac is free for six hours only");
    assert_eq!(ids("features=screen,piano").await, ["dirac"]);
    assert_eq!(ids("accessible=true").await, ["dirac"]);
    assert_eq!(ids("kind=desk").await, Vec::<String>::new());
    let backwards = "/v1/availability?from=2026-07-13T06:00:00Z&to=2026-07-13T05:00:00Z";
    platform.get(backwards).await.refused(422, "invalid");
}

#[tokio::test]
async fn a_day_is_the_one_of_the_site() {
    let platform = Platform::start().await;
    let day = platform.get("/v1/availability?resource=arago&from=2026-07-13&to=2026-07-13").await.ok();
    assert_eq!((&day["from"], &day["to"]), (&json!("2026-07-12T22:00:00Z"), &json!("2026-07-13T22:00:00Z")));
    let mixed = platform.get("/v1/free-busy?resource=arago&from=2026-07-13T06:00:00Z&to=2026-07-13").await.ok();
    assert_eq!(mixed["resources"][0]["id"], "arago");
    let report = platform.send("GET", "/v1/reports/bookings?from=2026-03-29&to=2026-03-29", Some(MANAGER), &[], None);
    let report = report.await.ok();
    assert_eq!((&report["from"], &report["to"]), (&json!("2026-03-28T23:00:00Z"), &json!("2026-03-29T22:00:00Z")));
    platform.get("/v1/availability?from=tomorrow&to=2026-07-13").await.refused(400, "bad-request");
    // In Tokyo it is another day.
    platform.put("/v1/sites/tokyo", json!({ "name": "Tokyo", "timezone": "Asia/Tokyo" })).await;
    platform.room("sakura", json!({ "site": "tokyo" })).await;
    let sakura = platform.get("/v1/availability?site=tokyo&from=2026-07-13&to=2026-07-13").await.ok();
    assert_eq!(sakura["from"], "2026-07-12T15:00:00Z");
    let several = platform.get("/v1/availability?from=2026-07-13&to=2026-07-13").await.refused(422, "invalid");
    assert_eq!(several["errors"][0]["field"], "from");
    platform.get("/v1/availability?from=2026-07-13T00:00:00Z&to=2026-07-14T00:00:00Z").await.ok();
}

#[tokio::test]
async fn suggestions_are_ranked_with_their_reason() {
    let platform = Platform::start().await;
    platform.book(ANNE, "arago", "10:00", "11:00").await;
    let path =
        "/v1/suggestions?resource=arago&start=2026-07-13T10:00:00Z&end=2026-07-13T11:00:00Z&participants=4&limit=3";
    let found = platform.get(path).await.ok();
    let told: Vec<_> = found["suggestions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["resource"].as_str().unwrap(), one["reason"].as_str().unwrap(), one["shift_minutes"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("braille", "other_place_same_time", 0),
            ("curie", "other_place_same_time", 0),
            ("arago", "same_place_other_time", -60)
        ]
    );
}
