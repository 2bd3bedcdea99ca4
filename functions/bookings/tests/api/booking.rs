//! Making, changing and giving up bookings.

use serde_json::json;

use crate::support::{AGENT, ANNE, BEN, MANAGER, Platform, given, later, slot};

#[tokio::test]
async fn a_booking_lives_from_hold_to_its_end_and_others_hear_of_it() {
    let platform = Platform::start().await;
    let held = platform.ask(ANNE, &["arago"], slot("08:00", "09:00"), json!({ "hold": true })).await.ok();
    assert_eq!((held["state"].as_str(), held["mine"].as_bool()), (Some("held"), Some(true)));
    assert_eq!(held["actions"], json!(["confirm", "cancel"]));
    let booked = platform.act(ANNE, &held, "confirm").await.ok();
    assert_eq!(booked["state"], "booked");
    assert_eq!(booked["expires_at"], json!(null));
    later(3 * 60);
    assert_eq!(platform.sweep().await.finished, 1);
    assert_eq!(platform.read(ANNE, &held).await["state"], "fulfilled");
    let expected = ["parvis.booking.held", "parvis.booking.confirmed", "parvis.booking.fulfilled"];
    assert_eq!(platform.events(&held).await, expected);
    assert_eq!(platform.count("SELECT count(*) FROM booking_outbox").await, 0);
}

#[tokio::test]
async fn what_is_taken_is_refused_with_the_nearest_alternatives() {
    let platform = Platform::start().await;
    platform.book(ANNE, "arago", "08:00", "09:00").await;
    let refused = platform.ask(BEN, &["arago"], slot("08:30", "09:30"), json!({})).await;
    let problem = refused.refused(409, "taken");
    let suggestions = problem["suggestions"].as_array().unwrap();
    assert_eq!(suggestions[0]["resource"], "braille", "{problem}");
    assert_eq!(suggestions[0]["reason"], "other_place_same_time");
    let later: Vec<_> = suggestions.iter().filter(|one| one["resource"] == "arago").collect();
    assert_eq!(later[0]["shift_minutes"], 30, "{problem}");
    // Neighbours do not overlap.
    platform.book(BEN, "arago", "09:00", "10:00").await;
}

#[tokio::test]
async fn several_resources_are_had_all_or_none() {
    let platform = Platform::start().await;
    platform.book(ANNE, "curie", "08:00", "09:00").await;
    let both = platform.ask(BEN, &["arago", "curie"], slot("08:00", "09:00"), json!({})).await;
    both.refused(409, "taken");
    platform.book(ANNE, "arago", "08:00", "09:00").await;
    let other = platform.ask(BEN, &["braille", "curie"], slot("09:00", "10:00"), json!({})).await.ok();
    assert_eq!(given(&other), ["braille", "curie"]);
    assert_eq!(other["resources"][1], json!({ "id": "curie", "name": "curie", "floor": "2" }));
}

