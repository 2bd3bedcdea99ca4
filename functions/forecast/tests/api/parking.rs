//! Free places to come.

use parvis_forecasting::Unforecastable;
use parvis_forecasts::{Issued, Outcome};
use parvis_places::{Location, OpenStatus, Place, Source, Zone};
use serde_json::Value;

use crate::support::{Platform, at, car_park, later};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[tokio::test]
async fn a_forecast_tells_free_places_with_bands_that_hold_each_other() {
    let platform = Platform::with_car_park().await;
    let forecast = platform.invoke(include_str!("../../../../events/forecast/read-forecast.json")).await.ok();
    let steps = forecast["steps"].as_array().unwrap();
    // The present step, and those of the next 48 hours.
    assert_eq!((steps.len(), &steps[0]["at"]), (48 * 4 + 1, &later(0).into()));
    for step in steps {
        let band = |name: &str| (number(&step[name]["low"]), number(&step[name]["high"]));
        let (narrow, middle, wide) = (band("band_50"), band("band_80"), band("band_95"));
        assert!(wide.0 <= middle.0 && middle.0 <= narrow.0 && narrow.1 <= middle.1 && middle.1 <= wide.1, "{step}");
        assert!(wide.0 >= 0.0 && wide.1 <= 100.0 && narrow.0 <= number(&step["median"]), "{step}");
        assert!((0.0..=1.0).contains(&number(&step["chance_of_place"])), "{step}");
    }
    // 13:00: nearly full; 21:00: nearly empty.
    assert!(number(&steps[0]["median"]) < 4.0 && number(&steps[32]["median"]) > 85.0, "{} {}", steps[0], steps[32]);
    assert!(number(&steps[0]["chance_of_place"]) < 0.9 && number(&steps[32]["chance_of_place"]) > 0.99);
    assert_eq!((&forecast["state"], &forecast["unit"]), (&"forecast".into(), &"free_spaces".into()));
    assert_eq!(forecast["capacity"], 100.0);
    let explanation: Vec<_> = forecast["explanation"].as_array().unwrap().iter().map(|one| &one["text"]).collect();
    assert_eq!(explanation[0], "It follows the usual course of the week over the last 28 days.");
    let weight: f64 = forecast["models"].as_array().unwrap().iter().map(|model| number(&model["weight"])).sum();
    assert!((weight - 1.0).abs() < 0.01, "{weight}");
}

#[tokio::test]
async fn todays_forecast_is_told_as_it_stood_when_the_day_began() {
    let platform = Platform::with_car_park().await;
    let subject = "parking/gare".parse().unwrap();
    let outlook = platform.store.outlook(&subject).await.unwrap().unwrap();
    let day = at("2026-03-16T00:00:00Z").date_naive();
    let mut steps = outlook.steps[..8].to_vec();
    for (step, quarter) in steps.iter_mut().zip(0..) {
        step.start = at("2026-03-16T11:00:00Z") + chrono::TimeDelta::minutes(15 * quarter);
    }
    let issued = Issued { day, origin: at("2026-03-15T23:00:00Z"), scale: None, reconstructed: false, steps };
    platform.store.put_issued(&subject, &issued).await.unwrap();
    let told = async |query: &str| {
        let forecast = platform.get(&format!("/v1/forecasts/gare{query}")).await.ok();
        forecast["earlier"].as_array().unwrap().iter().map(|step| step["at"].clone()).collect::<Vec<_>>()
    };
    // It is five past twelve.
    let begun = ["11:00", "11:15", "11:30", "11:45", "12:00"].map(|time| format!("2026-03-16T{time}:00Z"));
    assert_eq!(told("?earlier=true").await, begun);
    assert!(told("").await.is_empty());
}

#[tokio::test]
async fn who_arrives_when_it_is_full_is_told_a_better_time() {
    let platform = Platform::with_car_park().await;
    let arrival = platform.get(&format!("/v1/forecasts/gare/arrival?at={}", later(3))).await.ok();
    assert_eq!(arrival["step"]["at"], later(3));
    // The first quarter after 17:00 in Paris.
    assert_eq!(arrival["better"]["at"], later(4), "{arrival}");
    assert!(number(&arrival["better"]["chance_of_place"]) > number(&arrival["step"]["chance_of_place"]));
    let evening = platform.get(&format!("/v1/forecasts/gare/arrival?at={}", later(9))).await.ok();
    assert_eq!(evening["better"], Value::Null);
    for wrong in [later(-2), later(170)] {
        let problem = platform.get(&format!("/v1/forecasts/gare/arrival?at={wrong}")).await.refused(422);
        assert_eq!(problem["errors"][0]["field"], "at");
    }
}

