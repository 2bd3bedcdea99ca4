//! Other apps that sell parking here.

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Platform, session};

async fn ask(platform: &Platform, client: &str, scope: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
    let claims = json!({ "sub": client, "client_id": client, "scope": scope });
    platform.send_as(method, path, Some(claims), &[], body).await
}

async fn sell(platform: &Platform, client: &str, body: &Value) -> Answer {
    ask(platform, client, "parvis/park", "POST", "/v1/operator/sessions", Some(body.clone())).await
}

fn sold(start: &str, minutes: u32) -> Value {
    json!({ "id": Uuid::new_v4(), "zone": "Zone_B", "plate": "AB-123-CD", "start": start, "minutes": minutes, "receipt": "PN-1" })
}

#[tokio::test]
async fn what_was_sold_offline_arrives_later_with_its_own_time() {
    let platform = Platform::start().await;
    let late = sold("2026-03-03T08:20:00Z", 60);
    let told = sell(&platform, "easy", &late).await.ok();
    assert_eq!((&told["state"], &told["end"]), (&json!("active"), &json!("2026-03-03T09:20:00Z")));
    assert!(told.get("plate").is_none() && platform.is_allowed("AB123CD").await);
    // Told twice: once.
    assert_eq!(sell(&platform, "easy", &late).await.ok()["id"], late["id"]);
    // Its time holds against others, whichever app they come from.
    assert_eq!(platform.begin(&session("AB123CD", 30)).await.refused(409)["reason"], "already_parked");
    assert_eq!(
        sell(&platform, "other", &sold("2026-03-03T09:00:00Z", 30)).await.refused(409)["reason"],
        "already_parked"
    );
    // One of before, that comes after it, does not hide it.
    sell(&platform, "other", &sold("2026-03-03T08:00:00Z", 15)).await.ok();
    let refused = platform.begin(&session("AB123CD", 30)).await.refused(409);
    assert_eq!(
        (&refused["reason"], &refused["id"], &refused["until"]),
        (&json!("already_parked"), &json!(null), &json!(null))
    );
    sell(&platform, "easy", &sold("2026-03-01T08:00:00Z", 15)).await.refused(422);
    // Nor is it forgotten behind the one that came first.
    assert_eq!(
        sell(&platform, "easy", &sold("2026-03-03T08:10:00Z", 5)).await.refused(409)["reason"],
        "already_parked"
    );
}

#[tokio::test]
async fn a_session_does_not_grow_into_the_one_that_follows() {
    let platform = Platform::start().await;
    // Where one may come back at once.
    let in_zone_a = |start: &str, minutes: u32| {
        let mut sold = sold(start, minutes);
        sold["zone"] = "Zone_A".into();
        sold
    };
    let first = sell(&platform, "easy", &in_zone_a("2026-03-03T08:48:00Z", 15)).await.ok();
    let next = sell(&platform, "other", &in_zone_a("2026-03-03T09:04:00Z", 30)).await.ok();
    let path = format!("/v1/operator/sessions/{}/extend", first["id"].as_str().unwrap());
    let longer = |minutes: u32| json!({ "id": Uuid::new_v4(), "minutes": minutes });
    let refused = ask(&platform, "easy", "parvis/park", "POST", &path, Some(longer(15))).await.refused(409);
    // Whose it is, and until when, is the other operator's matter.
    assert_eq!(
        (&refused["reason"], &refused["id"], &refused["until"]),
        (&json!("already_parked"), &json!(null), &json!(null))
    );
    // Once the one that follows is given up, it may.
    let stop = format!("/v1/operator/sessions/{}/stop", next["id"].as_str().unwrap());
    assert_eq!(ask(&platform, "other", "parvis/park", "POST", &stop, None).await.ok()["paid"]["cents"], 0);
    ask(&platform, "easy", "parvis/park", "POST", &path, Some(longer(15))).await.ok();
    platform.pass(TimeDelta::minutes(10));
    let mut driver = session("AB123CD", 30);
    driver["zone"] = "Zone_A".into();
    assert_eq!(platform.begin(&driver).await.refused(409)["reason"], "already_parked");
    let own = sell(&platform, "easy", &in_zone_a("2026-03-03T09:10:00Z", 15)).await.refused(409);
    assert_eq!((&own["id"], own["until"].is_string()), (&first["id"], true));
}

#[tokio::test]
async fn a_free_extension_that_an_operator_sends_twice_extends_once() {
    let platform = Platform::start().await;
    let mut whole_day = sold("2026-03-03T09:00:00Z", 600);
    whole_day["zone"] = "Zone_A".into();
    let told = sell(&platform, "easy", &whole_day).await.ok();
    let path = format!("/v1/operator/sessions/{}/extend", told["id"].as_str().unwrap());
    let extension = json!({ "id": Uuid::new_v4(), "minutes": 60 });
    for _ in 0..2 {
        let extended = ask(&platform, "easy", "parvis/park", "POST", &path, Some(extension.clone())).await.ok();
        assert_eq!((&extended["end"], &extended["paid"]["cents"]), (&json!("2026-03-03T20:00:00Z"), &json!(1800)));
    }
    let other = json!({ "id": extension["id"], "minutes": 90 });
    let refused = ask(&platform, "easy", "parvis/park", "POST", &path, Some(other)).await.refused(409);
    assert_eq!(refused["type"], "https://parvis.dev/problems/id-reused");
}

