//! Series that others feed.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Platform, now};

const NAME: &str = "/v1/time-series/emergency-arrivals";

async fn defined() -> Platform {
    let platform = Platform::empty().await;
    platform.invoke(include_str!("../../../../events/forecast/define-series.json")).await.ok();
    platform
}

async fn feed(platform: &Platform, role: Option<&str>, observations: Value) -> crate::support::Answer {
    let body = json!({ "observations": observations });
    platform.send("POST", &format!("{NAME}/observations"), role, Some(body)).await
}

#[tokio::test]
async fn observations_are_taken_once() {
    let platform = defined().await;
    let event = include_str!("../../../../events/forecast/feed-series.json");
    assert_eq!(platform.invoke(event).await.ok(), json!({ "observations": 3, "days_changed": 1 }));
    assert_eq!(platform.invoke(event).await.ok(), json!({ "observations": 3, "days_changed": 0 }));
    let days =
        platform.store.observations(&"fed/emergency-arrivals".parse().unwrap(), now().date_naive()).await.unwrap();
    let held: Vec<f64> =
        days.iter().flat_map(|day| day.observations().collect::<Vec<_>>()).map(|one| one.value).collect();
    assert_eq!(held, [4.0, 7.0, 9.0]);
    let series = platform.send("GET", "/v1/time-series", Some("agent"), None).await.ok();
    assert_eq!(series["series"][0]["state"], "pending");
    assert_eq!(platform.send("GET", &format!("{NAME}/forecast"), Some("agent"), None).await.ok()["unit"], "count");
    platform.send("GET", &format!("{NAME}/accuracy"), Some("agent"), None).await.ok();
    // Fed series are nobody else's business.
    assert_eq!(platform.get("/v1/forecasts").await.ok()["series"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn roles_decide_who_reads_and_who_feeds() {
    let platform = defined().await;
    let observations = json!([{ "at": now(), "value": 1 }]);
    feed(&platform, None, observations.clone()).await.refused(401);
    for role in ["driver", "agent"] {
        feed(&platform, Some(role), observations.clone()).await.refused(403);
        platform.send("PUT", NAME, Some(role), Some(definition())).await.refused(403);
    }
    platform.send("GET", "/v1/time-series", Some("driver"), None).await.refused(403);
    platform.get(&format!("{NAME}/forecast")).await.refused(401);
    feed(&platform, Some("manager"), observations).await.ok();
}

fn definition() -> Value {
    json!({ "title": "Arrivals", "kind": "count", "step_minutes": 60, "timezone": "Europe/Paris", "school_zone": "C" })
}

#[tokio::test]
async fn a_definition_names_what_is_wrong_with_it() {
    let platform = Platform::empty().await;
    let fields = async |change: Value| -> Vec<String> {
        let mut body = definition();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let problem = platform.send("PUT", NAME, Some("admin"), Some(body)).await.refused(422);
        let errors = problem["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(fields(json!({ "title": " ", "step_minutes": 7 })).await, ["/title", "/step_minutes"]);
    assert_eq!(fields(json!({ "kind": "bounded" })).await, ["/capacity"]);
    assert_eq!(fields(json!({ "capacity": 3 })).await, ["/capacity"]);
    assert_eq!(fields(json!({ "timezone": "Mars/Olympus" })).await, ["/timezone"]);
    platform.send("PUT", "/v1/time-series/a%20b", Some("admin"), Some(definition())).await.refused(404);
    let bounded = json!({ "title": "Beds", "kind": "bounded", "capacity": 30, "step_minutes": 15, "timezone": "UTC" });
    let view = platform.send("PUT", "/v1/time-series/beds", Some("admin"), Some(bounded)).await.ok();
    assert_eq!((&view["unit"], &view["capacity"]), (&"bounded".into(), &30.0.into()));
}

#[tokio::test]
async fn observations_that_cannot_be_are_refused_all_together() {
    let platform = defined().await;
    let day = |days: i64| (now() + TimeDelta::days(days)).to_rfc3339();
    let observations = json!([
        { "at": now(), "value": 3 }, { "at": now(), "value": -1 }, { "at": day(2), "value": 1 }, { "at": day(-900), "value": 1 },
    ]);
    let problem = feed(&platform, Some("admin"), observations).await.refused(422);
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["/observations/1/value", "/observations/2/at", "/observations/3/at"]);
    let kept =
        platform.store.observations(&"fed/emergency-arrivals".parse().unwrap(), Default::default()).await.unwrap();
    assert!(kept.is_empty());
    feed(&platform, Some("admin"), json!([])).await.refused(422);
    let body = json!({ "observations": [{ "at": now(), "value": 1 }] });
    platform.send("POST", "/v1/time-series/unknown/observations", Some("admin"), Some(body)).await.refused(404);
}
