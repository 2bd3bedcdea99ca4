//! Bookings of parking spaces, as their events tell of them, and the right of the plates that they are for.

use aws_lambda_events::dynamodb::EventRecord;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_events::booking::{
    BookedSpace, BookingChanged, CANCELLED, CHANGED, CONFIRMED, FULFILLED, HELD, Span, booking_subject,
};
use parvis_events::{CloudEvent, EventId, StoredEvent};
use parvis_payments::stream::handle;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{DRIVER, Platform, at};

const CHECK: &str = "/v1/parking/rights/check";

/// A booking of space 7 of Zone_B from 10:00 to 11:00, now being 9:00.
fn booking(id: Uuid) -> BookingChanged {
    BookingChanged {
        booking: id.to_string(),
        state: "booked".to_owned(),
        was: None,
        owner: DRIVER.to_owned(),
        site: "lyon".to_owned(),
        timezone: "Europe/Paris".to_owned(),
        resources: vec!["space-7".to_owned()],
        spaces: vec![BookedSpace { zone: "Zone_B".to_owned(), space: 7 }],
        location: None,
        slot: Span { start: at("2026-03-03T10:00:00Z"), end: at("2026-03-03T11:00:00Z") },
        before: None,
        title: "Visit".to_owned(),
        guests: Vec::new(),
        uninvited: Vec::new(),
        expires_at: None,
        check_in_opens_at: None,
        series: None,
        version: 0,
    }
}

fn record(kind: &str, data: BookingChanged, time: DateTime<Utc>) -> EventRecord {
    let id = EventId::of_facts(time, &[kind, &data.booking, &data.version.to_string()]);
    let event = CloudEvent::new(id, "/parvis/bookings", kind, booking_subject(&data.booking), time, data);
    parvis_test_events::check(&event);
    let mut record: EventRecord = serde_json::from_value(json!({
        "awsRegion": "eu-west-3", "eventID": event.id, "eventName": "INSERT", "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-3:000000000000:table/Events/stream/2026-01-01T00:00:00.000",
        "dynamodb": { "SequenceNumber": event.id, "SizeBytes": 1, "ApproximateCreationDateTime": time.timestamp() },
    }))
    .unwrap();
    record.change.new_image = serde_dynamo::to_item(StoredEvent::keeping(&event, TimeDelta::days(1)).unwrap()).unwrap();
    record
}

impl Platform {
    async fn hear(&self, kind: &str, data: BookingChanged) {
        let heard = handle(&self.app, &[record(kind, data, self.now())]).await;
        assert!(heard.batch_item_failures.is_empty(), "{heard:?}");
    }

    async fn name(&self, booking: Uuid, plate: &str) -> Value {
        let path = format!("/v1/parking/bookings/{booking}/plate");
        self.send("PUT", &path, Some((DRIVER, "driver")), Some(json!({ "plate": plate }))).await.ok()
    }

    /// The kind of the right that a plate has on a space of Zone_B at a time.
    async fn right(&self, plate: &str, space: u16, time: DateTime<Utc>) -> Option<String> {
        let question = json!({ "plate": plate, "zone": "Zone_B", "space": space, "at": time });
        let answer = self.send("POST", CHECK, Some(("anouk", "agent")), Some(question)).await.ok();
        answer["covering"]["kind"].as_str().map(str::to_owned)
    }
}

#[tokio::test]
async fn who_has_booked_a_space_may_stand_there() {
    let (platform, id) = (Platform::start().await, Uuid::new_v4());
    let path = format!("/v1/parking/bookings/{id}/plate");
    platform.get(&path).await.refused(404);
    platform.hear(CONFIRMED, booking(id)).await;
    assert_eq!(platform.get(&path).await.ok()["has_plate"], false);
    let named = platform.name(id, "ab-123-cd").await;
    assert_eq!((&named["gives_right"], &named["spaces"]), (&json!(true), &json!([{ "zone": "Zone_B", "space": 7 }])));
    let within = at("2026-03-03T10:30:00Z");
    assert_eq!(platform.right("AB123CD", 7, within).await.as_deref(), Some("booking"));
    assert_eq!(platform.right("AB123CD", 8, within).await, None, "another space");
    assert_eq!(platform.right("XY987ZZ", 7, within).await, None, "another plate");
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T09:30:00Z")).await, None, "too early");
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T11:00:00Z")).await, None, "over");

    // The plate of others' bookings is nobody's business; that of any is the staff's.
    platform.send("GET", &path, Some(("stranger", "driver")), None).await.refused(404);
    platform.send("PUT", &path, Some(("stranger", "driver")), Some(json!({ "plate": "XY987ZZ" }))).await.refused(404);
    platform.send("GET", &path, None, None).await.refused(401);
    platform.send("GET", &path, Some(("boss", "manager")), None).await.ok();
    let items = platform.dynamodb.scan().table_name("payments").send().await.unwrap().items.unwrap();
    let clear =
        |value: &aws_sdk_dynamodb::types::AttributeValue| value.as_s().is_ok_and(|text| text.contains("AB123CD"));
    assert!(!items.iter().flat_map(|item| item.values()).any(clear), "the plate is kept as its hash");
}

