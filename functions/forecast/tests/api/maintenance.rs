//! Work orders.

use chrono::TimeDelta;
use parvis_forecasts::{StoredOrder, Thing, Watched};
use parvis_maintenance::{Evidence, Finding, Kind, Order, Verdict, work::Step};
use serde_json::{Value, json};

use crate::support::{Platform, later, now};

fn order(thing: Thing, kind: Kind, evidence: Evidence, days: i64) -> StoredOrder {
    let finding = Finding { kind, probability: 0.9, evidence, by: now() + TimeDelta::days(days) };
    let equipment = matches!(thing, Thing::Equipment { .. });
    StoredOrder {
        thing,
        title: "Something".to_owned(),
        age_hours: equipment.then_some(480.0),
        group: equipment.then(|| "lasers".to_owned()),
        order: Order::propose(finding, now()),
        version: 0,
    }
}

async fn board() -> Platform {
    let platform = Platform::empty().await;
    let sensor = Thing::Sensor { place: "gare".into(), zone: "A".into(), number: 3 };
    let rate = Evidence::Rate { changes: 900, expected: 40.0, neighbours: 6 };
    let laser = Thing::Equipment { site: "hq".into(), resource: "laser".into() };
    let wear = Evidence::Wear { age: 480.0, median_left: 20.0, failures: 5 };
    for one in [order(sensor, Kind::Flapping, rate, 5), order(laser, Kind::Wear, wear, 2)] {
        assert!(platform.store.put_order(&one).await.unwrap());
    }
    platform
}

async fn orders(platform: &Platform, query: &str) -> Value {
    platform.send("GET", &format!("/v1/maintenance{query}"), Some("agent"), None).await.ok()
}

#[tokio::test]
async fn orders_are_told_by_urgency_planned_closed_and_teach() {
    let platform = board().await;
    let board = orders(&platform, "").await;
    let ids: Vec<&str> = board["orders"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["equipment:hq:laser:wear", "sensor:gare:A:3:flapping"]);
    insta::assert_json_snapshot!(board["orders"][1]);
    assert_eq!(orders(&platform, "?place=gare").await["orders"].as_array().unwrap().len(), 1);
    let step = async |id: &str, body: Value| {
        platform.send("POST", &format!("/v1/maintenance/{id}/steps"), Some("agent"), Some(body)).await
    };
    let planned = step("equipment:hq:laser:wear", json!({ "step": "plan", "on": later(48) })).await.ok();
    assert_eq!(planned["status"], json!({ "state": "planned", "on": later(48) }));
    let closed = step("equipment:hq:laser:wear", json!({ "step": "close", "verdict": "confirmed" })).await.ok();
    assert_eq!(closed["status"], json!({ "state": "closed", "verdict": "confirmed" }));
    step("equipment:hq:laser:wear", json!({ "step": "dismiss" })).await.refused(409);
    step("sensor:gare:A:3:flapping", json!({ "step": "close", "verdict": "nothing_wrong" })).await.ok();
    let board = orders(&platform, "").await;
    assert_eq!(
        board["reliability"],
        json!([
            { "kind": "flapping", "looked_at": 1, "confirmed": 0 },
            { "kind": "wear", "looked_at": 1, "confirmed": 1 },
        ])
    );
    // The laser has lived 480 hours.
    let lives = platform.store.lives("lasers").await.unwrap();
    assert_eq!(
        (lives.len(), lives[0].0.as_str(), lives[0].1.life.age, lives[0].1.life.failed),
        (1, "laser", 480.0, true)
    );
    assert_eq!(step("equipment:hq:laser:wear", json!({ "step": "reopen" })).await.ok()["status"]["state"], "proposed");
    // Reopened it has taught nothing, and closed again it teaches once.
    let taught = async || {
        let lives = platform.store.lives("lasers").await.unwrap();
        (orders(&platform, "").await["reliability"][1].clone(), lives.len())
    };
    assert_eq!(taught().await, (Value::Null, 0));
    step("equipment:hq:laser:wear", json!({ "step": "close", "verdict": "other" })).await.ok();
    assert_eq!(taught().await, (json!({ "kind": "wear", "looked_at": 1, "confirmed": 0 }), 1));
    step("equipment:hq:laser:wear", json!({ "step": "reopen" })).await.ok();
    step("equipment:hq:laser:wear", json!({ "step": "dismiss" })).await.ok();
    assert_eq!(taught().await, (Value::Null, 0));
}

#[tokio::test]
async fn a_step_that_comes_too_late_teaches_nothing() {
    let platform = board().await;
    let read = platform.store.order("equipment:hq:laser:wear").await.unwrap().unwrap();
    let mut closed = read.clone();
    closed.order.apply(Step::Close(Verdict::Confirmed), now()).unwrap();
    assert!(platform.store.put_step(&read, &closed).await.unwrap());
    assert!(!platform.store.put_step(&read, &closed).await.unwrap(), "by an old version");
    assert_eq!(platform.store.reliability().await.unwrap()["wear"].looked_at, 1);
    assert_eq!(platform.store.lives("lasers").await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_lives_can_be_noted() {
    let platform = board().await;
    let send = async |method: &str, path: &str, role: &str, body: Value| {
        platform.send(method, path, Some(role), Some(body)).await
    };
    let path = "/v1/maintenance/sensor:gare:A:3:flapping/steps";
    send("POST", path, "driver", json!({ "step": "dismiss" })).await.refused(403);
    send("POST", path, "agent", json!({ "step": "reopen" })).await.refused(409);
    send("POST", path, "agent", json!({ "step": "plan", "on": "2030-01-01T00:00:00Z" })).await.refused(422);
    send("POST", "/v1/maintenance/none/steps", "agent", json!({ "step": "dismiss" })).await.refused(404);
    let life =
        json!({ "group": "lasers", "resource": "laser-2", "hours": 510.0, "failed": true, "ended_at": later(-100) });
    assert_eq!(send("POST", "/v1/maintenance/lives", "manager", life.clone()).await.status, 204);
    send("POST", "/v1/maintenance/lives", "agent", life.clone()).await.refused(403);
    let mut ahead = life;
    ahead["ended_at"] = later(5).into();
    ahead["hours"] = 0.into();
    let problem = send("POST", "/v1/maintenance/lives", "manager", ahead).await.refused(422);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    assert_eq!(platform.store.lives("lasers").await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_board_says_what_is_watched_and_from_when_things_can_be_foretold() {
    let platform = board().await;
    assert_eq!(orders(&platform, "").await["watched"], json!([]));
    let place = "gare".parse().unwrap();
    let week = now() + TimeDelta::days(7);
    let watched = Watched { at: now(), things: 40, foretold: 12, too_little: 20, from: Some(week) };
    platform.store.put_watched(Some(&place), &watched).await.unwrap();
    platform
        .store
        .put_watched(None, &Watched { things: 1, foretold: 0, too_little: 1, from: None, ..watched })
        .await
        .unwrap();
    // A car park that was not looked at for days is none any more.
    let gone = Watched { at: now() - TimeDelta::days(4), ..watched };
    platform.store.put_watched(Some(&"halles".parse().unwrap()), &gone).await.unwrap();
    insta::assert_json_snapshot!(orders(&platform, "").await["watched"]);
    let of_place = orders(&platform, "?place=gare").await;
    assert_eq!(of_place["watched"].as_array().unwrap().len(), 1);
}
