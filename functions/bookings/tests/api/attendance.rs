//! Check-in, no-shows, and what sensors see.

use parvis_parking::{Block, BlockKey, DeviceMessage, PlaceId, SpaceNumber, SpaceReading, Status, ZoneId};
use serde_json::json;

use crate::support::{AGENT, ANNE, BEN, MANAGER, Platform, at, later, now, slot};

async fn with_check_in(needs_code: bool) -> Platform {
    let platform = Platform::start().await;
    let policy = json!({ "name": "Watched", "check_in": { "needs_code": needs_code }, "sensor_release_minutes": 15 });
    platform.put("/v1/policies/watched", policy).await;
    platform.room("dirac", json!({ "policy": "watched", "capacity": 8 })).await;
    let sensor = json!({ "place": "hq", "zone": "rooms", "space": 7 });
    platform.put("/v1/policies/sensed", json!({ "name": "Sensed", "sensor_release_minutes": 15 })).await;
    platform.room("euler", json!({ "policy": "sensed", "capacity": 8, "sensor": sensor })).await;
    platform
}

/// The room's sensor speaks.
async fn sense(platform: &Platform, status: Status, time: &str) {
    let (place, zone): (PlaceId, ZoneId) = ("hq".parse().unwrap(), "rooms".parse().unwrap());
    let space = SpaceNumber::try_from(7).unwrap();
    let key = BlockKey::of_space(place.clone(), zone.clone(), space);
    let stored = platform.live.get(&key).await.unwrap();
    let version = stored.as_ref().map(|stored| stored.version);
    let mut block = stored.map_or_else(|| Block::empty(key.index), |stored| stored.block);
    let (confidence, battery) = (Some(95), None);
    let reading = SpaceReading {
        place,
        zone,
        space,
        status,
        at: at(time),
        sequence: None,
        confidence,
        battery,
        received_at: at(time),
    };
    block.merge(&[DeviceMessage::Space(reading)]);
    platform.live.put_if(&key, version, &block).await.unwrap();
}

#[tokio::test]
async fn one_checks_in_within_the_window_and_then_is_no_no_show() {
    let platform = with_check_in(false).await;
    let booked = platform.book(ANNE, "dirac", "08:00", "09:00").await;
    assert_eq!(booked["check_in_opens_at"], slot("07:50", "09:00")["start"]);
    let told = platform.told(&booked).await;
    assert_eq!(told[0].data["check_in_opens_at"], booked["check_in_opens_at"], "for the reminder");
    let problem = platform.act(ANNE, &booked, "check-in").await.refused(409, "check-in");
    assert_eq!(problem["opens_at"], booked["check_in_opens_at"]);
    later(115);
    assert_eq!(platform.act(ANNE, &booked, "check-in").await.ok()["state"], "arrived");
    later(30);
    assert_eq!(platform.sweep().await.no_shows, 0);
    let done = platform.act(ANNE, &booked, "finish").await.ok();
    assert_eq!(done["state"], "fulfilled");
    // What is left of the hour is free again.
    platform.book(BEN, "dirac", "08:30", "09:00").await;
}

#[tokio::test]
async fn who_does_not_come_loses_the_room_but_not_for_a_whole_day() {
    let platform = with_check_in(false).await;
    platform.put("/v1/policies/watched", json!({ "name": "Watched", "check_in": {}, "max_minutes": 1440 })).await;
    let short = platform.book(ANNE, "dirac", "08:00", "09:00").await;
    let long = platform.book(ANNE, "dirac", "09:00", "17:00").await;
    later(2 * 60 + 9);
    assert_eq!(platform.sweep().await.no_shows, 0);
    later(1);
    assert_eq!(platform.sweep().await.no_shows, 1);
    assert_eq!(platform.read(ANNE, &short).await["state"], "noshow");
    platform.book(BEN, "dirac", "08:15", "09:00").await;
    later(60 + 30);
    assert_eq!(platform.sweep().await.no_shows, 1, "only Ben's: eight hours and more are exempt");
    assert_eq!(platform.read(ANNE, &long).await["state"], "booked");
}

#[tokio::test]
async fn the_code_on_the_door_proves_that_one_is_there() {
    let platform = with_check_in(true).await;
    let booked = platform.book(ANNE, "dirac", "06:00", "07:00").await;
    platform.act(ANNE, &booked, "check-in").await.refused(409, "check-in");
    platform.get_as(ANNE, "/v1/resources/dirac/check-in-code").await.refused(403, "forbidden");
    let code = platform.get_as(MANAGER, "/v1/resources/dirac/check-in-code").await.ok();
    let door = |code: &str| json!({ "resource": "dirac", "code": code });
    let wrong = platform.write(ANNE, "POST", "/v1/check-in", door("AAAAAAAAAAAAAAAA")).await;
    wrong.refused(409, "check-in");
    let right = door(code["code"].as_str().unwrap());
    platform.write(BEN, "POST", "/v1/check-in", right.clone()).await.refused(409, "check-in");
    let arrived = platform.write(ANNE, "POST", "/v1/check-in", right).await.ok();
    assert_eq!((arrived["state"].as_str(), arrived["check_in"]["by_code"].as_bool()), (Some("arrived"), Some(true)));
    let other = platform.book(BEN, "dirac", "07:00", "08:00").await;
    later(55);
    assert_eq!(platform.act(AGENT, &other, "check-in").await.ok()["state"], "arrived", "an agent sees who is there");
}

#[tokio::test]
async fn an_empty_room_is_released_by_its_sensor_and_a_silent_sensor_releases_nothing() {
    let platform = with_check_in(false).await;
    let booked = platform.book(ANNE, "euler", "08:00", "09:00").await;
    later(2 * 60 + 20);
    assert_eq!(platform.sweep().await.released, 0, "the sensor has never said a word");
    sense(&platform, Status::Free, "2026-07-13T07:30:00Z").await;
    assert_eq!(platform.sweep().await.released, 0, "its last word is too old");
    sense(&platform, Status::Free, "2026-07-13T08:19:00Z").await;
    assert_eq!(now(), at("2026-07-13T08:20:00Z"));
    assert_eq!(platform.sweep().await.released, 1);
    assert_eq!(platform.read(ANNE, &booked).await["state"], "released");
    assert_eq!(platform.events(&booked).await.last().unwrap(), "parvis.booking.released");
}

#[tokio::test]
async fn a_room_in_use_is_kept() {
    let platform = with_check_in(false).await;
    let booked = platform.book(ANNE, "euler", "08:00", "09:00").await;
    sense(&platform, Status::Free, "2026-07-13T06:00:00Z").await;
    sense(&platform, Status::Occupied, "2026-07-13T08:01:00Z").await;
    later(2 * 60 + 16);
    assert_eq!(platform.sweep().await.released, 0);
    later(60);
    assert_eq!(platform.sweep().await.finished, 1);
    assert_eq!(platform.read(ANNE, &booked).await["state"], "fulfilled");
}
