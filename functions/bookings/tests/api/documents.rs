//! What the API says about itself.

use crate::support::Platform;

#[tokio::test]
async fn the_document_describes_every_route() {
    let platform = Platform::start().await;
    let document = platform.get("/openapi/bookings.json").await.ok();
    let routes: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            methods.map(move |method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
        })
        .collect();
    insta::assert_json_snapshot!("routes", routes);
    insta::assert_json_snapshot!("schemas", document["components"]["schemas"]);
}

#[tokio::test]
async fn unknown_routes_are_problems() {
    let platform = Platform::start().await;
    platform.get("/v1/nowhere").await.refused(404, "not-found");
}
