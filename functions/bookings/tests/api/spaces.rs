//! Parking spaces: what other contexts are told of them, so that who has booked one has a right to it.

use serde_json::{Value, json};

use crate::support::{ANNE, BEN, Platform, slot};

/// A site with two parking spaces that the live state knows, and one that it does not.
async fn with_spaces() -> Platform {
    let platform = Platform::start().await;
    for (id, number) in [("p7", 7), ("p8", 8)] {
        let sensor = json!({ "place": "hq", "zone": "Court", "space": number });
        platform.room(id, json!({ "kind": "parking", "sensor": sensor })).await;
    }
    platform.room("gravel", json!({ "kind": "parking" })).await;
    platform
}

async fn spaces(platform: &Platform, booking: &Value) -> Vec<Value> {
    platform.told(booking).await.into_iter().map(|event| event.data["spaces"].clone()).collect()
}

fn space(number: u32) -> Value {
    json!({ "zone": "Court", "space": number })
}

#[tokio::test]
async fn events_name_the_spaces_that_the_live_state_knows() {
    let platform = with_spaces().await;
    let items = ["p7", "arago", "gravel", "p8"];
    let booked = platform.ask(ANNE, &items, slot("10:00", "11:00"), json!({})).await.ok();
    assert_eq!(spaces(&platform, &booked).await, [json!([space(7), space(8)])]);
    let path = format!("/v1/bookings/{}", booked["id"].as_str().unwrap());
    for items in [json!([{ "resource": "p8" }]), json!([{ "resource": "braille" }]), json!([{ "resource": "p7" }])] {
        platform.write(ANNE, "PATCH", &path, json!({ "items": items })).await.ok();
    }
    platform.act(ANNE, &booked, "cancel").await.ok();
    let told = spaces(&platform, &booked).await;
    let wanted = [json!([space(8)]), Value::Null, json!([space(7)]), json!([space(7)])];
    assert_eq!(told[1..], wanted, "what is given up is named, too");
}

#[tokio::test]
async fn who_waits_has_no_space_and_who_is_offered_one_has() {
    let platform = with_spaces().await;
    let booked = platform.book(ANNE, "p7", "10:00", "11:00").await;
    let waits = platform.ask(BEN, &["p7"], slot("10:00", "11:00"), json!({ "waitlist": true })).await.ok();
    platform.act(ANNE, &booked, "cancel").await.ok();
    platform.act(BEN, &waits, "confirm").await.ok();
    assert_eq!(spaces(&platform, &waits).await, [Value::Null, json!([space(7)]), json!([space(7)])]);
}
