//! Prices that expected demand moves, where a manager lets it.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_bookings::demand::{Renewed, renew};
use parvis_forecasts::ForecastStore;
use serde_json::{Value, json};

use crate::support::{ANNE, Platform, at, later, now, slot};

const ROOMS: &str = "coworking/hq/room";

/// A forecast of the three rooms: as many of them taken in each hour to come as `taken` says.
async fn forecast(platform: &Platform, origin: DateTime<Utc>, taken: impl Fn(DateTime<Utc>) -> f64) -> ForecastStore {
    let store = ForecastStore::new(platform.dynamodb.clone(), "forecasts");
    parvis_test_forecasts::keep(&store, ROOMS, 3.0, origin, taken).await;
    store
}

async fn quote(platform: &Platform, room: &str, from: &str, until: &str) -> Value {
    let body = json!({ "items": [{ "resource": room }], "slot": slot(from, until), "participants": 1 });
    platform.send("POST", "/v1/quotes", Some(ANNE), &[], Some(body)).await.ok()["quote"].clone()
}

/// The line that demand has in a quote.
fn moved(quote: &Value) -> Option<Value> {
    quote["lines"].as_array().unwrap().iter().find(|line| line["kind"] == "demand").cloned()
}

/// All rooms from ten to noon (UTC) of the day of all tests, none otherwise.
fn busy(hour: DateTime<Utc>) -> f64 {
    let morning = at("2026-07-13T10:00:00Z");
    if (morning..morning + TimeDelta::hours(2)).contains(&hour) { 2.85 } else { 0.0 }
}

async fn priced() -> Platform {
    let platform = Platform::start().await;
    let card = json!({ "standard": { "hour": 1000 }, "factor_floor": 9000, "factor_cap": 12000 });
    platform.room("arago", json!({ "capacity": 4, "rates": card })).await;
    platform.room("braille", json!({ "rates": { "standard": { "hour": 1000 } } })).await;
    platform
}

#[tokio::test]
async fn demand_moves_the_prices_that_may_move_within_their_bounds_and_says_why() {
    let platform = priced().await;
    let forecasts = forecast(&platform, now(), busy).await;
    assert_eq!(
        quote(&platform, "arago", "10:00", "11:00").await["charge"]["total"]["cents"],
        1000,
        "nothing is known yet"
    );
    let renewed = renew(platform.app.store(), &forecasts, now()).await.unwrap();
    assert_eq!(renewed, Renewed { kinds: 1, hours: 48 });
    let peak = quote(&platform, "arago", "10:00", "11:00").await;
    // 1.3 at the peak, the card's cap is 1.2.
    assert_eq!(peak["charge"]["total"]["cents"], 1200);
    let line = moved(&peak).unwrap();
    assert_eq!((&line["quantity"], &line["amount"]["cents"]), (&12000.into(), &200.into()));
    assert_eq!(line["expected_percent"], 95);
    // 0.85 when nobody comes, its floor is 0.9; half and half is 1.075.
    assert_eq!(quote(&platform, "arago", "14:00", "15:00").await["charge"]["total"]["cents"], 900);
    assert_eq!(quote(&platform, "arago", "09:00", "11:00").await["charge"]["total"]["cents"], 2150);
    // The other room's prices stay as they are.
    let fixed = quote(&platform, "braille", "10:00", "11:00").await;
    assert_eq!((&fixed["charge"]["total"]["cents"], moved(&fixed)), (&1000.into(), None));
    // A booking without a quote costs the same.
    let booked = platform.book(ANNE, "arago", "10:00", "11:00").await;
    let id = booked["id"].as_str().unwrap();
    let booked = platform.send("GET", &format!("/v1/bookings/{id}"), Some(ANNE), &[], None).await.ok();
    assert_eq!(booked["charge"]["total"]["cents"], 1200);
}

#[tokio::test]
async fn prices_do_not_tremble_and_an_old_forecast_moves_none() {
    let platform = priced().await;
    let level = async |taken: f64| {
        let forecasts = forecast(&platform, now(), |_| taken).await;
        renew(platform.app.store(), &forecasts, now()).await.unwrap();
        moved(&quote(&platform, "arago", "10:00", "11:00").await)
            .map_or(10_000, |line| line["quantity"].as_i64().unwrap())
    };
    // 60, 72, 76, 68 and 64 % of three rooms.
    assert_eq!(level(1.8).await, 10_000);
    assert_eq!(level(2.16).await, 10_000);
    assert_eq!(level(2.28).await, 11_500);
    assert_eq!(level(2.04).await, 11_500);
    assert_eq!(level(1.92).await, 10_000);
    assert_eq!(level(2.28).await, 11_500);
    let forecasts = ForecastStore::new(platform.dynamodb.clone(), "forecasts");
    later(27 * 60);
    assert_eq!(renew(platform.app.store(), &forecasts, now()).await.unwrap(), Renewed { kinds: 1, hours: 0 });
    // Where no price may move nothing is kept.
    platform.room("arago", json!({ "rates": { "standard": { "hour": 1000 } } })).await;
    assert_eq!(renew(platform.app.store(), &forecasts, now()).await.unwrap(), Renewed { kinds: 0, hours: 0 });
}

