//! Prices that expected demand moves, where the tariff lets it.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::ForecastStore;
use parvis_payments::demand::Renewed;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Platform, TARIFFS, at, session};

/// The demo's tariffs, in which demand may lower the price of a street and raise that of the car park.
fn tariffs() -> String {
    let street = "zones = [\"Zone_B\"]\ndemand = { place = \"default\", floor_percent = 80 }";
    let garage = "zones = [\"Zone_A\"]\ndemand = { place = \"default\", floor_percent = 80, cap_percent = 120 }";
    TARIFFS
        .replace("zones = [\"Zone_B\"]", street)
        .replace("zones = [\"Zone_A\"]", garage)
        .replace("[law]", "[law]\nhighest_demand_percent = 120")
}

/// A forecast of the 40 spaces of a zone: so many percent of them taken in each of the 48 hours from the present one on.
async fn forecast(platform: &Platform, zone: &str, percent: impl Fn(DateTime<Utc>) -> f64) {
    let subject = format!("parking/default/{zone}");
    parvis_test_forecasts::keep(&forecasts(platform), &subject, 40.0, platform.now(), |hour| 0.4 * percent(hour)).await;
}

fn forecasts(platform: &Platform) -> ForecastStore {
    ForecastStore::new(platform.dynamodb.clone(), "forecasts")
}

async fn renew(platform: &Platform) -> Renewed {
    platform.app.renew_demand(&forecasts(platform)).await.unwrap()
}

/// What an hour from `start` on, or from now on, costs any car.
async fn quote(platform: &Platform, zone: &str, start: Option<&str>) -> Value {
    let question = json!({ "zone": zone, "start": start, "minutes": 60 });
    platform.send("POST", "/v1/parking/quotes", None, Some(question)).await.ok()
}

async fn cents(platform: &Platform, zone: &str, start: Option<&str>) -> i64 {
    quote(platform, zone, start).await["quote"]["total"]["cents"].as_i64().unwrap()
}

#[tokio::test]
async fn demand_moves_prices_within_the_bounds_of_their_table_and_says_why() {
    let platform = Platform::under(&tariffs()).await;
    forecast(&platform, "Zone_A", |_| 90.0).await;
    forecast(&platform, "Zone_B", |_| 20.0).await;
    assert_eq!(renew(&platform).await, Renewed { zones: 2, hours: 48, failed: 0 });
    // The present hour had begun before anything was known of it.
    assert_eq!(cents(&platform, "Zone_B", None).await, 240);
    platform.pass(TimeDelta::hours(1));
    // 85 % of 2.40 is 2.04, in coins of 0.10.
    let quiet = quote(&platform, "Zone_B", None).await;
    assert_eq!(quiet["quote"]["total"]["cents"], 200);
    let line =
        json!({ "kind": "demand", "percent": 85, "taken_percent": 20, "amount": { "cents": -36, "currency": "EUR" } });
    assert_eq!(quiet["quote"]["lines"][1], line);
    let said = &quiet["explained"][1];
    assert_eq!(said["fr"], "affluence prévue (20 % des places occupées) : −15 %");
    assert_eq!(said["en"], "expected demand (20 % of the spaces taken) : −15 %");
    // 130 % at the peak, of which the table allows 120.
    assert_eq!(cents(&platform, "Zone_A", None).await, 288);
    // The dial shows what will be asked for.
    let prices = platform.get("/v1/parking/zones/Zone_B/prices").await.ok();
    let hour = prices["points"].as_array().unwrap().iter().find(|point| point["minutes"] == 60).unwrap();
    assert_eq!(hour["price"]["cents"], 200);
}

