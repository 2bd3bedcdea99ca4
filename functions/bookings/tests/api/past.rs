//! Bookings of a system that was used before.

use serde_json::{Value, json};

use crate::support::{ANNE, MANAGER, Person, Platform};

const ADMIN: Person = Person("ada", "admin");

fn past(id: u32, resource: &str, from: &str, until: &str, ended: &str, cents: i64) -> Value {
    json!({
        "id": format!("00000000-0000-4000-8000-{id:012}"), "resource": resource,
        "slot": { "start": format!("2026-06-01T{from}:00Z"), "end": format!("2026-06-01T{until}:00Z") },
        "ended": ended, "total": { "cents": cents, "currency": "EUR" },
    })
}

#[tokio::test]
async fn what_was_booked_elsewhere_is_taken_over_once_and_counted() {
    let platform = Platform::start().await;
    let import = async |who: Person, bookings: Value| {
        let body = Some(json!({ "bookings": bookings }));
        platform.send("POST", "/v1/past-bookings", Some(who), &[], body).await
    };
    // Two systems may have had two bookings of one room at a time: what is over keeps nobody out.
    let bookings = json!([
        past(1, "arago", "08:00", "10:00", "fulfilled", 2400),
        past(2, "arago", "09:00", "10:00", "noshow", 1200),
        past(3, "curie", "08:00", "12:00", "cancelled", 0),
    ]);
    import(MANAGER, bookings.clone()).await.refused(403, "forbidden");
    assert_eq!(import(ADMIN, bookings.clone()).await.ok(), json!({ "imported": 3, "known": 0 }));
    assert_eq!(import(ADMIN, bookings).await.ok(), json!({ "imported": 0, "known": 3 }));
    let report = platform
        .send("GET", "/v1/reports/bookings?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", Some(MANAGER), &[], None)
        .await
        .ok();
    let arago = report["resources"].as_array().unwrap().iter().find(|one| one["id"] == "arago").unwrap();
    assert_eq!((&arago["booked_minutes"], &arago["revenue"]["cents"]), (&180.into(), &3600.into()));
    // They can be read like any other.
    let id = "00000000-0000-4000-8000-000000000001";
    let booking = platform.send("GET", &format!("/v1/bookings/{id}"), Some(MANAGER), &[], None).await.ok();
    assert_eq!((&booking["state"], &booking["resources"][0]["id"]), (&"fulfilled".into(), &"arago".into()));
    platform.send("GET", &format!("/v1/bookings/{id}"), Some(ANNE), &[], None).await.refused(404, "not-found");
}

#[tokio::test]
async fn with_one_mistake_nothing_is_taken_over() {
    let platform = Platform::start().await;
    let mut ahead = past(2, "arago", "08:00", "10:00", "fulfilled", 0);
    ahead["slot"]["end"] = "2026-08-01T00:00:00Z".into();
    for (wrong, field) in [
        (ahead, "/bookings/1/slot"),
        (past(2, "arago", "08:00", "10:00", "fulfilled", -1), "/bookings/1/total"),
        (past(1, "arago", "10:00", "12:00", "fulfilled", 0), "/bookings/1/id"),
        (past(2, "nowhere", "08:00", "10:00", "fulfilled", 0), "/bookings/1/resource"),
    ] {
        let body = json!({ "bookings": [past(1, "arago", "08:00", "10:00", "fulfilled", 0), wrong] });
        let problem =
            platform.send("POST", "/v1/past-bookings", Some(ADMIN), &[], Some(body)).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let id = "00000000-0000-4000-8000-000000000001";
    platform.send("GET", &format!("/v1/bookings/{id}"), Some(ADMIN), &[], None).await.refused(404, "not-found");
}