#[tokio::test]
async fn a_pool_gives_each_a_piece_until_none_is_left() {
    let platform = Platform::start().await;
    let seats = json!({ "count": 2, "like": { "policy": "free" } });
    let pool = json!({ "site": "hq", "name": "Projector", "kind": "equipment", "seats": seats });
    platform.put("/v1/pools/projectors", pool).await;
    let ask = async |who| {
        let items = json!([{ "resource": if who { "arago" } else { "braille" } }, { "pool": "projectors" }]);
        let body = json!({ "items": items, "slot": slot("08:00", "09:00"), "title": "Show", "participants": 3 });
        platform.write(ANNE, "POST", "/v1/bookings", body).await
    };
    let first = ask(true).await.ok();
    let second = ask(false).await.ok();
    let pieces: std::collections::BTreeSet<_> =
        [&first, &second].iter().map(|one| one["resources"][1]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(pieces.len(), 2, "{first} {second}");
    let third = json!({ "items": [{ "pool": "projectors" }], "slot": slot("08:30", "09:30"), "title": "Show" });
    platform.write(BEN, "POST", "/v1/bookings", third).await.refused(409, "taken");
}

#[tokio::test]
async fn places_of_a_pool_are_for_as_many_people_together() {
    let platform = Platform::start().await;
    let seats = json!({ "count": 3, "like": { "policy": "free" } });
    platform.put("/v1/pools/desks", json!({ "site": "hq", "name": "Desk", "kind": "desk", "seats": seats })).await;
    let ask = async |items: &[&str], participants: u32| {
        let items: Vec<_> =
            items.iter().map(|id| json!({ if *id == "desks" { "pool" } else { "resource" }: id })).collect();
        let body =
            json!({ "items": items, "slot": slot("08:00", "09:00"), "title": "Team", "participants": participants });
        platform.write(ANNE, "POST", "/v1/bookings", body).await
    };
    let full = ask(&["desks", "desks", "desks"], 4).await.refused(422, "policy");
    assert_eq!(full["refusals"], json!([{ "code": "too_many_people", "people": 3 }]));
    let fourth = ask(&["desks", "desks-1", "desks", "desks"], 3).await.refused(422, "invalid");
    assert_eq!(fourth["errors"][0]["field"], "/items/3", "{fourth}");
    let twice = ask(&["arago", "curie", "arago"], 2).await.refused(422, "invalid");
    assert_eq!(twice["errors"], json!([{ "field": "/items/2", "message": "arago is named twice" }]));
    assert_eq!(given(&ask(&["desks", "desks", "desks"], 3).await.ok()).len(), 3);
    // Curie is for twelve, and Arago beside it for four.
    ask(&["curie", "arago"], 16).await.ok();
}

#[tokio::test]
async fn a_write_under_the_same_key_is_done_once() {
    let platform = Platform::start().await;
    let body = json!({ "items": [{ "resource": "arago" }], "slot": slot("08:00", "09:00"), "title": "Once" });
    let first = platform.write_under("key-number-1", ANNE, "POST", "/v1/bookings", body.clone()).await.ok();
    let again = platform.write_under("key-number-1", ANNE, "POST", "/v1/bookings", body.clone()).await.ok();
    assert_eq!(first, again);
    assert_eq!(platform.count("SELECT count(*) FROM booking").await, 1);
    let other = json!({ "items": [{ "resource": "curie" }], "slot": slot("08:00", "09:00"), "title": "Other" });
    platform
        .write_under("key-number-1", ANNE, "POST", "/v1/bookings", other)
        .await
        .refused(422, "idempotency-key-reused");
    // The key is the caller's own: somebody else's is another one.
    platform.write_under("key-number-1", BEN, "POST", "/v1/bookings", body).await.refused(409, "taken");
    let missing = platform.send("POST", "/v1/bookings", Some(ANNE), &[], Some(json!({}))).await;
    missing.refused(400, "bad-request");
}

#[tokio::test]
async fn a_change_that_cannot_be_had_leaves_the_booking_as_it_was() {
    let platform = Platform::start().await;
    let mine = platform.book(ANNE, "arago", "08:00", "09:00").await;
    platform.book(BEN, "arago", "09:00", "10:00").await;
    let path = format!("/v1/bookings/{}", mine["id"].as_str().unwrap());
    let longer = json!({ "slot": slot("08:00", "09:30") });
    platform.write(ANNE, "PATCH", &path, longer).await.refused(409, "taken");
    assert_eq!(platform.read(ANNE, &mine).await["slot"], mine["slot"]);
    // Its own old time is no obstacle.
    let moved = platform.write(ANNE, "PATCH", &path, json!({ "slot": slot("07:30", "08:30") })).await.ok();
    assert_eq!(moved["slot"]["start"], slot("07:30", "08:30")["start"]);
    assert_eq!(moved["version"], 1);
    let stale = platform
        .send(
            "PATCH",
            &path,
            Some(ANNE),
            &[("idempotency-key", "stale-key-1"), ("if-match", "\"0\"")],
            Some(json!({ "title": "x" })),
        )
        .await;
    stale.refused(412, "version-changed");
    let elsewhere = json!({ "items": [{ "resource": "curie" }], "slot": slot("08:00", "10:00") });
    let moved = platform.write(ANNE, "PATCH", &path, elsewhere).await.ok();
    assert_eq!(given(&moved), ["curie"]);
    platform.book(BEN, "arago", "07:30", "08:30").await;
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_none() {
    let platform = Platform::start().await;
    let guests = json!([{ "name": "Ben", "email": "ben@example.org" }]);
    let more = json!({ "guests": guests, "participants": 2 });
    let booked = platform.ask(ANNE, &["arago"], slot("08:00", "09:00"), more).await.ok();
    let path = format!("/v1/bookings/{}", booked["id"].as_str().unwrap());
    let same = json!({
        "slot": slot("08:00", "09:00"), "items": [{ "resource": "arago" }], "title": "Meeting", "participants": 2, "guests": guests,
    });
    later(1);
    for nothing in [json!({}), same] {
        assert_eq!(platform.write(ANNE, "PATCH", &path, nothing).await.ok(), booked);
    }
    assert_eq!(platform.events(&booked).await, ["parvis.booking.confirmed"], "nobody is written to");
    // What was answered once is the answer to its repetition, whatever has come since.
    let empty = async || platform.write_under("empty-change-1", ANNE, "PATCH", &path, json!({})).await.ok();
    assert_eq!(empty().await, booked);
    platform.write(ANNE, "PATCH", &path, json!({ "title": "Other" })).await.ok();
    assert_eq!(empty().await, booked);
    let over = platform.act(ANNE, &booked, "cancel").await.ok();
    assert_eq!(over["version"], 2);
    platform.write(ANNE, "PATCH", &path, json!({})).await.refused(409, "wrong-state");
}

#[tokio::test]
async fn policies_refuse_with_typed_reasons() {
    let platform = Platform::start().await;
    let policy = json!({
        "name": "Strict", "min_minutes": 30, "max_minutes": 120, "increment_minutes": 30, "buffer_after_minutes": 15,
        "quotas": [{ "period": "day", "limit": { "bookings": 2 } }],
    });
    platform.put("/v1/policies/strict", policy).await;
    let opening = json!({ "weekly": [{ "days": ["Mon"], "from": "09:00:00", "until": "19:00:00" }] });
    platform.room("dirac", json!({ "policy": "strict", "capacity": 4, "opening": opening })).await;
    let refused = platform.ask(ANNE, &["dirac"], slot("15:10", "18:10"), json!({ "participants": 9 })).await;
    let problem = refused.refused(422, "policy");
    let codes: Vec<&str> =
        problem["refusals"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["too_long", "off_grid", "closed", "too_many_people"], "{problem}");
    platform.book(ANNE, "dirac", "08:00", "09:00").await;
    // The quarter of an hour for cleaning.
    platform.ask(BEN, &["dirac"], slot("09:00", "09:30"), json!({})).await.refused(409, "taken");
    let second = platform.book(ANNE, "dirac", "09:30", "10:00").await;
    let third = platform.ask(ANNE, &["dirac"], slot("12:00", "12:30"), json!({})).await;
    assert_eq!(third.refused(422, "policy")["refusals"][0]["code"], "quota_reached");
    platform.act(ANNE, &second, "cancel").await.ok();
    platform.book(ANNE, "dirac", "12:00", "12:30").await;
}

#[tokio::test]
async fn approval_is_for_managers_and_actions_are_for_their_state() {
    let platform = Platform::start().await;
    platform.put("/v1/policies/asked", json!({ "name": "Asked", "requires_approval": true })).await;
    platform.room("hall", json!({ "policy": "asked", "capacity": 90 })).await;
    let asked = platform.book(ANNE, "hall", "08:00", "09:00").await;
    assert_eq!(asked["state"], "pending");
    platform.ask(BEN, &["hall"], slot("08:00", "09:00"), json!({})).await.refused(409, "taken");
    platform.act(ANNE, &asked, "approve").await.refused(403, "forbidden");
    platform.act(BEN, &asked, "cancel").await.refused(404, "not-found");
    assert_eq!(platform.act(MANAGER, &asked, "approve").await.ok()["state"], "booked");
    let problem = platform.act(MANAGER, &asked, "approve").await.refused(409, "wrong-state");
    assert_eq!((problem["state"].as_str(), problem["action"].as_str()), (Some("booked"), Some("approve")));
    let other = platform.book(BEN, "hall", "09:00", "10:00").await;
    assert_eq!(platform.act(MANAGER, &other, "reject").await.ok()["state"], "cancelled");
    // A move of what was approved is asked for again.
    let path = format!("/v1/bookings/{}", asked["id"].as_str().unwrap());
    let moved = platform.write(ANNE, "PATCH", &path, json!({ "slot": slot("09:00", "10:00") })).await.ok();
    assert_eq!(moved["state"], "pending");
    // Nobody approved in time.
    later(4 * 60);
    platform.sweep().await;
    assert_eq!(platform.read(ANNE, &asked).await["state"], "released");
}

#[tokio::test]
async fn events_say_what_an_invitation_needs() {
    let platform = Platform::start().await;
    let guest = |name: &str| json!({ "name": name, "email": format!("{name}@example.org") });
    let guests = json!({ "guests": [guest("ben"), guest("cleo")] });
    let booked = platform.ask(ANNE, &["arago"], slot("08:00", "09:00"), guests).await.ok();
    let path = format!("/v1/bookings/{}", booked["id"].as_str().unwrap());
    platform.write(ANNE, "PATCH", &path, json!({ "guests": [guest("ben")] })).await.ok();
    platform.write(ANNE, "PATCH", &path, json!({ "slot": slot("09:00", "10:00") })).await.ok();
    let told = platform.told(&booked).await;
    assert_eq!((&told[0].data["location"], &told[0].data["was"]), (&json!("arago, HQ"), &json!(null)));
    assert_eq!((&told[1].data["was"], &told[1].data["uninvited"]), (&json!("booked"), &json!([guest("cleo")])));
    assert_eq!((&told[1].data["before"], &told[2].data["before"]), (&json!(null), &slot("08:00", "09:00")));
    let alone = platform.book(ANNE, "braille", "08:00", "09:00").await;
    assert_eq!(platform.told(&alone).await[0].data["location"], json!(null), "nobody has to find the way");
}

#[tokio::test]
async fn others_do_not_see_what_is_mine() {
    let platform = Platform::start().await;
    let mine = platform.book(ANNE, "arago", "08:00", "09:00").await;
    let path = format!("/v1/bookings/{}", mine["id"].as_str().unwrap());
    platform.get_as(BEN, &path).await.refused(404, "not-found");
    assert_eq!(
        platform.get_as(AGENT, &path).await.ok()["owner"],
        json!(null),
        "agents see the booking, not whose it is"
    );
    assert_eq!(platform.get_as(MANAGER, &path).await.ok()["owner"], "anne");
    assert_eq!(platform.get_as(BEN, "/v1/bookings").await.ok()["bookings"], json!([]));
    platform.get_as(BEN, "/v1/bookings?all=true").await.refused(403, "forbidden");
    assert_eq!(platform.get_as(MANAGER, "/v1/bookings?all=true").await.ok()["bookings"][0]["id"], mine["id"]);
}

#[tokio::test]
async fn a_listing_is_paged_without_loss() {
    let platform = Platform::start().await;
    for number in 0..21 {
        let (hour, minute) = (7 + number / 4, number % 4 * 15);
        let from = format!("{hour:02}:{minute:02}");
        let until = if minute == 45 { format!("{:02}:00", hour + 1) } else { format!("{hour:02}:{:02}", minute + 15) };
        for room in ["arago", "braille", "curie"] {
            platform.book(ANNE, room, &from, &until).await;
        }
    }
    for room in 0..45 {
        platform.room(&format!("room-{room}"), json!({})).await;
        platform.book(ANNE, &format!("room-{room}"), "14:00", "15:00").await;
    }
    let first = platform.get_as(ANNE, "/v1/bookings").await.ok();
    assert_eq!(first["bookings"].as_array().unwrap().len(), 100);
    let next = format!("/v1/bookings?cursor={}", first["next_cursor"].as_str().unwrap());
    let second = platform.get_as(ANNE, &next).await.ok();
    assert_eq!(second["bookings"].as_array().unwrap().len(), 8);
    assert_eq!(second["next_cursor"], json!(null));
}
