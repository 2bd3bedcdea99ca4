//! The OpenAPI document.

use serde_json::Value;

#[test]
fn the_document_describes_every_route() {
    let document: Value = serde_json::from_str(parvis_payments::routes::document()).unwrap();
    let mut routes: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let login = if operation.get("security").is_some() { " (login)" } else { "" };
            routes.push(format!("{} {path}{login}", method.to_uppercase()));
        }
    }
    insta::assert_json_snapshot!(routes);
}