#[tokio::test]
async fn what_an_operator_sells_under_an_id_stays_that() {
    let platform = Platform::start().await;
    let mut now = sold("2026-03-03T08:50:00Z", 60);
    now.as_object_mut().unwrap().remove("start");
    let told = sell(&platform, "easy", &now).await.ok();
    // The same a day later, when its time is long over: still the same.
    platform.pass(TimeDelta::hours(30));
    assert_eq!(sell(&platform, "easy", &now).await.ok()["start"], told["start"]);
    let others = [("minutes", json!(90)), ("receipt", json!("PN-2")), ("start", json!("2026-03-04T14:00:00Z"))];
    for (field, value) in others {
        let mut other = now.clone();
        other[field] = value;
        let refused = sell(&platform, "easy", &other).await.refused(409);
        assert_eq!(refused["type"], "https://parvis.dev/problems/id-reused", "{field}");
    }
    sell(&platform, "other", &now).await.refused(409);
}

#[tokio::test]
async fn an_operator_extends_and_stops_its_own_sessions_only() {
    let platform = Platform::start().await;
    let told = sell(&platform, "easy", &sold("2026-03-03T09:00:00Z", 60)).await.ok();
    let path = format!("/v1/operator/sessions/{}", told["id"].as_str().unwrap());
    ask(&platform, "other", "parvis/park", "GET", &path, None).await.refused(404);
    ask(&platform, "easy", "parvis/read", "GET", &path, None).await.refused(403);
    platform.send("GET", &path, Some(("driver-1", "driver")), None).await.refused(401);
    let extension = json!({ "id": Uuid::new_v4(), "minutes": 60 });
    let extend = format!("{path}/extend");
    for _ in 0..2 {
        let extended = ask(&platform, "easy", "parvis/park", "POST", &extend, Some(extension.clone())).await.ok();
        assert_eq!(extended["paid"]["cents"], 480);
    }
    platform.pass(TimeDelta::minutes(60));
    let stopped = ask(&platform, "easy", "parvis/park", "POST", &format!("{path}/stop"), None).await.ok();
    assert_eq!((&stopped["state"], &stopped["paid"]["cents"]), (&json!("stopped"), &json!(240)));
    assert_eq!(platform.provider.account().intents().count(), 0, "the operator took the money");
    let list = ask(&platform, "easy", "parvis/park", "GET", "/v1/operator/sessions", None).await.ok();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_extended_and_stopped_offline_counts_by_its_own_time() {
    let platform = Platform::start().await;
    let told = sell(&platform, "easy", &sold("2026-03-03T08:50:00Z", 30)).await.ok();
    let path = format!("/v1/operator/sessions/{}", told["id"].as_str().unwrap());
    platform.pass(TimeDelta::minutes(40));
    platform.app.sweep().await.unwrap();
    assert!(!platform.is_allowed("AB123CD").await);
    let extend = async |at: &str, id: Uuid| {
        let longer = json!({ "id": id, "minutes": 60, "at": at });
        ask(&platform, "easy", "parvis/park", "POST", &format!("{path}/extend"), Some(longer)).await
    };
    // After its end, too long ago, and ahead.
    assert_eq!(extend("2026-03-03T09:25:00Z", Uuid::new_v4()).await.refused(409)["reason"], "over");
    extend("2026-03-02T09:00:00Z", Uuid::new_v4()).await.refused(422);
    assert_eq!(extend("2026-03-03T09:50:00Z", Uuid::new_v4()).await.refused(422)["errors"][0]["field"], "/at");
    let id = Uuid::new_v4();
    for _ in 0..2 {
        let extended = extend("2026-03-03T09:10:00Z", id).await.ok();
        assert_eq!((&extended["end"], &extended["state"]), (&json!("2026-03-03T10:20:00Z"), &json!("active")));
        assert_eq!(extended["paid"]["cents"], 360);
    }
    assert!(platform.is_allowed("AB123CD").await);

    platform.pass(TimeDelta::minutes(80));
    platform.app.sweep().await.unwrap();
    let stop =
        async |at: &str| ask(&platform, "easy", "parvis/park", "POST", &format!("{path}/stop?at={at}"), None).await;
    assert_eq!(stop("2026-03-03T10:30:00Z").await.refused(409)["reason"], "over");
    assert_eq!(stop("2026-03-03T08:49:00Z").await.refused(422)["errors"][0]["field"], "/at", "it stood there later");
    for _ in 0..2 {
        let stopped = stop("2026-03-03T09:50:00Z").await.ok();
        assert_eq!((&stopped["state"], &stopped["end"]), (&json!("stopped"), &json!("2026-03-03T09:50:00Z")));
        assert_eq!(stopped["paid"]["cents"], 240);
        // Told again a day later.
        platform.pass(TimeDelta::hours(30));
    }
}
