//! A booked parking space: the plate that it was booked for may stand there, and no other.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use anyhow::bail;
use chrono::{DurationRound as _, TimeDelta, Utc};
use parvis_testkit::{Api, Platform, eventually};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

async fn send(api: &Api, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = api.request(method, path).header("idempotency-key", Uuid::new_v4().to_string()).json(body);
    api.answer(request).await.unwrap()
}

async fn done(api: &Api, method: Method, path: &str, body: Value) -> Value {
    let (status, answer) = send(api, method, path, &body).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_booked_a_space_may_stand_there_until_it_is_given_up() {
    let platform = Platform::start().await;
    let (manager, driver, agent) =
        (platform.login("manager").await, platform.login("driver").await, platform.login("agent").await);
    let unique = platform.unique();
    let (site, zone, plate) = (format!("site-{unique}"), format!("Court_{unique}"), format!("E2E{unique}"));
    done(&manager, Method::PUT, &format!("/v1/sites/{site}"), json!({ "name": "Test", "timezone": "Europe/Paris" }))
        .await;
    let policy = json!({ "name": "By the minute", "min_minutes": 1, "increment_minutes": 1 });
    done(&manager, Method::PUT, &format!("/v1/policies/{site}"), policy).await;
    let sensor = json!({ "place": "default", "zone": zone, "space": 7 });
    let space = json!({ "id": site, "site": site, "kind": "parking", "name": "7", "policy": site, "sensor": sensor });
    done(&manager, Method::PUT, &format!("/v1/resources/{site}"), space).await;

    let start = Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap() + TimeDelta::hours(2);
    let slot = json!({ "start": start, "end": start + TimeDelta::hours(1) });
    let wish = json!({ "items": [{ "resource": site }], "slot": slot, "title": "Visit", "participants": 1 });
    let booked = done(&driver, Method::POST, "/v1/bookings", wish).await;
    let id = booked["id"].as_str().unwrap();
    // Payments hear of the booking a moment later.
    let named = eventually(|| async {
        let path = format!("/v1/parking/bookings/{id}/plate");
        let (status, answer) = send(&driver, Method::PUT, &path, &json!({ "plate": plate })).await;
        if status == StatusCode::OK { Ok(answer) } else { bail!("{status} {answer}") }
    })
    .await;
    assert_eq!(named["gives_right"], true, "{named}");

    let covering = async |space: u32| {
        let question = json!({ "plate": plate, "zone": zone, "space": space, "at": start + TimeDelta::minutes(5) });
        let answer = done(&agent, Method::POST, "/v1/parking/rights/check", question).await;
        answer["covering"]["kind"].clone()
    };
    assert_eq!((covering(7).await, covering(8).await), (json!("booking"), Value::Null));
    done(&driver, Method::POST, &format!("/v1/bookings/{id}/cancel"), json!({})).await;
    eventually(|| async {
        let kind = covering(7).await;
        if kind.is_null() { Ok(()) } else { bail!("{kind} still holds") }
    })
    .await;
}