fn place(id: &str, location: Option<(f64, f64)>) -> Place {
    Place {
        id: id.parse().unwrap(),
        name: format!("Parking {id}"),
        timezone: chrono_tz::Europe::Paris,
        location: location.and_then(|(lat, lon)| Location::new(lat, lon)),
        address: None,
        enrolment: Default::default(),
        thresholds: Default::default(),
        status: Default::default(),
        version: 1,
        created_at: at("2026-03-16T12:00:00Z"),
        modified_at: at("2026-03-16T12:00:00Z"),
    }
}

#[tokio::test]
async fn better_places_and_times_are_suggested() {
    let platform = Platform::with_car_park().await;
    // All are full at four; `gare` is forecast, its neighbour is not, another is too far away.
    for (id, lat) in [("gare", 43.605), ("port", 43.606), ("aeroport", 43.7)] {
        platform.places.put_place(&place(id, Some((lat, 3.88)))).await.unwrap();
    }
    platform.forecast("parking/aeroport").await;
    platform.store.define(&car_park("parking/port")).await.unwrap();
    let suggest = async |hour| {
        let answer = platform.get(&format!("/v1/forecasts/gare/suggestions?at={}", later(hour))).await.ok();
        answer["suggestions"].as_array().unwrap().clone()
    };
    let told = suggest(3).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["why"], &told[0]["step"]["at"]), (&"other_time".into(), &later(4).into()));
    assert_eq!(suggest(9).await, Vec::<Value>::new(), "in the evening it is empty");
    // Everybody may ask: the whole register is read once a minute, and the same answer is kept for a while.
    platform.places.put_place(&place("parc", None)).await.unwrap();
    assert_eq!(platform.app.listing().await.unwrap().len(), 3);
    let answer = platform.get(&format!("/v1/forecasts/gare/suggestions?at={}", later(3))).await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=120");
    platform.get(&format!("/v1/forecasts/nowhere/suggestions?at={}", later(3))).await.refused(404);
    platform.get(&format!("/v1/forecasts/gare/suggestions?at={}", later(200))).await.refused(422);
}