/// A daily series of arago, at ten in UTC, at noon in Paris.
fn daily() -> Value {
    json!({
        "recurrence": { "local_start": "2026-07-13T12:00:00", "timezone": "Europe/Paris", "minutes": 60, "rule": "FREQ=DAILY;COUNT=2" },
        "items": [{ "resource": "arago" }], "title": "Daily",
    })
}

async fn charged(platform: &Platform, booking: &Value) -> i64 {
    platform.read(ANNE, booking).await["charge"]["total"]["cents"].as_i64().unwrap()
}

#[tokio::test]
async fn a_series_costs_what_its_quote_said_whatever_the_demand() {
    let platform = priced().await;
    let forecasts = forecast(&platform, now(), busy).await;
    renew(platform.app.store(), &forecasts, now()).await.unwrap();
    let wish = json!({
        "items": [{ "resource": "arago" }], "slot": slot("10:00", "11:00"), "participants": 1, "repeats": true,
    });
    let told = platform.send("POST", "/v1/quotes", Some(ANNE), &[], Some(wish)).await.ok();
    assert_eq!((&told["quote"]["charge"]["total"]["cents"], moved(&told["quote"])), (&1000.into(), None));
    let made = platform.write(ANNE, "POST", "/v1/series", daily()).await.ok();
    let first = json!({ "id": made["occurrences"][0]["booking"] });
    assert_eq!(charged(&platform, &first).await, 1000);
    // The price of each of a series is no way to book a single hour at the peak.
    let more = json!({ "quote": told["token"] });
    platform.act(ANNE, &first, "cancel").await.ok();
    platform.ask(ANNE, &["arago"], slot("10:00", "11:00"), more).await.refused(422, "quote-other");
}

#[tokio::test]
async fn demand_that_has_come_since_changes_no_price_of_what_stays() {
    let platform = priced().await;
    let single = platform.book(ANNE, "arago", "11:00", "12:00").await;
    let made = platform.write(ANNE, "POST", "/v1/series", daily()).await.ok();
    let occurrence = json!({ "id": made["occurrences"][0]["booking"] });
    let forecasts = forecast(&platform, now(), busy).await;
    renew(platform.app.store(), &forecasts, now()).await.unwrap();
    let change = async |booking: &Value, change: Value| {
        let path = format!("/v1/bookings/{}", booking["id"].as_str().unwrap());
        platform.write(ANNE, "PATCH", &path, change).await.ok()
    };
    // One more guest at the same time in the same room.
    change(&single, json!({ "participants": 2 })).await;
    assert_eq!(charged(&platform, &single).await, 1000);
    // A series costs what it always cost, wherever it moves.
    change(&occurrence, json!({ "slot": slot("09:30", "10:30") })).await;
    assert_eq!(charged(&platform, &occurrence).await, 1000);
    let path = format!("/v1/series/{}", made["id"].as_str().unwrap());
    platform.write(ANNE, "PATCH", &path, json!({ "local_time": "11:45:00" })).await.ok();
    assert_eq!(charged(&platform, &occurrence).await, 1000);
    // A single booking that moves costs what its new time costs: all of it at the peak now.
    change(&single, json!({ "slot": slot("10:45", "11:45") })).await;
    assert_eq!(charged(&platform, &single).await, 1200);
}

#[tokio::test]
async fn each_of_several_places_is_moved_by_the_demand_for_its_own_kind() {
    let platform = priced().await;
    let card = json!({ "standard": { "hour": 500 }, "factor_floor": 9000, "factor_cap": 12000 });
    platform.room("lamp", json!({ "kind": "equipment", "rates": card })).await;
    let forecasts = forecast(&platform, now(), busy).await;
    renew(platform.app.store(), &forecasts, now()).await.unwrap();
    for order in [["arago", "lamp"], ["lamp", "arago"]] {
        let items: Vec<Value> = order.iter().map(|one| json!({ "resource": one })).collect();
        let wish = json!({ "items": items, "slot": slot("10:00", "11:00"), "participants": 1 });
        let quote = platform.send("POST", "/v1/quotes", Some(ANNE), &[], Some(wish)).await.ok()["quote"].clone();
        // Nothing is known of the demand for lamps.
        assert_eq!(quote["charge"]["total"]["cents"], 1200 + 500, "{order:?}");
        assert_eq!(moved(&quote).unwrap()["resource"], "arago");
    }
}
