//! What is told while a store is away.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use parvis_parking::Status;
use serde_json::json;

use crate::support::{Platform, now, postgres};

#[tokio::test]
async fn the_current_state_is_told_while_the_history_is_away() {
    let platform = Platform::over(postgres::away()).await;
    platform.sense("default", "Zone_A", 1, Status::Occupied, now(), None).await;
    let place = platform.get("/v1/places/default").await.ok();
    assert_eq!((&place["occupancy"]["occupied"], &place["findings"]), (&json!(1), &json!(null)));
    assert_eq!(platform.get("/v1/places").await.ok()["places"][0]["id"], "default");
    assert_eq!(platform.get("/api/current").await.ok()["occupied"], 1);
    let problem = platform.get("/v1/places/default/events").await.refused(StatusCode::SERVICE_UNAVAILABLE);
    insta::assert_json_snapshot!(problem, @r#"
    {
      "detail": "Please try again in a moment.",
      "status": 503,
      "title": "Part of the service cannot be reached",
      "type": "https://parvis.dev/problems/unavailable"
    }
    "#);
    let health = platform.get("/api/health").await;
    assert_eq!((health.status, &health.json()["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("degraded")));
}

#[tokio::test]
async fn the_current_state_does_not_wait_for_the_history() {
    let platform = Platform::over(postgres::silent().await).await;
    platform.sense("default", "Zone_A", 1, Status::Occupied, now(), None).await;
    for path in ["/v1/places", "/v1/places/default", "/v1/places", "/v1/places/default"] {
        let asked_at = Instant::now();
        platform.get(path).await.ok();
        let waited = asked_at.elapsed();
        assert!(waited < Duration::from_millis(500), "{path}: {waited:?}");
    }
}