#[tokio::test]
async fn what_cannot_be_forecast_says_why() {
    let platform = Platform::with_car_park().await;
    let definition = car_park("parking/gare/stuck");
    platform.store.define(&definition).await.unwrap();
    let pending = platform.get("/v1/forecasts/gare?zone=stuck").await.ok();
    assert_eq!((&pending["state"], &pending["refusal"]), (&"pending".into(), &Value::Null));
    let reason = Unforecastable::Stuck { since: at("2026-03-01T00:00:00Z"), value: 17.0 };
    let refused = Outcome::Refused { at: at("2026-03-16T12:00:00Z"), reason };
    platform.store.conclude(&definition.subject, &refused).await.unwrap();
    let forecast = platform.get("/v1/forecasts/gare?zone=stuck").await.ok();
    insta::assert_json_snapshot!(forecast["refusal"], @r#"
    {
      "at": "2026-03-16T12:00:00Z",
      "reason": {
        "reason": "stuck",
        "since": "2026-03-01T00:00:00Z",
        "value": 17.0
      },
      "text": "cannot be forecast because its source has been stuck at 17 since 2026-03-01 00:00:00 UTC"
    }
    "#);
    assert_eq!(forecast["steps"].as_array().unwrap().len(), 0);
    // A forecast that was made before the reason came up is not told any more.
    platform.forecast("parking/gare/stuck").await;
    platform.store.conclude(&definition.subject, &refused).await.unwrap();
    assert_eq!(platform.get("/v1/forecasts/gare?zone=stuck").await.ok()["steps"].as_array().unwrap().len(), 0);
    let arrival = platform.get(&format!("/v1/forecasts/gare/arrival?zone=stuck&at={}", later(1))).await.ok();
    assert_eq!((&arrival["step"], &arrival["refusal"]["reason"]["reason"]), (&Value::Null, &"stuck".into()));
}

#[tokio::test]
async fn accuracy_is_told_day_by_day_and_step_by_step() {
    let platform = Platform::with_car_park().await;
    let subject = "parking/gare".parse().unwrap();
    let outlook = platform.store.outlook(&subject).await.unwrap().unwrap();
    let day = at("2026-03-15T00:00:00Z").date_naive();
    let origin = at("2026-03-14T23:00:00Z");
    let issued = Issued { day, origin, scale: Some(2.0), reconstructed: false, steps: outlook.steps[..96].to_vec() };
    // Everything came three vehicles above the median.
    let median = |at| outlook.steps.iter().find(|step| step.start == at).map(|step| step.quantiles[4]);
    let scored = issued.score(|at| median(at).map(|median| median + 3.0)).unwrap();
    platform.store.put_scored(&subject, &scored).await.unwrap();
    let accuracy = platform.invoke(include_str!("../../../../events/forecast/read-accuracy.json")).await.ok();
    assert!((number(&accuracy["mae"]) - 3.0).abs() < 0.01, "{}", accuracy["mae"]);
    let day = &accuracy["days"][0];
    assert_eq!((&day["day"], &day["steps"]), (&"2026-03-15".into(), &96.into()));
    assert!((number(&day["mase"]) - 1.5).abs() < 0.01);
    // Of free places it was three less.
    let point = &day["points"][0];
    assert!((number(&point["median"]) - number(&point["value"]) - 3.0).abs() < 0.01, "{point}");
    assert!(number(&point["band_80"]["low"]) <= number(&point["band_80"]["high"]));
    let short = platform.get("/v1/forecasts/gare/accuracy").await.ok();
    assert!(short["days"][0].get("points").is_none());
    platform.get("/v1/forecasts/gare/accuracy?days=32&points=true").await.refused(422);
}

#[tokio::test]
async fn the_list_is_of_one_car_park_or_of_all() {
    let platform = Platform::with_car_park().await;
    for subject in ["parking/gare/nord", "parking/gare2", "fed/arrivals"] {
        platform.store.define(&car_park(subject)).await.unwrap();
    }
    let ids = |list: Value| -> Vec<String> {
        list["series"].as_array().unwrap().iter().map(|one| one["series"].as_str().unwrap().to_owned()).collect()
    };
    let all = platform.invoke(include_str!("../../../../events/forecast/list-forecasts.json")).await.ok();
    assert_eq!(ids(all), ["parking/gare", "parking/gare/nord", "parking/gare2"]);
    assert_eq!(ids(platform.get("/v1/forecasts?place=gare").await.ok()), ["parking/gare", "parking/gare/nord"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let platform = Platform::with_car_park().await;
    platform.get("/v1/forecasts/nowhere").await.refused(404);
    platform.get("/v1/forecasts/gare?zone=nowhere").await.refused(404);
    platform.get("/v1/forecasts/gare?hours=0").await.refused(422);
    platform.get("/v1/forecasts/gare?hours=169").await.refused(422);
    platform.get("/v1/forecasts/gare?hours=x").await.refused(400);
    platform.get("/v1/forecasts/gare/arrival").await.refused(400);
}

#[tokio::test]
async fn capacity_advice_is_for_staff_and_rests_on_the_week_ahead() {
    let platform = Platform::with_car_park().await;
    platform.places.put_place(&place("gare", None)).await.unwrap();
    let zone = |id: &str, status| Zone {
        id: id.parse().unwrap(),
        name: format!("Zone {id}"),
        source: Source::Counter,
        capacity: Some(50),
        spaces: Vec::new(),
        status,
        thresholds: None,
        version: 1,
    };
    let gare = "gare".parse().unwrap();
    platform.places.put_zone(&gare, &zone("nord", OpenStatus::Open)).await.unwrap();
    platform.places.put_zone(&gare, &zone("sud", OpenStatus::Closed)).await.unwrap();
    for zone in ["nord", "sud"] {
        platform.store.define(&car_park(&format!("parking/gare/{zone}"))).await.unwrap();
    }
    let advise = async |role, query: &str| platform.send("GET", &format!("/v1/advice{query}"), Some(role), None).await;
    let told = advise("agent", "?place=gare").await.ok();
    // Full from eight to five, every day: the closed zone is needed now already, at one in the afternoon.
    assert_eq!(
        (&told["advice"][0]["advice"], &told["advice"][0]["zone"]),
        (&"open_zone".into(), &"sud".into()),
        "{told}"
    );
    assert!(number(&told["advice"][0]["expected"]) > 95.0, "{told}");
    assert_eq!(advise("agent", "?site=nowhere").await.ok()["advice"], serde_json::json!([]));
    advise("driver", "?place=gare").await.refused(403);
    advise("agent", "").await.refused(422);
    advise("agent", "?place=nowhere").await.refused(404);
}