#[tokio::test]
async fn a_session_keeps_the_demand_that_it_was_sold_under() {
    let platform = Platform::under(&tariffs()).await;
    forecast(&platform, "Zone_B", |_| 20.0).await;
    renew(&platform).await;
    platform.pass(TimeDelta::hours(1));
    let mut asked = session("AB123CD", 60);
    asked["price_cents"] = 240.into();
    let changed = platform.begin(&asked).await.refused(409);
    assert_eq!(changed["quote"]["due"]["cents"], 200, "the price of the table is not the one of this hour");
    asked["price_cents"] = 200.into();
    let begun = platform.begin(&asked).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    // A crowd is expected now, but the hour has begun.
    forecast(&platform, "Zone_B", |_| 95.0).await;
    renew(&platform).await;
    assert_eq!(cents(&platform, "Zone_B", None).await, 200);
    platform.pass(TimeDelta::minutes(30));
    let extension = json!({ "id": Uuid::new_v4(), "minutes": 60, "pay": { "with": "method", "id": "pm_card_visa" } });
    let extended = platform.post(&format!("{path}/extend"), extension).await.ok();
    // 85 % of 4.80 is 4.08.
    assert_eq!((extended["paid"]["cents"].clone(), platform.taken()), (json!(410), 410));
    platform.pass(TimeDelta::minutes(40));
    // In the next hour the street costs others what its table says, and never more.
    let crowded = quote(&platform, "Zone_B", None).await;
    assert_eq!(crowded["quote"]["total"]["cents"], 240);
    assert_eq!(crowded["quote"]["lines"].as_array().unwrap().len(), 1);
    // 70 minutes are 2.80, of which 85 % are 2.38.
    assert_eq!(platform.get(&format!("{path}/stop")).await.ok()["refund"]["cents"], 170);
    platform.post(&format!("{path}/stop"), json!({})).await.ok();
    assert_eq!(platform.taken(), 240);
}

#[tokio::test]
async fn what_an_operator_tells_of_later_costs_what_it_cost_then() {
    let platform = Platform::under(&tariffs()).await;
    forecast(&platform, "Zone_B", |_| 20.0).await;
    renew(&platform).await;
    for _ in 0..23 {
        platform.pass(TimeDelta::hours(1));
        forecast(&platform, "Zone_B", |_| 95.0).await;
        renew(&platform).await;
    }
    // The first hour had begun before the crowd was expected; it is kept for as long as anybody may tell of it.
    for (start, cents) in [("2026-03-03T10:15:00Z", 200), ("2026-03-03T11:30:00Z", 240)] {
        let sold = json!({
            "id": Uuid::new_v4(), "zone": "Zone_B", "plate": format!("AA-{cents}-AA"), "start": start, "minutes": 60,
            "receipt": "PN-1", "price_cents": cents,
        });
        let claims = json!({ "sub": "easy", "client_id": "easy", "scope": "parvis/park" });
        let told = platform.send_as("POST", "/v1/operator/sessions", Some(claims), &[], Some(sold)).await.ok();
        assert_eq!(told["paid"]["cents"], cents, "{start}");
    }
}

#[tokio::test]
async fn prices_do_not_tremble_and_an_old_forecast_moves_none() {
    let platform = Platform::under(&tariffs()).await;
    let noon = "2026-03-03T12:00:00Z";
    // A level is left five points beyond its bound only.
    for (percent, price) in [(34.0, 200), (38.0, 200), (41.0, 240), (33.0, 240), (29.0, 200)] {
        forecast(&platform, "Zone_B", |hour| if hour == at(noon) { percent } else { 50.0 }).await;
        renew(&platform).await;
        assert_eq!(cents(&platform, "Zone_B", Some(noon)).await, price, "{percent} %");
    }
    platform.pass(TimeDelta::hours(27));
    assert_eq!(renew(&platform).await, Renewed { zones: 2, hours: 0, failed: 0 });
    assert_eq!(cents(&platform, "Zone_B", None).await, 240);
}

#[tokio::test]
async fn nothing_moves_where_the_tariff_says_nothing_of_demand() {
    let bare = Platform::without_tariffs().await;
    assert_eq!(renew(&bare).await, Renewed::default());
    let platform = Platform::start().await;
    forecast(&platform, "Zone_B", |_| 20.0).await;
    assert_eq!(renew(&platform).await, Renewed::default());
    platform.pass(TimeDelta::hours(1));
    assert_eq!(cents(&platform, "Zone_B", None).await, 240);
}
