//! Webhooks.

use serde_json::{Value, json};

use crate::support::{Answer, Platform};

async fn make(platform: &Platform, role: &str, url: &str) -> Answer {
    let body = json!({ "name": "Signs", "url": url, "filter": { "types": ["parvis.parking."] } });
    platform.send("POST", "/v1/webhooks", Some(role), Some(body)).await
}

#[tokio::test]
async fn managers_make_webhooks_and_see_their_secret_once() {
    let platform = Platform::start().await;
    make(&platform, "driver", "https://signs.example.org/x").await.refused(403);
    let made: Value = make(&platform, "manager", "https://signs.example.org/x").await.ok();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let id = made["id"].as_str().unwrap();
    let listed = platform.get("/v1/webhooks", Some("admin")).await.ok();
    assert_eq!((&listed["webhooks"][0]["id"], &listed["webhooks"][0]["secret"]), (&json!(id), &Value::Null));
    let path = format!("/v1/webhooks/{id}");
    let off = platform.send("PATCH", &path, Some("manager"), Some(json!({ "active": false }))).await.ok();
    assert_eq!(off["active"], false);
    assert_eq!(platform.get(&format!("{path}/attempts"), Some("manager")).await.ok(), json!({ "attempts": [] }));
    platform.send("DELETE", &path, Some("manager"), None).await.ok();
    platform.send("DELETE", &path, Some("manager"), None).await.refused(404);
}

#[tokio::test]
async fn a_webhook_names_the_events_that_it_is_told() {
    let platform = Platform::start().await;
    let ask = async |types: Value| {
        let body = json!({ "name": "Signs", "url": "https://signs.example.org/x", "filter": { "types": types } });
        platform.send("POST", "/v1/webhooks", Some("manager"), Some(body)).await
    };
    for types in [json!([]), json!(["parvis.weather."]), json!(["parvis.booking.confirmed", "parvis"])] {
        assert_eq!(ask(types.clone()).await.fields(), ["/filter/types"], "{types}");
    }
    ask(json!(["parvis.booking.", "parvis.parking.alert.raised"])).await.ok();
}

#[tokio::test]
async fn a_webhook_stands_on_the_public_internet() {
    let platform = Platform::start().await;
    for url in
        ["http://signs.example.org", "https://10.0.0.1/x", "https://localhost/", "https://169.254.169.254/", "signs"]
    {
        assert_eq!(make(&platform, "manager", url).await.fields(), ["/url"], "{url}");
    }
}
