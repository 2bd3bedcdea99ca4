//! The OpenAPI document and the template's routes.

use std::collections::BTreeSet;

use parvis_inbox::routes::document;
use serde_json::Value;

use crate::support::Platform;

fn api() -> Value {
    serde_json::from_str(document()).unwrap()
}

#[tokio::test]
async fn the_document_changes_only_on_purpose() {
    insta::assert_json_snapshot!("openapi", api());
    assert_eq!(Platform::start().await.get("/openapi/notifications.json", None).await.ok(), api());
}

#[test]
fn every_operation_is_described_and_routed_and_nothing_else_is() {
    let api = api();
    let template = include_str!("../../../../template.yaml");
    let function = template.split("\n  InboxFunction:\n").nth(1).unwrap().split("Function:\n").next().unwrap();
    let routes: BTreeSet<(String, String, bool)> = function
        .lines()
        .filter(|line| line.contains("Type: HttpApi"))
        .map(|line| {
            let after = |name: &str| line.split(name).nth(1).unwrap().trim_start();
            let method = after("Method:").split(',').next().unwrap().to_lowercase();
            let path = after("Path:").trim_end_matches([' ', '}']);
            // The braces of a parameter at the end go with those of YAML.
            let path = if let Some(quoted) = path.strip_prefix('"') {
                quoted.trim_end_matches('"').to_owned()
            } else {
                path.to_owned()
            };
            (method, path, line.contains("*admin"))
        })
        .collect();
    let described: BTreeSet<(String, String, bool)> = api["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        })
        .map(|(path, method, operation)| {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            (method.clone(), path.clone(), operation["security"].is_array())
        })
        .collect();
    assert_eq!(described, routes);
}
