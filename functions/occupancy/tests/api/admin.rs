//! Changing the register.

use axum::http::StatusCode;
use parvis_parking::Status;
use serde_json::{Value, json};

use crate::support::{Answer, Platform, now};

const ADMIN: Option<&str> = Some("admin");

async fn send(platform: &Platform, method: &str, path: &str, version: Option<u64>, body: Value) -> Answer {
    let tag = version.map(|version| format!("\"{version}\""));
    let headers: Vec<(&str, &str)> = tag.iter().map(|tag| ("if-match", tag.as_str())).collect();
    let body = Some(body).filter(|body| !body.is_null());
    platform.send(method, path, ADMIN, &headers, body).await
}

#[tokio::test]
async fn a_place_is_created_once() {
    let platform = Platform::empty().await;
    let create = include_str!("../../../../events/occupancy/create-place.json");
    let created = platform.invoke(create).await;
    assert_eq!(
        (created.status, created.header("location"), created.header("etag")),
        (StatusCode::CREATED, "/v1/places/gare", "\"1\"")
    );
    insta::assert_json_snapshot!("created_place", created.json());
    let problem = platform.invoke(create).await.refused(StatusCode::CONFLICT);
    assert_eq!(problem["detail"], "There is a place of this id already.");
    let read = platform.get("/v1/places/gare").await.ok();
    assert_eq!((&read["occupancy"]["total"], &read["zones"][1]["capacity"]), (&json!(658), &json!(656)));
}

#[tokio::test]
async fn only_administrators_and_managers_change_anything() {
    let platform = Platform::with_lot().await;
    for (method, path) in [
        ("POST", "/v1/places"),
        ("PUT", "/v1/places/default"),
        ("PATCH", "/v1/places/default"),
        ("DELETE", "/v1/places/default"),
        ("PUT", "/v1/places/default/zones/Zone_A"),
        ("DELETE", "/v1/places/default/zones/Zone_A"),
        ("PUT", "/v1/places/default/zones/Zone_A/spaces/1"),
        ("PATCH", "/v1/places/default/zones/Zone_A/spaces/1"),
        ("DELETE", "/v1/places/default/zones/Zone_A/spaces/1"),
        ("POST", "/v1/places/import"),
    ] {
        let body = Some(json!({ "name": "x" }));
        platform.send(method, path, None, &[], body.clone()).await.refused(StatusCode::UNAUTHORIZED);
        platform.send(method, path, Some("agent driver"), &[], body).await.refused(StatusCode::FORBIDDEN);
    }
    platform
        .invoke(include_str!("../../../../events/occupancy/create-place-as-driver.json"))
        .await
        .refused(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_change_starts_from_the_version_that_was_seen() {
    let platform = Platform::with_lot().await;
    let path = "/v1/places/default";
    send(&platform, "PATCH", path, None, json!({ "name": "Renamed" })).await.refused(StatusCode::PRECONDITION_REQUIRED);
    let changed = send(&platform, "PATCH", path, Some(1), json!({ "name": "Renamed", "address": null })).await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""));
    send(&platform, "PATCH", path, Some(1), json!({ "name": "Again" })).await.refused(StatusCode::PRECONDITION_FAILED);
    let read = platform.get(path).await.ok();
    assert_eq!((&read["name"], &read["address"], &read["version"]), (&json!("Renamed"), &json!(null), &json!(2)));
    assert_eq!(read["zones"].as_array().unwrap().len(), 3, "its zones stay");
    let closed = send(&platform, "PATCH", path, Some(2), json!({ "status": "closed" })).await.ok();
    assert_eq!((&closed["status"], &closed["version"]), (&json!("closed"), &json!(3)));
}

#[tokio::test]
async fn what_is_put_twice_is_there_once() {
    let platform = Platform::empty().await;
    let body = json!({ "name": "Foch", "timezone": "Europe/Paris" });
    for status in [StatusCode::CREATED, StatusCode::OK] {
        let answer = send(&platform, "PUT", "/v1/places/foch", None, body.clone()).await;
        assert_eq!((answer.status, &answer.json()["version"]), (status, &json!(1)));
    }
    let zone = json!({ "name": "Deck", "spaces": [{ "number": 2 }, { "number": 1, "kind": "electric" }] });
    for status in [StatusCode::CREATED, StatusCode::OK] {
        let answer = send(&platform, "PUT", "/v1/places/foch/zones/deck", None, zone.clone()).await;
        assert_eq!((answer.status, &answer.json()["version"]), (status, &json!(1)));
    }
    let space = json!({ "kind": "delivery" });
    for status in [StatusCode::CREATED, StatusCode::OK] {
        let answer = send(&platform, "PUT", "/v1/places/foch/zones/deck/spaces/3", None, space.clone()).await;
        assert_eq!((answer.status, answer.header("etag")), (status, "\"2\""));
    }
    let other = json!({ "name": "Maréchal Foch" });
    send(&platform, "PUT", "/v1/places/foch", None, other.clone()).await.refused(StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(send(&platform, "PUT", "/v1/places/foch", Some(1), other).await.ok()["version"], 2);
}

#[tokio::test]
async fn a_zone_is_renamed_and_closed_without_its_spaces_being_said_again() {
    let platform = Platform::with_lot().await;
    let path = "/v1/places/default/zones/Zone_A";
    let renamed = send(&platform, "PATCH", path, Some(1), json!({ "name": "Forecourt" })).await.ok();
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("Forecourt"), &json!(2)));
    assert_eq!(renamed["spaces"].as_array().unwrap().len(), 8);
    assert_eq!(renamed["spaces"][2]["sensor_id"], "3");
    send(&platform, "PATCH", path, Some(1), json!({ "name": "Late" })).await.refused(StatusCode::PRECONDITION_FAILED);
    for wrong in [json!({ "status": "ajar" }), json!({ "source": "counter" })] {
        send(&platform, "PATCH", path, Some(2), wrong).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    }
    send(&platform, "PATCH", "/v1/places/default/zones/Zone_Z", None, json!({})).await.refused(StatusCode::NOT_FOUND);
    assert_eq!(send(&platform, "PATCH", path, Some(2), json!({ "status": "closed" })).await.ok()["version"], 3);
    assert_eq!(platform.get("/v1/places/default").await.ok()["occupancy"]["total"], 16);
}

