//! Places, zones and spaces as they are now.

use axum::http::StatusCode;
use chrono::TimeDelta;
use parvis_parking::Status;
use serde_json::{Value, json};

use crate::support::{Platform, now};

async fn lot() -> Platform {
    let platform = Platform::with_lot().await;
    let minute = |minutes| now() - TimeDelta::minutes(minutes);
    platform.sense("default", "Zone_A", 1, Status::Free, minute(9), None).await;
    platform.sense("default", "Zone_A", 2, Status::Occupied, minute(8), Some(88)).await;
    platform.sense("default", "Zone_A", 2, Status::Occupied, minute(2), Some(87)).await;
    platform.sense("default", "Zone_B", 9, Status::Occupied, minute(7), None).await;
    // Not in the register: the lot takes every sensor.
    platform.sense("default", "Zone_B", 40, Status::Free, minute(6), None).await;
    platform.sense("default", "Annexe", 1, Status::Occupied, minute(5), None).await;
    // The current state counts the findings that are known: let there be some answer of the history.
    platform.get("/v1/places/default/findings").await.ok();
    platform
}

#[tokio::test]
async fn a_place_is_told_with_its_zones() {
    let platform = lot().await;
    let place = platform.invoke(include_str!("../../../../events/occupancy/read-place.json")).await;
    assert_eq!(place.header("content-type"), "application/json");
    insta::assert_json_snapshot!("place", place.ok());
    let list = platform.invoke(include_str!("../../../../events/occupancy/list-places.json")).await.ok();
    assert_eq!(list, json!({ "places": [place.json()] }));
}

#[tokio::test]
async fn a_zone_is_told_alone() {
    let platform = lot().await;
    let zone = platform.get("/v1/places/default/zones/Zone_B").await.ok();
    let place = platform.get("/v1/places/default").await.ok();
    assert_eq!(zone, place["zones"][2]);
    platform.get("/v1/places/default/zones/Zone_Z").await.refused(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn spaces_are_those_of_the_register_and_those_that_report() {
    let platform = lot().await;
    let answer = platform.get("/v1/places/default/spaces").await.ok();
    let spaces = answer["spaces"].as_array().unwrap();
    let names: Vec<String> =
        spaces.iter().map(|space| format!("{}/{}", space["zone"].as_str().unwrap(), space["number"])).collect();
    assert_eq!(names.len(), 26);
    assert_eq!((names[0].as_str(), names[1].as_str(), names[15].as_str()), ("Annexe/1", "Zone_A/1", "Zone_B/40"));
    let only = platform.invoke(include_str!("../../../../events/occupancy/read-spaces.json")).await.ok();
    assert_eq!(only["spaces"].as_array().unwrap().len(), 8);
    insta::assert_json_snapshot!("spaces", only["spaces"].as_array().unwrap()[..3]);
    platform.get("/v1/places/default/spaces?zone=Zone_Z").await.refused(StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_unchanged_state_is_not_sent_twice() {
    let platform = lot().await;
    for path in ["/v1/places", "/v1/places/default", "/v1/places/default/spaces", "/v1/places/default/alerts"] {
        let tag = platform.get(path).await.header("etag").to_owned();
        let again = platform.send("GET", path, None, &[("if-none-match", &tag)], None).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
    }
    let tag = platform.get("/v1/places/default").await.header("etag").to_owned();
    platform.sense("default", "Zone_A", 1, Status::Occupied, now(), None).await;
    let changed = platform.send("GET", "/v1/places/default", None, &[("if-none-match", &tag)], None).await;
    assert_eq!(changed.ok()["occupancy"]["occupied"], 4);
}

#[tokio::test]
async fn the_default_place_appears_with_its_first_sensor() {
    let platform = Platform::empty().await;
    assert_eq!(platform.get("/v1/places").await.ok(), json!({ "places": [] }), "nothing registered, nothing heard");
    platform.sense("default", "Zone_A", 3, Status::Occupied, now(), None).await;
    let places = platform.get("/v1/places").await.ok();
    assert_eq!((&places["places"][0]["id"], &places["places"][0]["version"]), (&json!("default"), &json!(0)));
    assert_eq!(places["places"][0]["occupancy"]["occupied"], 1);
    let unknown = platform.get("/v1/places/nowhere").await.refused(StatusCode::NOT_FOUND);
    assert_eq!(unknown["detail"], "There is no such place.");
}

#[tokio::test]
async fn closed_spaces_and_zones_count_in_no_total() {
    let platform = lot().await;
    let manager = Some("manager");
    let version = |zone: &Value| format!("\"{}\"", zone["version"]);
    let zone = platform.get("/v1/places/default/zones/Zone_A").await.ok();
    let path = "/v1/places/default/zones/Zone_A/spaces/2";
    platform.send("PATCH", path, manager, &[("if-match", &version(&zone))], Some(json!({ "closed": true }))).await.ok();
    let occupancy = &platform.get("/v1/places/default").await.ok()["occupancy"];
    assert_eq!((&occupancy["total"], &occupancy["occupied"]), (&json!(25), &json!(2)));
    let spaces = platform.get("/v1/places/default/spaces?zone=Zone_A").await.ok();
    assert_eq!((&spaces["spaces"][1]["closed"], &spaces["spaces"][1]["status"]), (&json!(true), &json!("occupied")));
}
