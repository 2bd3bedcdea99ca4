//! The OpenAPI document.

use serde_json::Value;

#[test]
fn the_document_describes_every_route() {
    let document: Value = serde_json::from_str(parvis_payments::routes::document()).unwrap();
    let mut routes: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let scheme = operation["security"][0].as_object().and_then(|scheme| scheme.keys().next());
            let scheme = scheme.map(|scheme| format!(" ({scheme})")).unwrap_or_default();
            routes.push(format!("{} {path}{scheme}", method.to_uppercase()));
        }
    }
    insta::assert_json_snapshot!(routes);
}