#[tokio::test]
async fn events_come_twice_late_and_in_any_order() {
    let (platform, id) = (Platform::start().await, Uuid::new_v4());
    let until = |hour: u32, version: i32| {
        let mut data = booking(id);
        data.slot.end = at(&format!("2026-03-03T{hour}:00:00Z"));
        data.version = version;
        data
    };
    platform.hear(HELD, BookingChanged { state: "held".to_owned(), ..booking(id) }).await;
    assert_eq!(platform.name(id, "AB123CD").await["gives_right"], false, "nothing is certain yet");
    platform.hear(CHANGED, until(13, 3)).await;
    for _ in 0..2 {
        platform.hear(CONFIRMED, until(11, 1)).await;
        platform.hear(CHANGED, until(12, 2)).await;
        platform.hear(CHANGED, until(13, 3)).await;
    }
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T12:30:00Z")).await.as_deref(), Some("booking"));
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T13:00:00Z")).await, None);

    // To another kind of place, and back to a space.
    platform.hear(CHANGED, BookingChanged { spaces: Vec::new(), ..until(13, 4) }).await;
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T12:30:00Z")).await, None);
    let elsewhere = vec![BookedSpace { zone: "Zone_B".to_owned(), space: 8 }];
    platform.hear(CHANGED, BookingChanged { spaces: elsewhere, ..until(13, 5) }).await;
    assert_eq!(platform.right("AB123CD", 8, at("2026-03-03T12:30:00Z")).await.as_deref(), Some("booking"));
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T12:30:00Z")).await, None);

    // Rooms are no matter of parking, nor are spaces that nobody could stand on.
    let room = Uuid::new_v4();
    platform.hear(CONFIRMED, BookingChanged { spaces: Vec::new(), ..booking(room) }).await;
    let path = format!("/v1/parking/bookings/{room}/plate");
    let plate = Some(json!({ "plate": "AB123CD" }));
    let refused = platform.send("PUT", &path, Some((DRIVER, "driver")), plate.clone()).await.refused(409);
    assert_eq!(refused["type"], "https://parvis.dev/problems/no-parking-space");
    platform.get(&path).await.refused(409);
    platform.send("GET", &path, Some(("boss", "manager")), None).await.refused(409);
    platform.send("PUT", &path, Some(("stranger", "driver")), plate).await.refused(404);
    // Once it gives a space, it has a plate.
    platform.hear(CHANGED, BookingChanged { version: 1, ..booking(room) }).await;
    assert_eq!(platform.name(room, "AB123CD").await["gives_right"], true);
}

#[tokio::test]
async fn what_left_parking_before_it_was_known_gives_no_right() {
    let (platform, id) = (Platform::start().await, Uuid::new_v4());
    // It was moved to a desk; that is heard of first.
    platform.hear(CHANGED, BookingChanged { spaces: Vec::new(), version: 2, ..booking(id) }).await;
    platform.hear(CONFIRMED, BookingChanged { version: 1, ..booking(id) }).await;
    let path = format!("/v1/parking/bookings/{id}/plate");
    let plate = Some(json!({ "plate": "AB123CD" }));
    let refused = platform.send("PUT", &path, Some((DRIVER, "driver")), plate).await.refused(409);
    assert_eq!(refused["type"], "https://parvis.dev/problems/no-parking-space");
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T10:30:00Z")).await, None);
    assert_eq!(platform.get("/v1/me/parking-data").await.ok()["bookings"], json!([]));
    let items = platform.dynamodb.scan().table_name("payments").send().await.unwrap().items.unwrap();
    let names = |value: &aws_sdk_dynamodb::types::AttributeValue| value.as_s().is_ok_and(|text| text.contains(DRIVER));
    assert!(!items.iter().flat_map(|item| item.values()).any(names), "whose it is is not kept");
}

