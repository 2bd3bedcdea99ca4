//! The OpenAPI document, the template's routes and the schedule's events.

use std::collections::BTreeSet;

use parvis_forecast::routes::document;
use parvis_forecasts::Task;
use serde_json::Value;

use crate::support::Platform;

fn api() -> Value {
    serde_json::from_str(document()).unwrap()
}

#[tokio::test]
async fn the_document_changes_only_on_purpose() {
    insta::assert_json_snapshot!("openapi", api());
    assert_eq!(Platform::empty().await.get("/openapi/forecasts.json").await.ok(), api());
}

#[test]
fn every_operation_is_described_and_routed() {
    let api = api();
    let template = include_str!("../../../../template.yaml");
    let function =
        template.split("\n  ForecastFunction:\n").nth(1).unwrap().split("\n  TrainFunction:\n").next().unwrap();
    let routed = |method: &str, path: &str, login: bool| {
        let line = |line: &&str| {
            let pattern = line.split("Path: ").nth(1).unwrap_or_default().trim_matches(['"', ' ', '}']);
            let fits = pattern.split_once("{proxy+").map_or(pattern == path, |(prefix, _)| path.starts_with(prefix));
            fits && line.contains(&format!("Method: {}", method.to_uppercase())) && line.contains("*admin") == login
        };
        function.lines().any(|one| line(&one))
    };
    let mut ids = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let login = operation["security"].is_array();
            assert_eq!(
                login,
                ["Series", "Demand", "Backtests", "Maintenance"].contains(&operation["tags"][0].as_str().unwrap()),
                "{method} {path}"
            );
            assert!(routed(method, path, login), "the template does not route {method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(ids.len(), 21);
}

#[test]
fn the_schedules_events_are_tasks() {
    let task = |event: &str| -> Task {
        serde_json::from_value(serde_json::from_str::<Value>(event).unwrap()["task"].clone()).unwrap()
    };
    assert_eq!(task(include_str!("../../../../events/forecast/nightly.json")), Task::Train);
    assert_eq!(task(include_str!("../../../../events/forecast/hourly.json")), Task::Update);
}
