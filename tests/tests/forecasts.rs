//! Car parks whose past is known, and series that are fed, are forecast when the schedule fires, even when sandboxes die at work.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Duration as Span, Timelike as _, Utc};
use chrono_tz::Tz;
use parvis_samples::publisher::Broker;
use parvis_samples::replay::{Columns, OccupancyFile, Options, Speed, run};
use parvis_testkit::{Platform, eventually, eventually_within};
use reqwest::Method;
use serde_json::{Value, json};

const TIMEZONE: Tz = chrono_tz::Europe::Paris;
/// Training takes seconds in a debug build, and tests run in parallel on two cores.
const PATIENCE: Duration = Duration::from_secs(180);

/// Two car parks over the last nine days, every quarter of an hour: full by day and nearly empty by night; the second one has hung for
/// the last eight.
fn file(unique: &str) -> anyhow::Result<OccupancyFile> {
    let mut csv = String::from("timestamp_local,name,capacity,occupancy_pct,lat,lon\n");
    let start = Utc::now() - Span::days(9);
    for quarter in 0..9 * 96 {
        let at = (start + Span::minutes(15 * quarter)).with_timezone(&TIMEZONE);
        let percent = if (8..19).contains(&at.hour()) { 90 + quarter % 5 } else { 10 + quarter % 3 };
        let hung = if quarter < 96 { quarter % 60 } else { 37 };
        let stamp = at.format("%Y-%m-%dT%H:%M");
        writeln!(csv, "{stamp},Gare {unique},200,{percent},43.6,3.87")?;
        writeln!(csv, "{stamp},Port {unique},200,{hung},43.6,3.87")?;
    }
    OccupancyFile::read(csv.as_bytes(), &Columns::default(), TIMEZONE)
}

async fn replay(platform: &Platform, unique: &str) -> anyhow::Result<Vec<String>> {
    let file = file(unique)?;
    let (host, port) = platform.mqtt();
    let options = Options {
        speed: Speed::Max,
        timezone: TIMEZONE,
        api: platform.api_url().to_owned(),
        token: platform.token("admin").await,
        broker: Broker { host, port, client_id: format!("replay-{unique}") },
        quiet: true,
    };
    run(&file, &options).await?;
    Ok(file.car_parks.iter().map(|park| park.id.clone()).collect())
}

/// The answer, as soon as the series is in the wanted state.
async fn in_state(platform: &Platform, path: &str, wanted: &str) -> Value {
    let api = platform.login("agent").await;
    eventually_within(PATIENCE, || async {
        let body = api.get(path).await?;
        if body["state"] == wanted { Ok(body) } else { bail!("{}", body["state"]) }
    })
    .await
}

fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Tariffs of a car park, 2.40 an hour, whose prices demand may move by a fifth.
fn tariffs(park: &str) -> String {
    format!(
        r#"
name = "Gare"
currency = "EUR"
timezone = "Europe/Paris"

[law]
highest_demand_percent = 120

[[tables]]
id = "gare"
version = 1
zones = ["main"]
from = "2025-01-01"
vat_basis_points = 2000
hours = [{{ days = "daily", from = "00:00", to = "24:00" }}]
demand = {{ place = "{park}", floor_percent = 80, cap_percent = 120 }}

[[tables.rates]]
id = "all"
unit = "15min"
max_stay = "24h"
lines = [{{ from = "0min", to = "24h", price = "0.60", every = "15min" }}]
"#
    )
}

/// Puts them in force in place of those that the stack began with.
async fn put_in_force(platform: &Platform, tariffs: String) -> anyhow::Result<()> {
    let (admin, path) = (platform.login("admin").await, "/v1/parking/tariffs");
    let before = admin.request(Method::GET, path).send().await?;
    let version = before.headers().get("etag").context("a version")?;
    let put = admin.request(Method::PUT, path).header("if-match", version).body(tariffs);
    let (status, found) = admin.answer(put).await?;
    ensure!(status.is_success() && found["problems"] == json!([]), "{status}: {found}");
    Ok(())
}