#[tokio::test]
async fn what_ends_early_holds_no_more_and_is_known_to_have_held() {
    let (platform, id) = (Platform::start().await, Uuid::new_v4());
    platform.hear(CONFIRMED, booking(id)).await;
    platform.name(id, "AB123CD").await;
    platform.pass(TimeDelta::minutes(80));
    // Another car has come.
    platform.name(id, "XY987ZZ").await;
    let (early, late) = (at("2026-03-03T10:10:00Z"), at("2026-03-03T10:30:00Z"));
    assert_eq!(platform.right("AB123CD", 7, early).await.as_deref(), Some("booking"));
    assert_eq!(platform.right("AB123CD", 7, late).await, None);
    assert_eq!(platform.right("XY987ZZ", 7, early).await, None, "who was checked then had none");
    assert_eq!(platform.right("XY987ZZ", 7, late).await.as_deref(), Some("booking"));
    platform.pass(TimeDelta::minutes(20));
    let ended = |state: &str, version: i32| BookingChanged { state: state.to_owned(), version, ..booking(id) };
    platform.hear(CANCELLED, ended("cancelled", 1)).await;
    assert_eq!(platform.right("XY987ZZ", 7, late).await.as_deref(), Some("booking"), "it had been there");
    assert_eq!(platform.right("XY987ZZ", 7, at("2026-03-03T10:45:00Z")).await, None);

    // One that runs to its end keeps its whole right.
    let whole = Uuid::new_v4();
    let from_now = Span { start: platform.now(), ..booking(whole).slot };
    platform.hear(CONFIRMED, BookingChanged { slot: from_now, ..booking(whole) }).await;
    platform.name(whole, "AB123CD").await;
    platform.pass(TimeDelta::minutes(21));
    platform.hear(FULFILLED, BookingChanged { state: "fulfilled".to_owned(), version: 1, ..booking(whole) }).await;
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T10:59:00Z")).await.as_deref(), Some("booking"));
    let path = format!("/v1/parking/bookings/{whole}/plate");
    platform.send("PUT", &path, Some((DRIVER, "driver")), Some(json!({ "plate": "ZZ111ZZ" }))).await.refused(409);
}

#[tokio::test]
async fn a_person_gets_the_bookings_and_has_them_forgotten() {
    let (platform, id) = (Platform::start().await, Uuid::new_v4());
    platform.hear(CONFIRMED, booking(id)).await;
    platform.name(id, "AB123CD").await;
    platform.pass(TimeDelta::minutes(90));
    let data = platform.get("/v1/me/parking-data").await.ok();
    assert_eq!((&data["bookings"][0]["booking"], &data["bookings"][0]["has_plate"]), (&json!(id), &json!(true)));
    let erased = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await;
    assert_eq!(erased.status, 204);
    assert_eq!(platform.get("/v1/me/parking-data").await.ok()["bookings"], json!([]));
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T10:40:00Z")).await, None);
    assert_eq!(platform.right("AB123CD", 7, at("2026-03-03T10:20:00Z")).await.as_deref(), Some("booking"));
    // What its context tells of it after that brings nothing back.
    let ended = |state: &str, version: i32| BookingChanged { state: state.to_owned(), version, ..booking(id) };
    platform.hear(CHANGED, ended("booked", 1)).await;
    platform.hear(FULFILLED, ended("fulfilled", 2)).await;
    assert_eq!(platform.get("/v1/me/parking-data").await.ok()["bookings"], json!([]));
}

#[tokio::test]
async fn of_what_is_heard_of_at_its_end_nothing_is_kept() {
    let (platform, id) = (Platform::start().await, Uuid::new_v4());
    platform.hear(CANCELLED, BookingChanged { state: "cancelled".to_owned(), version: 2, ..booking(id) }).await;
    platform.hear(CONFIRMED, booking(id)).await;
    platform.get(&format!("/v1/parking/bookings/{id}/plate")).await.refused(404);
    assert_eq!(platform.get("/v1/me/parking-data").await.ok()["bookings"], json!([]));
}
