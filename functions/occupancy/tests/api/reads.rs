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

async fn change(platform: &Platform, path: &str, version: &Value, change: Value) {
    let tag = format!("\"{version}\"");
    platform.send("PATCH", path, Some("manager"), &[("if-match", &tag)], Some(change)).await.ok();
}

#[tokio::test]
async fn closed_spaces_count_in_no_total() {
    let platform = lot().await;
    let zone = platform.get("/v1/places/default/zones/Zone_A").await.ok();
    let path = "/v1/places/default/zones/Zone_A/spaces/2";
    change(&platform, path, &zone["version"], json!({ "closed": true })).await;
    let occupancy = &platform.get("/v1/places/default").await.ok()["occupancy"];
    assert_eq!((&occupancy["total"], &occupancy["occupied"]), (&json!(25), &json!(2)));
    let spaces = platform.get("/v1/places/default/spaces?zone=Zone_A").await.ok();
    assert_eq!((&spaces["spaces"][1]["closed"], &spaces["spaces"][1]["status"]), (&json!(true), &json!("occupied")));
}

/// The total and the sum of the open zones' totals, as the API and the field project's two routes tell them.
async fn totals(platform: &Platform) -> Vec<(u64, u64)> {
    let sum = |zones: Vec<&Value>| zones.into_iter().map(|zone| zone.as_u64().unwrap()).sum::<u64>();
    let place = platform.get("/v1/places/default").await.ok();
    let open = |zone: &&Value| [&place, zone].iter().all(|part| part["status"] == "open");
    let zones =
        place["zones"].as_array().unwrap().iter().filter(open).map(|zone| &zone["occupancy"]["total"]).collect();
    let current = platform.get("/api/current").await.ok();
    let field = current["zones"].as_object().unwrap().values().flat_map(|zone| [&zone["free"], &zone["occupied"]]);
    let compared = platform.get("/api/stats/zones").await.ok();
    let compared = compared.as_array().unwrap().iter().map(|zone| &zone["total"]).collect();
    vec![
        (place["occupancy"]["total"].as_u64().unwrap(), sum(zones)),
        (sum(vec![&current["free"], &current["occupied"]]), sum(field.collect())),
        (current["total"].as_u64().unwrap(), sum(compared)),
    ]
}

#[tokio::test]
async fn closed_zones_and_places_are_closed_in_every_view() {
    let platform = lot().await;
    assert_eq!(totals(&platform).await, [(26, 26), (5, 5), (26, 26)], "two free, three taken, the others silent");
    change(&platform, "/v1/places/default/zones/Zone_B", &json!(1), json!({ "status": "closed" })).await;
    assert_eq!(totals(&platform).await, [(19, 19), (3, 3), (19, 19)]);
    let supply = |feed: &Value| -> Vec<Value> {
        let elements = feed["data"].as_array().unwrap().iter();
        elements.map(|element| element["hierarchyElementReference"]["supply"][0]["supplyQuantity"].clone()).collect()
    };
    let feed = platform.get("/open-data/apds/supply").await.ok();
    assert_eq!(
        supply(&feed),
        [json!(19), json!(1), json!(8), json!(0), json!(10)],
        "the place, the annexe, A, B and C"
    );
    let place = platform.get("/v1/places/default").await.ok();
    change(&platform, "/v1/places/default", &place["version"], json!({ "status": "closed" })).await;
    assert_eq!(totals(&platform).await, [(0, 0), (0, 0), (0, 0)]);
    assert_eq!(platform.get("/v1/places").await.ok()["places"][0]["occupancy"]["free"], 0);
    let feed = platform.get("/open-data/apds/supply").await.ok();
    assert_eq!(supply(&feed), [json!(0), json!(0), json!(0), json!(0), json!(0)]);
    let feed = platform.get("/open-data/apds/places").await.ok();
    let open = feed["data"].as_array().unwrap().iter().map(|element| &element["characteristics"]["openToPublic"]);
    assert_eq!(open.filter(|open| **open == json!(false)).count(), 5);
}

#[tokio::test]
async fn a_place_that_cannot_be_read_does_not_hide_the_others() {
    let platform = lot().await;
    platform.sense("other", "A", 1, Status::Free, now(), None).await;
    let other = json!({ "id": "other", "name": "Other" });
    platform.send("POST", "/v1/places", Some("admin"), &[], Some(other)).await.ok();
    platform.spoil("other", "A", 1).await;
    let places = platform.get("/v1/places").await.ok();
    let ids: Vec<&Value> = places["places"].as_array().unwrap().iter().map(|place| &place["id"]).collect();
    assert_eq!(ids, [&json!("default")]);
    assert_eq!(platform.get("/open-data/apds/supply").await.ok()["data"].as_array().unwrap().len(), 5);
    platform.get("/v1/places/other").await.refused(StatusCode::INTERNAL_SERVER_ERROR);
}
