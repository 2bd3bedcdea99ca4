//! The waitlist.

use serde_json::json;

use crate::support::{ANNE, BEN, CLEO, Person, Platform, later, slot};

async fn wait(platform: &Platform, who: Person) -> serde_json::Value {
    let waits = platform.ask(who, &["arago"], slot("10:00", "11:00"), json!({ "waitlist": true })).await.ok();
    assert_eq!(waits["state"], "waitlist", "{waits}");
    waits
}

#[tokio::test]
async fn what_is_given_up_is_offered_in_turn_and_passes_on_when_an_offer_lapses() {
    let platform = Platform::start().await;
    let booked = platform.book(ANNE, "arago", "10:00", "11:00").await;
    let ben = wait(&platform, BEN).await;
    later(1);
    let cleo = wait(&platform, CLEO).await;
    assert_eq!(ben["waitlist"], json!({ "position": 1, "waiting": 1 }));
    assert_eq!(cleo["waitlist"], json!({ "position": 2, "waiting": 2 }));

    platform.act(ANNE, &booked, "cancel").await.ok();
    let offer = platform.read(BEN, &ben).await;
    assert_eq!((offer["state"].as_str(), offer["waited"].as_bool()), (Some("held"), Some(true)));
    assert_eq!(platform.read(CLEO, &cleo).await["waitlist"]["position"], 1);
    // An offer keeps others out.
    platform.ask(ANNE, &["arago"], slot("10:00", "11:00"), json!({})).await.refused(409, "taken");

    later(15);
    assert_eq!(platform.sweep().await.expired, 1);
    assert_eq!(platform.read(BEN, &ben).await["state"], "released");
    let offer = platform.read(CLEO, &cleo).await;
    assert_eq!(offer["state"], "held");
    assert_eq!(platform.act(CLEO, &cleo, "confirm").await.ok()["state"], "booked");
    let joined = ["parvis.waitlist.joined", "parvis.waitlist.offered"];
    assert_eq!(platform.events(&ben).await, [&joined[..], &["parvis.waitlist.expired"]].concat());
    assert_eq!(platform.events(&cleo).await, [&joined[..], &["parvis.waitlist.accepted"]].concat());
}

#[tokio::test]
async fn a_lapsed_offer_cannot_be_taken_even_before_the_schedule_comes_by() {
    let platform = Platform::start().await;
    let booked = platform.book(ANNE, "arago", "10:00", "11:00").await;
    let ben = wait(&platform, BEN).await;
    platform.act(ANNE, &booked, "cancel").await.ok();
    later(15);
    platform.act(BEN, &ben, "confirm").await.refused(409, "wrong-state");
}

#[tokio::test]
async fn a_move_and_a_no_show_offer_their_places_too() {
    let platform = Platform::start().await;
    let booked = platform.book(ANNE, "arago", "10:00", "11:00").await;
    let ben = wait(&platform, BEN).await;
    let path = format!("/v1/bookings/{}", booked["id"].as_str().unwrap());
    platform.write(ANNE, "PATCH", &path, json!({ "slot": slot("11:00", "12:00") })).await.ok();
    assert_eq!(platform.read(BEN, &ben).await["state"], "held");
}

#[tokio::test]
async fn a_wait_for_a_time_that_has_come_is_over() {
    let platform = Platform::start().await;
    platform.book(ANNE, "arago", "10:00", "11:00").await;
    let ben = wait(&platform, BEN).await;
    later(5 * 60);
    platform.sweep().await;
    assert_eq!(platform.read(BEN, &ben).await["state"], "released");
}
