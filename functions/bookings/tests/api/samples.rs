//! The sample events, as `cargo lambda invoke --data-file` sends them.

use parvis_bookings::schedule::Task;
use serde_json::json;

use crate::support::{Platform, given};

macro_rules! event {
    ($name:literal) => {
        include_str!(concat!("../../../../events/bookings/", $name, ".json"))
    };
}

#[tokio::test]
async fn the_sample_events_tell_a_story_from_the_room_to_the_waitlist() {
    let platform = Platform::start().await;
    assert_eq!(platform.invoke(event!("put-resource")).await.ok()["name"], "Salle Arago");
    let imported = platform.invoke(event!("import-resources")).await.ok();
    assert_eq!(imported, json!({ "created": 2, "changed": 0, "unchanged": 0 }));
    let rooms = platform.invoke(event!("list-resources")).await.ok();
    assert_eq!(rooms["resources"].as_array().unwrap().len(), 3);

    let quote = platform.invoke(event!("quote")).await.ok();
    assert_eq!(quote["quote"]["charge"]["total"], json!({ "cents": 2400, "currency": "EUR" }));
    platform.invoke(event!("book-as-visitor")).await.refused(401, "unauthorized");
    let booked = platform.invoke(event!("book")).await.ok();
    assert_eq!((booked["state"].as_str(), given(&booked)), (Some("booked"), vec!["arago"]));
    assert_eq!(platform.invoke(event!("book")).await.ok()["id"], booked["id"], "the same key is the same booking");
    let waits = platform.invoke(event!("wait")).await.ok();
    assert_eq!((&waits["state"], &waits["waitlist"]["position"]), (&json!("waitlist"), &json!(1)));
    let series = platform.invoke(event!("series")).await.ok();
    assert_eq!(series["occurrences"].as_array().unwrap().len(), 8);
    let day = platform.invoke(event!("availability")).await.ok();
    assert_eq!(day["resources"][0]["busy"][0]["start"], "2026-07-13T08:00:00Z");
}

#[test]
fn the_schedules_event_is_the_sweep() {
    #[derive(serde::Deserialize)]
    struct Event {
        task: Task,
    }
    let event: Event = serde_json::from_str(event!("sweep")).unwrap();
    assert_eq!(event.task, Task::Sweep);
    let event: Event = serde_json::from_str(include_str!("../../../../events/bookings/demand.json")).unwrap();
    assert_eq!(event.task, Task::Demand);
}
