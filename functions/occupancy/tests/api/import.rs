//! Files of places and spaces.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Platform};

const CAR_PARKS: &str = include_str!("../../../../events/occupancy/import-car-parks.json");
const BAD_SPACES: &str = include_str!("../../../../events/occupancy/import-bad-spaces.json");
const GEOJSON: &str = include_str!("../../../../events/occupancy/import-geojson.json");

async fn csv(platform: &Platform, text: &str) -> Answer {
    platform
        .send("POST", "/v1/places/import", Some("manager"), &[("content-type", "text/csv")], Some(text.into()))
        .await
}

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn counted_car_parks_are_imported_once() {
    let platform = Platform::empty().await;
    let first = platform.invoke(CAR_PARKS).await.ok();
    insta::assert_json_snapshot!("imported_car_parks", first);
    let again = platform.invoke(CAR_PARKS).await.ok();
    assert_eq!((&again["rows"], &again["places"]), (&json!(2), &json!({ "created": 0, "changed": 0 })));
    let place = platform.get("/v1/places/corum").await.ok();
    assert_eq!(
        (&place["name"], &place["version"], &place["zones"][0]["id"]),
        (&json!("Corum"), &json!(1), &json!("main"))
    );
    assert_eq!(place["zones"][0]["capacity"], 480);
    let bigger = csv(&platform, "place;name;capacity\ncorum;Corum;500\n").await.ok();
    assert_eq!(
        (&bigger["places"]["changed"], &bigger["zones"]["changed"]),
        (&json!(0), &json!(1)),
        "semicolons are taken too"
    );
    assert_eq!(
        platform.get("/v1/places/corum").await.ok()["location"],
        place["location"],
        "what the file leaves out stays"
    );
}

#[tokio::test]
async fn a_file_with_an_error_imports_nothing() {
    let platform = Platform::with_lot().await;
    let problem = platform.invoke(BAD_SPACES).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_json_snapshot!("bad_spaces", problem);
    assert_eq!(platform.get("/v1/places/default/zones/Zone_A").await.ok()["version"], 1);
}

#[tokio::test]
async fn what_only_the_register_can_tell_is_refused_too() {
    let platform = Platform::with_lot().await;
    csv(&platform, "place,name,capacity\ncorum,Corum,480\n").await.ok();
    let file = "place,zone,number\ndefault,Zone_A,1\ndefault,Zone_A,1\nnowhere,Z,1\ncorum,main,1\n";
    let problem = csv(&platform, file).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fields(&problem), ["line 3, number", "line 4, place", "line 5, zone"]);
    let problem = csv(&platform, "place,name\ncorum,A\ncorum,B\n").await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fields(&problem), ["line 3, place"]);
}

#[tokio::test]
async fn spaces_are_added_and_changed_and_stay_closed() {
    let platform = Platform::with_lot().await;
    let path = "/v1/places/default/zones/Zone_A/spaces/1";
    platform.send("PATCH", path, Some("admin"), &[("if-match", "\"1\"")], Some(json!({ "closed": true }))).await.ok();
    let file = "place,zone,number,label,kind,lat,lon,x,y,sensor_id\n\
                default,Zone_A,1,A1,electric,48.8,2.3,1,2,s-1\n\
                default,Zone_A,2,,disabled,,,6.25,2.5,2\n\
                default,Zone_D,25,,,,,,,\n";
    let result = csv(&platform, file).await.ok();
    assert_eq!(result["spaces"], json!({ "created": 1, "changed": 1 }), "space 2 is as it was");
    assert_eq!(result["zones"], json!({ "created": 1, "changed": 1 }));
    let spaces = platform.get("/v1/places/default/spaces").await.ok();
    let first = &spaces["spaces"][0];
    assert_eq!((&first["label"], &first["kind"], &first["closed"]), (&json!("A1"), &json!("electric"), &json!(true)));
    assert_eq!(spaces["spaces"].as_array().unwrap().len(), 25);
    assert_eq!(csv(&platform, file).await.ok()["zones"], json!({ "created": 0, "changed": 0 }));
}

#[tokio::test]
async fn geojson_holds_places_and_spaces() {
    let platform = Platform::with_lot().await;
    let result = platform.invoke(GEOJSON).await.ok();
    assert_eq!((&result["places"]["created"], &result["spaces"]["created"]), (&json!(1), &json!(1)));
    let place = platform.get("/v1/places/arc-de-triomphe").await.ok();
    assert_eq!(
        (&place["location"], &place["occupancy"]["total"]),
        (&json!({ "lat": 43.6112, "lon": 3.8724 }), &json!(440))
    );
    let line = json!({ "type": "FeatureCollection", "features": [
        { "type": "Feature", "geometry": { "type": "LineString", "coordinates": [[1, 2], [3, 4]] }, "properties": {} },
        { "type": "Feature", "geometry": null, "properties": {} },
    ]});
    let headers = [("content-type", "application/geo+json")];
    let problem = platform.send("POST", "/v1/places/import", Some("admin"), &headers, Some(line)).await;
    let problem = problem.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fields(&problem), ["/features/0/geometry", "/features/1/geometry"]);
}

#[tokio::test]
async fn what_is_no_such_file_is_refused() {
    let platform = Platform::empty().await;
    let send = async |kind: &str, body: &str| {
        platform.send("POST", "/v1/places/import", Some("admin"), &[("content-type", kind)], Some(body.into())).await
    };
    send("application/pdf", "%PDF").await.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    send("application/geo+json", "{}").await.refused(StatusCode::BAD_REQUEST);
    let problem = send("text/csv", "place,colour\np,red\n").await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fields(&problem), ["line 1"]);
    let problem = send("text/csv", "place,name\np\n").await.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fields(&problem), ["line 2"]);
}
