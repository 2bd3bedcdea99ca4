//! Prices that expected demand moves, where a manager lets it.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_bookings::demand::{Renewed, renew};
use parvis_forecasting::{Calendar, Explanation, Kind, StepForecast};
use parvis_forecasts::{Definition, ForecastStore, Outcome, Outlook};
use serde_json::{Value, json};

use crate::support::{ANNE, Platform, at, later, now, slot};

const ROOMS: &str = "coworking/hq/room";

/// A forecast of the three rooms: as many of them taken in each hour to come as `taken` says.
async fn forecast(platform: &Platform, origin: DateTime<Utc>, taken: impl Fn(DateTime<Utc>) -> f64) -> ForecastStore {
    let store = ForecastStore::new(platform.dynamodb.clone(), "forecasts");
    let definition = Definition {
        subject: ROOMS.parse().unwrap(),
        title: "HQ".to_owned(),
        kind: Kind::Bounded { capacity: 3.0 },
        step_minutes: 60,
        calendar: Calendar::new(chrono_tz::Europe::Paris),
    };
    let step = |hour: i64| {
        let start = origin + TimeDelta::hours(hour);
        let mean = taken(start);
        StepForecast { start, open: true, mean, quantiles: vec![mean; 9], chance_below_capacity: None }
    };
    let outlook = Outlook {
        definition: definition.clone(),
        origin,
        trained_at: origin,
        model_version: 1,
        span: (origin - TimeDelta::days(60), origin),
        borrowed: false,
        rehearsed: Vec::new(),
        steps: (0..48).map(step).collect(),
        explanation: Explanation::default(),
    };
    let outcome = Outcome::Forecast { origin, trained_at: origin, borrowed: false, expected_error: None, drift: None };
    store.define(&definition).await.unwrap();
    store.put_outlook(&outlook).await.unwrap();
    store.conclude(&definition.subject, &outcome).await.unwrap();
    store
}

async fn quote(platform: &Platform, room: &str, from: &str, until: &str) -> Value {
    let body = json!({ "items": [{ "resource": room }], "slot": slot(from, until), "participants": 1 });
    platform.send("POST", "/v1/quotes", Some(ANNE), &[], Some(body)).await.ok()["quote"].clone()
}

async fn priced() -> Platform {
    let platform = Platform::start().await;
    let card = json!({ "standard": { "hour": 1000 }, "factor_floor": 9000, "factor_cap": 12000 });
    platform.room("arago", json!({ "rates": card })).await;
    platform.room("braille", json!({ "rates": { "standard": { "hour": 1000 } } })).await;
    platform
}

#[tokio::test]
async fn demand_moves_the_prices_that_may_move_within_their_bounds_and_says_why() {
    let platform = priced().await;
    let morning = at("2026-07-13T10:00:00Z");
    // All rooms from ten to noon (UTC), none otherwise.
    let busy = |hour: DateTime<Utc>| if (morning..morning + TimeDelta::hours(2)).contains(&hour) { 2.85 } else { 0.0 };
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
    assert_eq!(peak["factor"], json!({ "basis_points": 12000, "expected_percent": 95 }));
    let line = peak["lines"].as_array().unwrap().iter().find(|line| line["kind"] == "demand").unwrap();
    assert_eq!((&line["quantity"], &line["amount"]["cents"]), (&12000.into(), &200.into()));
    // 0.85 when nobody comes, its floor is 0.9; half and half is 1.075.
    assert_eq!(quote(&platform, "arago", "14:00", "15:00").await["charge"]["total"]["cents"], 900);
    assert_eq!(quote(&platform, "arago", "09:00", "11:00").await["charge"]["total"]["cents"], 2150);
    // The other room's prices stay as they are.
    let fixed = quote(&platform, "braille", "10:00", "11:00").await;
    assert_eq!(
        (&fixed["charge"]["total"]["cents"], &fixed["factor"]),
        (&1000.into(), &json!({ "basis_points": 10000 }))
    );
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
        quote(&platform, "arago", "10:00", "11:00").await["factor"]["basis_points"].clone()
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
