//! The interfaces that others have defined: the field project's, APDS and CDS.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use chrono::TimeDelta;
use parvis_parking::Status;
use serde_json::{Value, json};

use crate::support::{Platform, at, now};

async fn lot() -> Platform {
    let platform = Platform::with_lot().await;
    for space in 1..=8_u32 {
        let status = if space <= 5 { Status::Occupied } else { Status::Free };
        platform.sense("default", "Zone_A", space, status, now() - TimeDelta::minutes(40), None).await;
    }
    for space in 1..=5 {
        platform.stay("Zone_A", space, "2026-01-31T11:20:00Z", None).await;
    }
    platform.stay("Zone_B", 9, "2026-01-31T09:00:00Z", Some("2026-01-31T09:30:00.25Z")).await;
    platform
}

#[tokio::test]
async fn the_six_routes_of_the_field_project() {
    let platform = lot().await;
    let current = platform.invoke(include_str!("../../../../events/occupancy/field-current.json")).await.ok();
    assert_eq!(
        current,
        json!({
            "success": true, "timestamp": "2026-01-31T13:00:00", "total": 24, "free": 3, "occupied": 5,
            "zones": {
                "Zone_A": { "free": 3, "occupied": 5 },
                "Zone_B": { "free": 0, "occupied": 0 },
                "Zone_C": { "free": 0, "occupied": 0 },
            }
        })
    );
    insta::assert_json_snapshot!("field_events", platform.get("/api/events?limit=2").await.ok());
    let history = platform.get("/api/history").await.ok();
    assert_eq!(history["history"].as_array().unwrap().len(), 30);
    assert_eq!(
        history["history"][0],
        json!({ "timestamp": "2026-01-31T12:30:00", "occupied": 5, "free": 19, "occupancy_rate": 20.83 })
    );
    let hourly = platform.get("/api/stats/hourly").await.ok();
    assert_eq!(hourly[0], json!({ "hour": 10, "avg_occupancy": 2.08, "samples": 1 }));
    let zones = platform.get("/api/stats/zones").await.ok();
    assert_eq!(zones[0], json!({ "zone": "Zone_A", "total": 8, "occupied": 5, "free": 3, "occupancy_rate": 62.5 }));
    let health = platform.get("/api/health").await.ok();
    assert_eq!((&health["success"], &health["status"]), (&json!(true), &json!("healthy")));
    platform.get("/api/events?limit=0").await.refused(StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn places_and_supply_in_the_shape_of_apds() {
    let platform = lot().await;
    insta::assert_json_snapshot!("apds_places", platform.get("/open-data/apds/places").await.ok());
    let supply = platform.invoke(include_str!("../../../../events/occupancy/open-data-supply.json")).await.ok();
    insta::assert_json_snapshot!("apds_supply", supply["data"].as_array().unwrap()[..2]);
    let later = platform.get("/open-data/apds/places?modified_since=2026-02-01T00:00:00Z").await.ok();
    assert_eq!(later["data"], json!([]));
}

#[tokio::test]
async fn curb_events_in_the_shape_of_cds() {
    let platform = lot().await;
    let page = platform.get("/open-data/cds/events?limit=2").await;
    assert_eq!(page.header("content-type"), "application/vnd.cds+json;version=1.0");
    insta::assert_json_snapshot!("cds_events", page.ok());
    let updated = &page.json()["last_updated"];
    let mut next = "/open-data/cds/events?limit=2".to_owned();
    let mut ids = BTreeSet::new();
    loop {
        let page = platform.get(&next).await.ok();
        assert_eq!(page["last_updated"], *updated, "the same on every page");
        ids.extend(page["data"]["events"].as_array().unwrap().iter().map(|event| event["event_id"].to_string()));
        match page["links"]["next"].as_str() {
            Some(link) => next = link.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids.len(), 7);
    let from = at("2026-01-31T09:10:00Z").timestamp_millis();
    let to = at("2026-01-31T10:00:00Z").timestamp_millis();
    let some = platform.get(&format!("/open-data/cds/events?zone=Zone_B&start_time={from}&end_time={to}")).await.ok();
    let types: Vec<&Value> =
        some["data"]["events"].as_array().unwrap().iter().map(|event| &event["event_type"]).collect();
    assert_eq!(types, [&json!("park_end")]);
    assert_eq!(some["last_updated"], *updated, "the newest of the place, not of the page");
    for (query, field) in [("start_time=1000&end_time=1000", "start_time"), ("start_time=0", "start_time")] {
        let answer = platform.get(&format!("/open-data/cds/events?{query}")).await;
        assert_eq!(answer.refused(StatusCode::UNPROCESSABLE_ENTITY)["errors"][0]["field"], field, "{query}");
    }
    let none = platform.get("/open-data/cds/events?start_time=0&end_time=1000").await.ok();
    assert_eq!((&none["data"]["events"], &none["last_updated"]), (&json!([]), updated));
}
