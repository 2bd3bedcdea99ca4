//! Devices that are pushed to.

use parvis_mailroom::Unreachable;
use parvis_notices::Channel;
use serde_json::{Value, json};

use crate::support::{Answer, Platform, now};

const PATH: &str = "/v1/me/devices";

async fn register(platform: &Platform, who: &str, body: Value) -> Answer {
    platform.send("POST", PATH, Some(who), Some(body)).await
}

#[tokio::test]
async fn a_device_is_pushed_to_from_its_registration_until_it_is_removed() {
    let platform = Platform::start().await;
    let offered = platform.get(PATH, Some("driver")).await.ok();
    assert_eq!(offered, json!({ "platforms": ["fcm"], "devices": [] }));
    let phone = json!({ "platform": "fcm", "token": "t1", "name": "Pixel 9" });
    let made = register(&platform, "driver", phone.clone()).await;
    assert_eq!(made.status, 201);
    let device = made.ok();
    assert_eq!((&device["name"], &device["registered_at"]), (&json!("Pixel 9"), &json!(now())));
    let again = register(&platform, "driver", phone).await.ok();
    assert_eq!(again["id"], device["id"], "at each start of the app");
    let known = platform.get(PATH, Some("driver")).await.ok();
    assert_eq!(known["devices"], json!([device]));
    let person = platform.store.person("driver").await.unwrap();
    let channels = [Channel::Push].into();
    let reached: Vec<_> = person.reached_by(&channels).map(|address| address.to.as_str()).collect();
    assert_eq!(reached, ["arn:aws:sns:eu-west-3:000000000000:endpoint/GCM/parvis/t1"]);
    let preferences = platform.get("/v1/me/notification-preferences", Some("driver")).await.ok();
    assert_eq!(preferences["addresses"][0]["id"], device["id"], "for the page that removes it");

    let path = format!("{PATH}/{}", device["id"].as_str().unwrap());
    platform.send("DELETE", &path, Some("agent"), None).await.refused(404);
    assert_eq!(platform.send("DELETE", &path, Some("driver"), None).await.status, 204);
    assert_eq!(platform.get(PATH, Some("driver")).await.ok()["devices"], json!([]));
    let once = ["CreatePlatformEndpoint app/GCM/parvis", "SetEndpointAttributes endpoint/GCM/parvis/t1"];
    let wanted = [&once[..], &once[..], &["DeleteEndpoint endpoint/GCM/parvis/t1"]].concat();
    assert_eq!(platform.asked_of_sns(), wanted);
}

#[tokio::test]
async fn a_device_that_changes_hands_tells_nothing_of_who_had_it() {
    let platform = Platform::start().await;
    let phone = json!({ "platform": "fcm", "token": "shared" });
    register(&platform, "driver", phone.clone()).await.ok();
    let endpoint = platform.store.person("driver").await.unwrap().addresses[0].to.clone();
    platform.store.suppress(&endpoint, Unreachable::Nobody, "SNS: EndpointDisabled", now()).await.unwrap();
    register(&platform, "agent", phone).await.ok();
    assert!(platform.store.person("driver").await.unwrap().addresses.is_empty());
    assert_eq!(platform.store.person("agent").await.unwrap().addresses[0].to, endpoint);
    assert_eq!(platform.store.suppression(&endpoint, now()).await.unwrap(), None, "it is there again");
}

#[tokio::test]
async fn only_devices_of_our_applications_are_pushed_to() {
    let platform = Platform::start().await;
    platform.send("POST", PATH, None, Some(json!({ "platform": "fcm", "token": "t" }))).await.refused(401);
    for (body, field) in [
        (json!({ "platform": "apns", "token": "t" }), "/platform"),
        (json!({ "platform": "fcm", "token": "bad" }), "/token"),
        (json!({ "platform": "fcm", "token": "" }), "/token"),
        (json!({ "platform": "fcm", "token": "t", "name": "a\nb" }), "/name"),
    ] {
        assert_eq!(register(&platform, "driver", body).await.fields(), [field]);
    }
    // An ARN could be that of any account, region or application: it is not taken from anybody.
    let foreign = "arn:aws:sns:us-east-1:999999999999:endpoint/GCM/theirs/1";
    let typed = json!({ "channel": "push", "to": foreign });
    let path = "/v1/me/notification-preferences/addresses";
    assert_eq!(platform.send("POST", path, Some("driver"), Some(typed)).await.fields(), ["/channel"]);
    assert!(platform.store.person("driver").await.unwrap().addresses.is_empty());
}

#[tokio::test]
async fn who_has_their_data_forgotten_is_not_pushed_to() {
    let platform = Platform::start().await;
    register(&platform, "driver", json!({ "platform": "fcm", "token": "t1" })).await.ok();
    let endpoint = platform.store.person("driver").await.unwrap().addresses[0].to.clone();
    platform.send("DELETE", "/v1/me/notification-data", Some("driver"), None).await.ok();
    assert_eq!(platform.asked_of_sns().last().unwrap(), "DeleteEndpoint endpoint/GCM/parvis/t1");
    assert_eq!(platform.store.device_holder(&endpoint).await.unwrap(), None);
}
