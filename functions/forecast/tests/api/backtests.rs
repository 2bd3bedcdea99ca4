//! Backtests that are asked for.

use parvis_forecasting::{Options, Plan, backtest};
use parvis_forecasts::{StoredBacktest, Tested, Tried};
use serde_json::{Value, json};

use crate::support::{Platform, at, car_park};

fn wish(more: Value) -> Option<Value> {
    let mut wish = json!({ "series": "parking/gare" });
    wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Some(wish)
}

#[tokio::test]
async fn a_backtest_is_queued_told_as_pending_and_then_with_what_came_of_it() {
    let platform = Platform::with_car_park().await;
    let asked = platform.invoke(include_str!("../../../../events/forecast/ask-for-backtest.json")).await;
    assert_eq!(asked.status, 202);
    let asked = asked.ok();
    let id = asked["id"].as_str().unwrap();
    assert_eq!((id, &asked["state"]), ("20260316T1200Z-20260216T1200Z-24h-48h", &"pending".into()));
    let trial =
        json!({ "from": "2026-02-16T12:00:00Z", "every_hours": 24, "horizon_hours": 48, "at": "2026-03-16T12:00:00Z" });
    assert_eq!(platform.queued(), [json!({ "subject": "parking/gare", "backtest": trial })]);

    // What the trainer stores.
    let subject = "parking/gare".parse().unwrap();
    let trial = serde_json::from_value(trial).unwrap();
    let (tested, definition) = (tested(), car_park("parking/gare"));
    let stored = StoredBacktest { trial, asked_at: at("2026-03-16T12:05:00Z"), tested: Some(tested) };
    platform.store.put_backtest(&definition.subject, &stored).await.unwrap();
    let read = platform.send("GET", &format!("/v1/backtests/{id}?series=parking/gare"), Some("agent"), None).await.ok();
    assert_eq!((&read["state"], &read["origins"]), (&"measured".into(), &7.into()));
    let chosen = &read["contenders"][0];
    assert!(chosen["mae"].as_f64().unwrap() < 5.0 && chosen["coverage_80"].as_f64().unwrap() > 0.5, "{chosen}");
    assert_eq!(chosen["mae_by_day_ahead"].as_array().unwrap().len(), 1);
    assert!(read["points"].as_array().unwrap().len() > 6 * 24);
    let list = platform.send("GET", "/v1/backtests?series=parking/gare", Some("agent"), None).await.ok();
    // The list tells all but the single points.
    let mut short = read;
    short["points"] = json!([]);
    assert_eq!(list["backtests"].as_array().unwrap(), &[short]);
    // It was done: nothing is queued any more.
    platform.send("POST", "/v1/backtests", Some("agent"), wish(json!({ "horizon_hours": 48 }))).await.ok();
    assert_eq!((platform.queued().len(), platform.store.backtests(&subject).await.unwrap().len()), (1, 1));
}

/// A real backtest of a small series.
fn tested() -> Tested {
    use parvis_forecasting::{Calendar, Grid, Kind, Series, Step};
    let grid = Grid::new(at("2026-02-02T00:00:00Z"), Step::Minutes(60), chrono_tz::Europe::Paris);
    let values: Vec<_> = (0..28 * 24).map(|step| Some(f64::from(step % 24 + step * 7919 % 1009 % 5))).collect();
    let series = Series::new(grid, Kind::Bounded { capacity: 100.0 }, &values).unwrap();
    let day = chrono::TimeDelta::days(1);
    let plan = Plan { from: at("2026-02-23T00:00:00Z"), every: day, horizon: 24, retrain: day * 7, history: None };
    let result = backtest(&series, &Calendar::new(chrono_tz::Europe::Paris), &Options::new(24, 24), &plan);
    let tried = Tried { name: "chosen".into(), accuracy: result.accuracy, by_day_ahead: result.by_day_ahead };
    Tested::Measured { origins: result.origins, contenders: vec![tried], line: result.line }
}

#[tokio::test]
async fn few_may_wait_at_a_time_and_what_is_not_done_in_hours_has_failed() {
    let platform = Platform::with_car_park().await;
    let ask = async |days: u32| {
        let from = format!("2026-03-{:02}T00:00:00Z", 16 - days);
        platform.send("POST", "/v1/backtests", Some("agent"), wish(json!({ "from": from }))).await
    };
    for days in 1..=3 {
        assert_eq!(ask(days).await.ok()["state"], "pending");
    }
    ask(4).await.refused(409);
    assert_eq!((ask(2).await.status.as_u16(), platform.queued().len()), (202, 4), "the same again is no further one");
    // Those that were asked for in the morning are lost, and keep nobody waiting.
    let subject = "parking/gare".parse().unwrap();
    for mut stored in platform.store.backtests(&subject).await.unwrap() {
        stored.asked_at = at("2026-03-16T09:00:00Z");
        platform.store.put_backtest(&subject, &stored).await.unwrap();
    }
    let list = platform.send("GET", "/v1/backtests?series=parking/gare", Some("agent"), None).await.ok();
    assert!(list["backtests"].as_array().unwrap().iter().all(|one| one["state"] == "failed"), "{list}");
    assert_eq!(ask(4).await.ok()["state"], "pending");
}

#[tokio::test]
async fn what_cannot_be_tested_is_refused() {
    let platform = Platform::with_car_park().await;
    for (field, more) in [
        ("/series", json!({ "series": "gare" })),
        ("/every_hours", json!({ "every_hours": 0 })),
        ("/every_hours", json!({ "every_hours": 1 })),
        ("/horizon_hours", json!({ "horizon_hours": 169 })),
        ("/from", json!({ "from": "2026-03-17T00:00:00Z" })),
        ("/from", json!({ "from": "2024-03-17T00:00:00Z" })),
    ] {
        let problem = platform.send("POST", "/v1/backtests", Some("agent"), wish(more)).await.refused(422);
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let unknown = wish(json!({ "series": "parking/nowhere" }));
    platform.send("POST", "/v1/backtests", Some("agent"), unknown).await.refused(404);
    platform.send("POST", "/v1/backtests", Some("driver"), wish(json!({}))).await.refused(403);
    platform.send("GET", "/v1/backtests?series=coworking/a/revenue-EUR", Some("agent"), None).await.refused(403);
    platform.send("GET", "/v1/backtests/none?series=parking/gare", Some("agent"), None).await.refused(404);
    assert!(platform.queued().is_empty());
}
