//! The OpenAPI document and its page.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use parvis_occupancy::routes::document;
use serde_json::Value;

use crate::support::{Platform, postgres};

fn api() -> Value {
    serde_json::from_str(document()).unwrap()
}

#[test]
fn the_document_changes_only_on_purpose() {
    insta::assert_json_snapshot!("openapi", api());
}

#[test]
fn every_operation_is_described() {
    let api = api();
    assert_eq!(api["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
            let administrative = operation["tags"][0] == "Administration";
            assert_eq!(operation["security"].is_array(), administrative, "{method} {path}");
            assert_eq!(method != "get", administrative, "{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path} shares its operationId");
        }
    }
    assert_eq!(ids.len(), 36);
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'v>(value: &'v Value, references: &mut BTreeSet<&'v str>) {
        match value {
            Value::Object(object) => {
                references.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| walk(value, references));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, references)),
            _ => {}
        }
    }
    let api = api();
    let mut references = BTreeSet::new();
    walk(&api, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        assert!(api.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_page_needs_no_other_host() {
    let platform = Platform::over(postgres::away()).await;
    assert_eq!(platform.get("/openapi.json").await.ok(), api());
    for (path, kind) in [("/docs", "text/html"), ("/docs/docs.js", "text/javascript"), ("/docs/docs.css", "text/css")] {
        let page = platform.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.header("content-type").starts_with(kind), "{path}");
        assert!(!page.text().contains("http://") && !page.text().contains("https://"), "{path} names another host");
    }
    assert!(platform.get("/docs").await.header("content-security-policy").contains("default-src 'none'"));
    platform.get("/docs/../lib.rs").await.refused(StatusCode::NOT_FOUND);
}

/// The gateway only hands on what the template routes to the function.
#[test]
fn the_template_routes_every_operation_here() {
    let template = include_str!("../../../../template.yaml");
    let function = template.split("\n  OccupancyFunction:\n").nth(1).unwrap();
    let routes: BTreeSet<(String, String)> = function
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .filter_map(|line| {
            let field = |name: &str| {
                let value = line.split(&format!("{name}: ")).nth(1)?;
                Some(value.split([',', '}', ' ']).next()?.trim_matches('"').to_owned())
            };
            let path = line.split("Path: ").nth(1)?.trim_start_matches('"');
            Some((field("Method")?.to_lowercase(), path.split(['"', ' ', ',']).next()?.to_owned()))
        })
        .collect();
    assert!(routes.len() >= 12, "{routes:?}");
    let routed = |method: &str, path: &str| {
        routes.iter().any(|(own, pattern)| {
            own == method && pattern.strip_suffix("{proxy+}").map_or(pattern == path, |prefix| path.starts_with(prefix))
        })
    };
    for (path, item) in api()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            assert!(routed(method, path), "the template does not route {method} {path}");
        }
    }
    for page in ["/docs", "/docs/docs.js"] {
        assert!(routed("get", page), "the template does not route {page}");
    }
}