#[tokio::test]
async fn spaces_are_changed_one_by_one() {
    let platform = Platform::with_lot().await;
    let path = "/v1/places/default/zones/Zone_A/spaces/3";
    let closed = send(&platform, "PATCH", path, Some(1), json!({ "closed": true, "label": "A3" })).await;
    assert_eq!(
        closed.ok(),
        json!({ "number": 3, "label": "A3", "kind": "standard", "x": 8.75, "y": 2.5, "sensor_id": "3", "closed": true })
    );
    send(&platform, "PATCH", path, Some(2), json!({ "kind": "spaceship" }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY);
    send(&platform, "PATCH", path, Some(2), json!([])).await.refused(StatusCode::BAD_REQUEST);
    send(&platform, "PUT", path, Some(2), json!({ "lat": 91, "lon": 0 }))
        .await
        .refused(StatusCode::UNPROCESSABLE_ENTITY);
    send(&platform, "PATCH", "/v1/places/default/zones/Zone_A/spaces/99", Some(2), json!({}))
        .await
        .refused(StatusCode::NOT_FOUND);
    send(&platform, "PUT", "/v1/places/default/zones/Zone_Z/spaces/1", None, json!({}))
        .await
        .refused(StatusCode::NOT_FOUND);
    assert_eq!(send(&platform, "DELETE", path, None, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(platform.get("/v1/places/default/zones/Zone_A").await.ok()["occupancy"]["total"], 7);
}

#[tokio::test]
async fn what_was_used_is_closed_and_not_deleted() {
    let platform = Platform::with_lot().await;
    platform.sense("default", "Zone_A", 1, Status::Free, now(), None).await;
    platform.stay("Zone_B", 9, "2026-01-31T08:00:00Z", None).await;
    for path in [
        "/v1/places/default",
        "/v1/places/default/zones/Zone_A",
        "/v1/places/default/zones/Zone_A/spaces/1",
        "/v1/places/default/zones/Zone_B",
        "/v1/places/default/zones/Zone_B/spaces/9",
    ] {
        let problem = send(&platform, "DELETE", path, None, Value::Null).await.refused(StatusCode::CONFLICT);
        assert!(problem["detail"].as_str().unwrap().contains("Close it instead"), "{path}");
    }
    send(&platform, "DELETE", "/v1/places/default/zones/Zone_C", Some(7), Value::Null)
        .await
        .refused(StatusCode::PRECONDITION_FAILED);
    for path in ["/v1/places/default/zones/Zone_A/spaces/2", "/v1/places/default/zones/Zone_C"] {
        assert_eq!(send(&platform, "DELETE", path, None, Value::Null).await.status, StatusCode::NO_CONTENT, "{path}");
    }
    platform.get("/v1/places/default/zones/Zone_C").await.refused(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_unused_place_goes_with_its_zones() {
    let platform = Platform::empty().await;
    let create = include_str!("../../../../events/occupancy/create-place.json");
    platform.invoke(create).await.ok();
    assert_eq!(send(&platform, "DELETE", "/v1/places/gare", Some(1), Value::Null).await.status, StatusCode::NO_CONTENT);
    platform.get("/v1/places/gare").await.refused(StatusCode::NOT_FOUND);
    assert_eq!(platform.invoke(create).await.status, StatusCode::CREATED, "nothing of it is left behind");
}

#[tokio::test]
async fn wrong_bodies_are_refused_field_by_field() {
    let platform = Platform::empty().await;
    let body = json!({ "id": "p", "name": "" });
    let problem = send(&platform, "POST", "/v1/places", None, body).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"], json!([{ "field": "/name", "message": "1 to 120 characters" }]));
    let zones = json!([{ "id": "A", "spaces": [{ "number": 1 }, { "number": 1 }] }, { "id": "A" }]);
    let body = json!({ "id": "p", "name": "x", "zones": zones });
    let problem = send(&platform, "POST", "/v1/places", None, body).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<&Value> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["/zones/0/spaces", "/zones/1/id"]);
    for body in [
        json!({ "id": "no spaces allowed", "name": "x" }),
        json!({ "id": "parking", "name": "x" }),
        json!({ "id": "p" }),
        json!({ "id": "p", "name": "x", "timezone": "Mars/Olympus" }),
        json!({ "id": "p", "name": "x", "location": { "lat": 91, "lon": 0 } }),
        json!({ "id": "p", "name": "x", "thresholds": { "busy": 90, "saturated": 80, "hysteresis": 5 } }),
        json!({ "id": "p", "name": "x", "zones": [{ "id": "A", "spaces": [{ "number": 0 }] }] }),
    ] {
        send(&platform, "POST", "/v1/places", None, body).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(platform.get("/v1/places").await.ok()["places"], json!([]), "nothing was created");
}
