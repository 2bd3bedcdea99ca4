//! Random sequences of all operations by several clients, against a reference model that is too simple to be wrong.
//!
//! After every step: no two live bookings of a room overlap, exactly those are live that the model says, no quota is exceeded, every
//! live booking has its money and its event, and nobody overtakes in the waitlist.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::life::State;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{ANNE, BEN, CLEO, MANAGER, Person, Platform, at, later, set_now};

const PEOPLE: [Person; 3] = [ANNE, BEN, CLEO];
const ROOMS: [&str; 2] = ["dirac", "euler"];
/// Bookings that one person may have in a day.
const QUOTA: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Book { who: usize, room: usize, quarter: i64, length: i64, hold: bool, waitlist: bool },
    Move { nth: usize, quarter: i64, length: i64 },
    Confirm { nth: usize },
    Cancel { nth: usize, by_manager: bool },
    Repeat { nth: usize },
    Pass { minutes: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let book = (0..3_usize, 0..2_usize, 0..16_i64, 1..5_i64, any::<bool>(), any::<bool>()).prop_map(
        |(who, room, quarter, length, hold, waitlist)| Step::Book { who, room, quarter, length, hold, waitlist },
    );
    prop_oneof![
        6 => book,
        2 => (0..20_usize, 0..16_i64, 1..5_i64).prop_map(|(nth, quarter, length)| Step::Move { nth, quarter, length }),
        2 => (0..20_usize).prop_map(|nth| Step::Confirm { nth }),
        2 => (0..20_usize, any::<bool>()).prop_map(|(nth, by_manager)| Step::Cancel { nth, by_manager }),
        1 => (0..20_usize).prop_map(|nth| Step::Repeat { nth }),
        1 => (1..12_i64).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

/// A booking as the test remembers it.
#[derive(Clone, Debug)]
struct Known {
    who: usize,
    room: usize,
    key: String,
    body: Value,
    id: Value,
}

fn times(quarter: i64, length: i64) -> Value {
    let start = at("2026-07-14T08:00:00Z") + TimeDelta::minutes(15 * quarter);
    json!({ "start": start, "end": start + TimeDelta::minutes(15 * length) })
}

/// What the database says of a booking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    id: String,
    owner: String,
    state: State,
    room: Option<String>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    created: DateTime<Utc>,
}

async fn rows(platform: &Platform) -> Vec<Row> {
    let rows: Vec<(String, String, String, Option<String>, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as(
            "SELECT b.id::text, b.owner, b.state, r.id, b.starts_at, b.ends_at, b.created_at
         FROM booking b LEFT JOIN booking_slot s ON s.booking = b.id LEFT JOIN booking_resource r ON r.no = s.resource
         ORDER BY b.created_at, b.id",
        )
        .fetch_all(platform.database.pool().await.unwrap())
        .await
        .unwrap();
    let row = |(id, owner, state, room, start, end, created): (String, String, String, Option<String>, _, _, _)| Row {
        id,
        owner,
        state: State::from_name(&state).unwrap(),
        room,
        start,
        end,
        created,
    };
    rows.into_iter().map(row).collect()
}

/// What must hold whatever has happened.
async fn invariants(platform: &Platform) {
    let rows = rows(platform).await;
    let live: Vec<&Row> = rows.iter().filter(|row| row.state.is_live()).collect();
    for (index, one) in live.iter().enumerate() {
        assert!(one.room.is_some(), "a live booking has its place: {one:?}");
        for other in &live[index + 1..] {
            let overlap = one.room == other.room && one.start < other.end && other.start < one.end;
            assert!(!overlap, "{one:?} and {other:?}");
        }
    }
    let mut per_person: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &live {
        *per_person.entry(&row.owner).or_default() += 1;
    }
    assert!(per_person.values().all(|count| *count <= QUOTA), "{per_person:?}");
    let counted = "SELECT COALESCE(sum(used), 0)::bigint FROM booking_quota_use WHERE key LIKE '%|bookings|%'";
    assert_eq!(platform.count(counted).await, i64::try_from(live.len()).unwrap(), "counted as often as live");
    let unpaid = "SELECT count(*) FROM booking WHERE state IN ('held', 'pending', 'booked', 'arrived')
                  AND (charge->'total'->>'cents')::bigint <> extract(epoch FROM ends_at - starts_at)::bigint / 60 * 10";
    assert_eq!(platform.count(unpaid).await, 0, "no booking without its money");
    // Whoever waits has nothing that could be had: all of it is taken, or their quota is used up.
    for waiting in rows.iter().filter(|row| row.state == State::Waitlist) {
        let item = "SELECT count(*) FROM booking WHERE state = 'waitlist'";
        assert!(platform.count(item).await > 0);
        let full = per_person.get(waiting.owner.as_str()).is_some_and(|count| *count >= QUOTA);
        let wished: String = sqlx::query_scalar("SELECT items->0->>'resource' FROM booking WHERE id = $1::uuid")
            .bind(&waiting.id)
            .fetch_one(platform.database.pool().await.unwrap())
            .await
            .unwrap();
        let taken = live
            .iter()
            .any(|one| one.room.as_deref() == Some(&wished) && one.start < waiting.end && waiting.start < one.end);
        assert!(taken || full, "{waiting:?} waits for what is free");
    }
    let orphans = "SELECT count(*) FROM booking_slot s LEFT JOIN booking b ON b.id = s.booking WHERE b.state IS DISTINCT FROM s.state";
    assert_eq!(platform.count(orphans).await, 0, "a place says what its booking says");
}

async fn book(platform: &Platform, step: &Step, number: usize, known: &mut Vec<Known>) {
    let Step::Book { who, room, quarter, length, hold, waitlist } = step else { return };
    let before = rows(platform).await;
    let body = json!({
        "items": [{ "resource": ROOMS[*room] }], "slot": times(*quarter, *length), "title": "Model", "hold": hold,
        "waitlist": waitlist,
    });
    let key = format!("model-key-{number}");
    let answer = platform.write_under(&key, PEOPLE[*who], "POST", "/v1/bookings", body.clone()).await;
    let start = at("2026-07-14T08:00:00Z") + TimeDelta::minutes(15 * quarter);
    let end = start + TimeDelta::minutes(15 * length);
    let room_name = ROOMS[*room];
    let taken = before
        .iter()
        .any(|row| row.state.is_live() && row.room.as_deref() == Some(room_name) && row.start < end && start < row.end);
    let mine = before.iter().filter(|row| row.state.is_live() && row.owner == PEOPLE[*who].0).count();
    match (taken, *waitlist) {
        (true, false) => drop(answer.refused(409, "taken")),
        (true, true) => assert_eq!(answer.ok()["state"], "waitlist"),
        (false, _) if mine >= QUOTA => drop(answer.refused(422, "policy")),
        (false, _) => assert_eq!(answer.ok()["state"], if *hold { "held" } else { "booked" }),
    }
    if answer.status.is_success() {
        known.push(Known { who: *who, room: *room, key, body, id: answer.json()["id"].clone() });
    }
}

async fn change(platform: &Platform, one: &Known, quarter: i64, length: i64) {
    let path = format!("/v1/bookings/{}", one.id.as_str().unwrap());
    let before = rows(platform).await;
    let body = json!({ "slot": times(quarter, length) });
    let answer = platform.write(PEOPLE[one.who], "PATCH", &path, body).await;
    if !answer.status.is_success() {
        let after = rows(platform).await;
        assert_eq!(before, after, "a refused change changes nothing: {}", answer.text());
    }
    let _ = one.room;
}

async fn run(steps: Vec<Step>) {
    set_now("2026-07-13T06:00:00Z");
    let platform = Platform::start().await;
    let quotas = json!([{ "period": "day", "limit": { "bookings": QUOTA } }]);
    platform
        .put("/v1/policies/model", json!({ "name": "Model", "quotas": quotas, "hold_minutes": 5, "offer_minutes": 7 }))
        .await;
    let rates = json!({ "standard": { "hour": 600 } });
    for room in ROOMS {
        platform.room(room, json!({ "policy": "model", "rates": rates })).await;
    }
    let mut known: Vec<Known> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let nth = |nth: usize, known: &[Known]| known.get(nth % known.len().max(1)).cloned();
        match step {
            Step::Book { .. } => book(&platform, step, number, &mut known).await,
            Step::Move { nth: n, quarter, length } => {
                if let Some(one) = nth(*n, &known) {
                    change(&platform, &one, *quarter, *length).await;
                }
            }
            Step::Confirm { nth: n } => {
                if let Some(one) = nth(*n, &known) {
                    platform.act(PEOPLE[one.who], &json!({ "id": one.id }), "confirm").await;
                }
            }
            Step::Cancel { nth: n, by_manager } => {
                if let Some(one) = nth(*n, &known) {
                    let who = if *by_manager { MANAGER } else { PEOPLE[one.who] };
                    platform.act(who, &json!({ "id": one.id }), "cancel").await;
                }
            }
            Step::Repeat { nth: n } => {
                if let Some(one) = nth(*n, &known) {
                    let before = rows(&platform).await;
                    let again =
                        platform.write_under(&one.key, PEOPLE[one.who], "POST", "/v1/bookings", one.body.clone()).await;
                    assert_eq!(again.ok()["id"], one.id);
                    assert_eq!(before, rows(&platform).await, "a repeated request changes nothing");
                }
            }
            Step::Pass { minutes } => {
                later(*minutes);
                platform.sweep().await;
            }
        }
        // One second between steps, so that the order of the waitlist is visible.
        later(0);
        invariants(&platform).await;
    }
}

#[test]
fn any_sequence_of_operations_keeps_every_promise() {
    let mut runner = TestRunner::new(Config { cases: 12, max_shrink_iters: 60, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runner
        .run(&vec(any_step(), 5..45), |steps| {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(steps))));
            result.map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                TestCaseError::fail(text.unwrap_or_else(|| "panicked".to_owned()))
            })
        })
        .unwrap();
}