/// What an hour of parking costs that begins when clocks show these hours next, in cents.
async fn prices<const N: usize>(platform: &Platform, hours: [u32; N]) -> anyhow::Result<[i64; N]> {
    let mut cents = [0; N];
    for (hour, cents) in hours.into_iter().zip(&mut cents) {
        let mut ahead = (1..=24).map(|hours| Utc::now() + Span::hours(hours));
        let start = ahead.find(|at| at.with_timezone(&TIMEZONE).hour() == hour);
        let question = json!({ "zone": "main", "start": start, "minutes": 60 });
        let quote = platform.api().send(Method::POST, "/v1/parking/quotes", &question).await?;
        *cents = quote["quote"]["total"]["cents"].as_i64().context("a price")?;
    }
    Ok(cents)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_car_park_is_forecast_after_the_replay_and_a_hung_counter_says_so() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("the hourly update, whose timer is fired on demand") else { return };
    let parks = replay(&platform, &platform.unique()).await.unwrap();
    // Sandboxes die at work: their jobs come again.
    embedded.kill_during_invocation("TrainFunction", 2);
    embedded.fire_schedule("ForecastFunction", "Hourly").await.unwrap();
    let forecast = in_state(&platform, &format!("/v1/forecasts/{}?hours=168", parks[0]), "forecast").await;
    let steps = forecast["steps"].as_array().unwrap();
    assert!(steps.len() >= 7 * 96 - 4, "{}", steps.len());
    assert!(Utc::now() - at(&forecast["origin"]) < Span::hours(1));
    for step in steps {
        let local = at(&step["at"]).with_timezone(&TIMEZONE).hour();
        let truth = if (8..19).contains(&local) { 16.0 } else { 178.0 };
        let free = step["mean"].as_f64().unwrap();
        assert!((free - truth).abs() < 30.0, "{step}");
    }
    let arrival = (Utc::now() + Span::hours(2)).format("%Y-%m-%dT%H:%M:%SZ");
    let arrival = platform.api().get(&format!("/v1/forecasts/{}/arrival?at={arrival}", parks[0])).await.unwrap();
    assert!(arrival["step"]["chance_of_place"].as_f64().unwrap() > 0.9, "{arrival}");
    let hung = in_state(&platform, &format!("/v1/forecasts/{}", parks[1]), "refused").await;
    assert_eq!(hung["refusal"]["reason"]["reason"], "stuck", "{}", hung["refusal"]);
    // Once more is as good as once.
    embedded.fire_schedule("ForecastFunction", "Hourly").await.unwrap();
    let again = in_state(&platform, &format!("/v1/forecasts/{}", parks[0]), "forecast").await;
    assert_eq!(again["trained_at"], forecast["trained_at"]);
    // Where the tariff lets it, what is expected moves prices: up by day, down by night.
    in_state(&platform, &format!("/v1/forecasts/{}?zone=main", parks[0]), "forecast").await;
    put_in_force(&platform, tariffs(&parks[0])).await.unwrap();
    // Sandboxes know the tariffs of before for some seconds. Nothing is taken over yet.
    let usual = eventually(|| prices(&platform, [4, 13])).await;
    assert_eq!(usual, [240, 240]);
    let [night, day] = eventually(|| async {
        embedded.fire_schedule("PaymentsFunction", "Demand").await?;
        let moved = prices(&platform, [4, 13]).await?;
        if moved == usual { bail!("nothing has moved") } else { Ok(moved) }
    })
    .await;
    // 85 % at night; 115 or 130 % by day, of which 120 are allowed.
    assert_eq!(night, 204);
    assert!((276..=288).contains(&day), "{day}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_that_are_fed_are_forecast_by_the_night() {
    let platform = Platform::start().await;
    let manager = platform.login("manager").await;
    let name = format!("arrivals-{}", platform.unique());
    let definition = json!({
        "title": "Emergency arrivals", "kind": "count", "step_minutes": 60, "timezone": "UTC",
    });
    manager.send(Method::PUT, &format!("/v1/time-series/{name}"), &definition).await.unwrap();
    let hour = Utc::now() - Span::minutes(Utc::now().minute().into());
    let arrivals = |back: i64| {
        let at = hour - Span::hours(back);
        let by_day = if (10..22).contains(&at.hour()) { 9 } else { 3 };
        json!({ "at": at, "value": by_day + back * 7919 % 1009 % 3 })
    };
    let observations: Vec<Value> = (1..=35 * 24).map(arrivals).collect();
    let (path, body) = (format!("/v1/time-series/{name}/observations"), json!({ "observations": observations }));
    assert!(manager.send(Method::POST, &path, &body).await.unwrap()["days_changed"].as_u64().unwrap() >= 35);
    assert_eq!(manager.send(Method::POST, &path, &body).await.unwrap()["days_changed"], 0);
    let Some(embedded) = platform.embedded_or_say("the nightly training, whose timer is fired on demand") else {
        return;
    };
    embedded.fire_schedule("ForecastFunction", "Nightly").await.unwrap();
    let forecast = in_state(&platform, &format!("/v1/time-series/{name}/forecast?hours=48"), "forecast").await;
    let steps = forecast["steps"].as_array().unwrap();
    for step in steps {
        let truth = if (10..22).contains(&at(&step["at"]).hour()) { 10.0 } else { 4.0 };
        assert!((step["mean"].as_f64().unwrap() - truth).abs() < 1.5, "{step}");
    }
    assert!(steps.len() >= 47 && forecast["models"].as_array().is_some_and(|models| !models.is_empty()));
}

/// A site with one room that was taken for two hours at the same time (UTC) on each of the last 28 days, at 20 euros each: last at
/// `last`.
async fn site_with_past(platform: &Platform, last: DateTime<Utc>) -> anyhow::Result<String> {
    let (manager, admin) = (platform.login("manager").await, platform.login("admin").await);
    let site = format!("house-{}", platform.unique());
    let put = async |path: String, body: Value| manager.send(Method::PUT, &path, &body).await;
    put(format!("/v1/sites/{site}"), json!({ "name": "House", "timezone": "UTC" })).await?;
    put(format!("/v1/policies/any-{site}"), json!({ "name": "Any" })).await?;
    let room = json!({ "site": site, "policy": format!("any-{site}"), "kind": "room", "name": "Room" });
    put(format!("/v1/resources/room-{site}"), room).await?;
    let run: u32 = rand::random();
    let booking = |back: i64| {
        let start = last - Span::days(back);
        json!({
            "id": format!("{run:08x}-0000-4000-8000-{back:012x}"), "resource": format!("room-{site}"), "ended": "fulfilled",
            "slot": { "start": start, "end": start + Span::hours(2) },
            "total": { "cents": 2000, "currency": "EUR" },
        })
    };
    let bookings: Vec<Value> = (0..28).map(booking).collect();
    let imported = admin.send(Method::POST, "/v1/past-bookings", &json!({ "bookings": bookings })).await?;
    assert_eq!(imported["imported"], 28);
    Ok(site)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_booked_is_found_forecast_and_tested_on_its_past() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("the hourly update, whose timer is fired on demand") else { return };
    // Half a day ago and so over by now, whatever the time is.
    let now = Utc::now();
    let last = now
        - Span::hours(12)
        - Span::seconds(now.timestamp() % 3600)
        - Span::nanoseconds(now.timestamp_subsec_nanos().into());
    let site = site_with_past(&platform, last).await.unwrap();
    embedded.fire_schedule("ForecastFunction", "Hourly").await.unwrap();
    let demand = in_state(&platform, &format!("/v1/demand/{site}/room?hours=168"), "forecast").await;
    assert_eq!((&demand["unit"], &demand["capacity"]), (&json!("bounded"), &json!(1.0)));
    for step in demand["steps"].as_array().unwrap() {
        let taken = (at(&step["at"]) - last).num_hours().rem_euclid(24) < 2;
        let truth = if taken { 1.0 } else { 0.0 };
        assert!((step["mean"].as_f64().unwrap() - truth).abs() < 0.3, "{step}");
    }
    let manager = platform.login("manager").await;
    let wish = json!({ "series": format!("coworking/{site}/room"), "from": Utc::now() - Span::days(7) });
    let asked = manager.send(Method::POST, "/v1/backtests", &wish).await.unwrap();
    let path = format!("/v1/backtests/{}?series=coworking/{site}/room", asked["id"].as_str().unwrap());
    let tested = in_state(&platform, &path, "measured").await;
    let contenders = tested["contenders"].as_array().unwrap();
    let chosen = contenders.iter().find(|one| one["model"] == "chosen").unwrap();
    assert!(contenders.len() == 4 && chosen["mae"].as_f64().unwrap() < 0.2, "{chosen}");
}
