//! Series.

use serde_json::{Value, json};

use crate::support::{ANNE, BEN, Platform, set_now};

fn weekly(mode: &str, dry_run: bool) -> Value {
    json!({
        "recurrence": { "local_start": "2026-10-12T10:00:00", "timezone": "Europe/Paris", "minutes": 60, "rule": "FREQ=WEEKLY;COUNT=4" },
        "items": [{ "resource": "arago" }], "title": "Weekly", "mode": mode, "dry_run": dry_run,
    })
}

fn outcomes(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |one: &Value| (text(&one["slot"]["start"]), text(&one["outcome"]));
    answer["occurrences"].as_array().unwrap().iter().map(of).collect()
}

fn told(starts: [&str; 4], outcome: &str) -> Vec<(String, String)> {
    starts.iter().map(|start| ((*start).to_owned(), outcome.to_owned())).collect()
}

/// Ten o'clock in Paris, before and after the clock change of 25 October.
const STARTS: [&str; 4] =
    ["2026-10-12T08:00:00Z", "2026-10-19T08:00:00Z", "2026-10-26T09:00:00Z", "2026-11-02T09:00:00Z"];

#[tokio::test]
async fn a_series_keeps_its_local_time_and_is_read_edited_and_cancelled() {
    let platform = Platform::start().await;
    set_now("2026-10-01T08:00:00Z");
    let dry = platform.write(ANNE, "POST", "/v1/series", weekly("all_or_nothing", true)).await.ok();
    assert_eq!(outcomes(&dry), told(STARTS, "free"));
    assert_eq!(platform.count("SELECT count(*) FROM booking").await, 0, "a dry run writes nothing");
    let made = platform.write(ANNE, "POST", "/v1/series", weekly("all_or_nothing", false)).await.ok();
    assert_eq!(outcomes(&made), told(STARTS, "booked"));
    let path = format!("/v1/series/{}", made["id"].as_str().unwrap());

    let second = json!({ "id": made["occurrences"][1]["booking"] });
    platform.act(ANNE, &second, "cancel").await.ok();
    let third = format!("/v1/bookings/{}", made["occurrences"][2]["booking"].as_str().unwrap());
    let moved = json!({ "slot": { "start": "2026-10-27T09:00:00Z", "end": "2026-10-27T10:00:00Z" } });
    let moved = platform.write(ANNE, "PATCH", &third, moved).await.ok();
    assert_eq!(moved["occurrence"], "2026-10-26T10:00:00", "its identity stays");

    // From the third on at two in the afternoon, for two hours; they are neighbours of nobody's.
    let change = json!({ "from": "2026-10-26T10:00:00", "local_time": "14:00:00", "minutes": 120 });
    let changed = platform.write(ANNE, "PATCH", &path, change).await.ok();
    let starts: Vec<_> = outcomes(&changed).into_iter().map(|one| one.0).collect();
    assert_eq!(starts, ["2026-10-27T13:00:00Z", "2026-11-02T13:00:00Z"]);

    platform.write(BEN, "POST", &format!("{path}/cancel"), json!({})).await.refused(404, "not-found");
    let ended = platform.write(ANNE, "POST", &format!("{path}/cancel"), json!({})).await.ok();
    assert_eq!(ended["occurrences"].as_array().unwrap().len(), 3);
    assert_eq!(platform.count("SELECT count(*) FROM booking WHERE state <> 'cancelled'").await, 0);
    assert_eq!(platform.get_as(ANNE, &path).await.ok()["recurrence"]["except"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_series_that_gets_the_time_that_it_has_keeps_its_places() {
    let platform = Platform::start().await;
    set_now("2026-10-01T08:00:00Z");
    let made = platform.write(ANNE, "POST", "/v1/series", weekly("all_or_nothing", false)).await.ok();
    let path = format!("/v1/series/{}", made["id"].as_str().unwrap());
    let change = json!({
        "local_time": "10:00:00", "minutes": 60, "title": "Renamed", "items": [{ "resource": "arago" }],
    });
    platform.write(ANNE, "PATCH", &path, change).await.ok();
    assert_eq!(platform.count("SELECT count(*) FROM booking_slot").await, 4);
    let slot = json!({ "start": STARTS[1], "end": "2026-10-19T09:00:00Z" });
    platform.ask(BEN, &["arago"], slot, json!({})).await.refused(409, "taken");
}

#[tokio::test]
async fn a_change_of_a_series_tells_of_those_that_change_only() {
    let platform = Platform::start().await;
    set_now("2026-10-01T08:00:00Z");
    let made = platform.write(ANNE, "POST", "/v1/series", weekly("all_or_nothing", false)).await.ok();
    let path = format!("/v1/series/{}", made["id"].as_str().unwrap());
    let series = platform.get_as(ANNE, &path).await.ok();
    let third = json!({ "id": made["occurrences"][2]["booking"] });
    let third_path = format!("/v1/bookings/{}", third["id"].as_str().unwrap());
    let versions = "SELECT sum(version)::bigint FROM booking";
    for nothing in [json!({}), json!({ "local_time": "10:00:00", "minutes": 60, "title": "Weekly" })] {
        assert_eq!(platform.write(ANNE, "PATCH", &path, nothing).await.ok(), made);
        assert_eq!(platform.get_as(ANNE, &path).await.ok(), series);
    }
    assert_eq!(platform.count(versions).await, 0);
    let written = "SELECT version::bigint FROM booking_series";
    let before = platform.count(written).await;
    // One alone was renamed, and gets the name of the others back.
    platform.write(ANNE, "PATCH", &third_path, json!({ "title": "Special" })).await.ok();
    platform.write(ANNE, "PATCH", &path, json!({ "title": "Weekly" })).await.ok();
    assert_eq!((platform.count(versions).await, platform.count(written).await), (2, before));
    assert_eq!(platform.events(&third).await.len(), 3);
}

#[tokio::test]
async fn conflicts_are_told_per_occurrence_before_anything_is_written() {
    let platform = Platform::start().await;
    set_now("2026-10-19T05:00:00Z");
    platform.book(BEN, "arago", "08:30", "09:00").await;
    set_now("2026-10-01T08:00:00Z");
    let problem = platform.write(ANNE, "POST", "/v1/series", weekly("all_or_nothing", false)).await;
    let problem = problem.refused(409, "taken");
    assert_eq!(outcomes(&problem)[1], (STARTS[1].to_owned(), "taken".to_owned()));
    assert_eq!(platform.count("SELECT count(*) FROM booking WHERE owner = 'anne'").await, 0);
    let made = platform.write(ANNE, "POST", "/v1/series", weekly("free_only", false)).await.ok();
    let had: Vec<_> = outcomes(&made).into_iter().map(|one| one.1).collect();
    assert_eq!(had, ["booked", "taken", "booked", "booked"]);
    assert_eq!(platform.count("SELECT count(*) FROM booking WHERE owner = 'anne'").await, 3);
}

#[tokio::test]
async fn a_change_of_a_series_is_all_or_nothing() {
    let platform = Platform::start().await;
    set_now("2026-11-02T05:00:00Z");
    platform.book(BEN, "arago", "13:00", "14:00").await;
    set_now("2026-10-01T08:00:00Z");
    let made = platform.write(ANNE, "POST", "/v1/series", weekly("all_or_nothing", false)).await.ok();
    let path = format!("/v1/series/{}", made["id"].as_str().unwrap());
    let change = json!({ "local_time": "14:00:00" });
    platform.write(ANNE, "PATCH", &path, change).await.refused(409, "taken");
    let listed = platform.get_as(ANNE, "/v1/bookings").await.ok();
    let starts: Vec<_> =
        listed["bookings"].as_array().unwrap().iter().map(|one| one["slot"]["start"].clone()).collect();
    assert_eq!(starts, STARTS);
    let shift = platform.write(ANNE, "PATCH", &path, json!({ "local_time": "10:30:00" })).await.ok();
    assert_eq!(shift["occurrences"].as_array().unwrap().len(), 4, "their own old times are no obstacle");
}

#[tokio::test]
async fn a_series_without_an_end_is_refused() {
    let platform = Platform::start().await;
    let mut endless = weekly("all_or_nothing", false);
    endless["recurrence"]["rule"] = "FREQ=WEEKLY".into();
    platform.write(ANNE, "POST", "/v1/series", endless).await.refused(422, "invalid");
}
