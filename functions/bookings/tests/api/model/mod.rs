//! Random sequences of all operations by several clients, with crashes between steps, against a reference model that is too
//! simple to be wrong: what a client is told follows from what all others have done before, and nothing else.
//!
//! After every step: no two live bookings of a room overlap, no booking is lost or made twice, no quota is exceeded, every booking
//! has its money, and nobody overtakes in the waitlist. At the end every change has been told once.

mod rows;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::life::State;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use self::rows::{Row, invariants, read, settled, used};
use crate::crash::dying;
use crate::support::{ANNE, Answer, BEN, CLEO, MANAGER, Person, Platform, at, later, now, set_now};

const PEOPLE: [Person; 3] = [ANNE, BEN, CLEO];
const ROOMS: [&str; 2] = ["dirac", "euler"];
/// Bookings that one person may have in a day.
const QUOTA: usize = 4;
/// How long a client repeats what it has asked: less than the two days for which answers are kept.
const PATIENCE: TimeDelta = TimeDelta::hours(24);

/// What a client asks for.
#[derive(Clone, Debug)]
enum Ask {
    Book { room: usize, quarter: i64, length: i64, hold: bool, waitlist: bool },
    Series { room: usize, quarter: i64, days: u32, free_only: bool },
    Move { nth: usize, quarter: i64, length: i64 },
    Act { nth: usize, step: &'static str, by_manager: bool },
    CancelSeries { nth: usize },
}

#[derive(Clone, Debug)]
enum Step {
    /// A client asks; when it dies after so many steps, its request is repeated under the same key.
    Ask { who: usize, ask: Ask, dies_after: Option<u32> },
    /// The client of an earlier request has not heard the answer and repeats it.
    Repeat { nth: usize },
    /// Time passes, and the schedule comes by; it may die at work.
    Pass { minutes: i64, dies_after: Option<u32> },
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let book = (0..2_usize, 0..16_i64, 1..5_i64, any::<bool>(), any::<bool>())
        .prop_map(|(room, quarter, length, hold, waitlist)| Ask::Book { room, quarter, length, hold, waitlist });
    let series = (0..2_usize, 0..16_i64, 2..5_u32, any::<bool>())
        .prop_map(|(room, quarter, days, free_only)| Ask::Series { room, quarter, days, free_only });
    let act =
        (0..20_usize, prop::sample::select(vec!["confirm", "cancel", "cancel", "check-in", "finish"]), any::<bool>())
            .prop_map(|(nth, step, by_manager)| Ask::Act { nth, step, by_manager });
    prop_oneof![
        6 => book,
        1 => series,
        2 => (0..20_usize, 0..16_i64, 1..5_i64).prop_map(|(nth, quarter, length)| Ask::Move { nth, quarter, length }),
        5 => act,
        1 => (0..20_usize).prop_map(|nth| Ask::CancelSeries { nth }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let dies = || prop_oneof![2 => Just(None), 1 => (1..40_u32).prop_map(Some)];
    prop_oneof![
        10 => (0..3_usize, any_ask(), dies()).prop_map(|(who, ask, dies_after)| Step::Ask { who, ask, dies_after }),
        1 => (0..20_usize).prop_map(|nth| Step::Repeat { nth }),
        2 => (1..12_i64, dies()).prop_map(|(minutes, dies_after)| Step::Pass { minutes, dies_after }),
        1 => (100..700_i64, dies()).prop_map(|(minutes, dies_after)| Step::Pass { minutes, dies_after }),
    ]
}

/// A request as its client remembers it.
#[derive(Clone, Debug)]
struct Request {
    who: Person,
    key: String,
    method: &'static str,
    path: String,
    body: Value,
}

/// What the clients know.
#[derive(Default)]
struct Known {
    /// Bookings that they were told of.
    ids: BTreeSet<String>,
    /// Whose each booking is, in the order in which they were told of them.
    bookings: Vec<(String, Person)>,
    series: Vec<(String, Person)>,
    /// Requests that were answered with a success, when, and the answer.
    done: Vec<(Request, DateTime<Utc>, Value)>,
    requests: usize,
}

impl Known {
    fn learn(&mut self, id: &Value, who: Person) {
        let id = id.as_str().unwrap().to_owned();
        assert!(self.ids.insert(id.clone()), "{id} is new");
        self.bookings.push((id, who));
    }
}

fn nth<T: Clone>(all: &[T], nth: usize) -> Option<T> {
    all.get(nth % all.len().max(1)).cloned()
}

fn times(quarter: i64, length: i64) -> (DateTime<Utc>, DateTime<Utc>) {
    let start = at("2026-07-14T08:00:00Z") + TimeDelta::minutes(15 * quarter);
    (start, start + TimeDelta::minutes(15 * length))
}

fn slot((start, end): (DateTime<Utc>, DateTime<Utc>)) -> Value {
    json!({ "start": start, "end": end })
}

/// Method, path, body and sender of what is asked; nothing when there is nothing to ask it of.
fn request(who: usize, ask: &Ask, known: &Known) -> Option<(&'static str, String, Value, Person)> {
    let me = PEOPLE[who];
    Some(match ask {
        Ask::Book { room, quarter, length, hold, waitlist } => {
            let body = json!({
                "items": [{ "resource": ROOMS[*room] }], "slot": slot(times(*quarter, *length)), "title": "Model",
                "hold": hold, "waitlist": waitlist, "suggest": false,
            });
            ("POST", "/v1/bookings".to_owned(), body, me)
        }
        Ask::Series { room, quarter, days, free_only } => {
            let start = times(*quarter, 1).0.with_timezone(&chrono_tz::Europe::Paris).naive_local();
            let recurrence = json!({
                "local_start": start, "timezone": "Europe/Paris", "minutes": 30, "rule": format!("FREQ=DAILY;COUNT={days}"),
            });
            let mode = if *free_only { "free_only" } else { "all_or_nothing" };
            let body = json!({ "recurrence": recurrence, "items": [{ "resource": ROOMS[*room] }], "title": "Series", "mode": mode });
            ("POST", "/v1/series".to_owned(), body, me)
        }
        Ask::Move { nth: n, quarter, length } => {
            let (id, owner) = nth(&known.bookings, *n)?;
            ("PATCH", format!("/v1/bookings/{id}"), json!({ "slot": slot(times(*quarter, *length)) }), owner)
        }
        Ask::Act { nth: n, step, by_manager } => {
            let (id, owner) = nth(&known.bookings, *n)?;
            let who = if *by_manager && *step != "confirm" { MANAGER } else { owner };
            ("POST", format!("/v1/bookings/{id}/{step}"), json!({}), who)
        }
        Ask::CancelSeries { nth: n } => {
            let (id, owner) = nth(&known.series, *n)?;
            ("POST", format!("/v1/series/{id}/cancel"), json!({}), owner)
        }
    })
}

/// Sends a request, first with a process that dies if it is to.
async fn send(platform: &Platform, request: &Request, dies_after: Option<u32>) -> Answer {
    let Request { who, key, method, path, body } = request;
    let write = || platform.write_under(key, *who, method, path, body.clone());
    if let Some(steps) = dies_after
        && let Some(answer) = dying(steps, write()).await
    {
        return answer;
    }
    write().await
}

/// What a booking must be answered, by what there was before.
fn expect_book(before: &[Row], who: Person, ask: &Ask, answer: &Answer) {
    let Ask::Book { room, quarter, length, hold, waitlist } = ask else { return };
    let (start, end) = times(*quarter, *length);
    let taken = before.iter().any(|row| row.blocks(ROOMS[*room], start, end));
    // The quarter that has begun can still be had, as long as it is not over.
    let past = end <= now() || start < now() - TimeDelta::minutes(15);
    match (past, taken, *waitlist) {
        (true, _, _) => assert_eq!(answer.refused(422, "policy")["refusals"][0]["code"], "past"),
        (false, true, false) => drop(answer.refused(409, "taken")),
        (false, true, true) => assert_eq!(answer.ok()["state"], "waitlist"),
        (false, false, _) if used(before, who.0, start) >= QUOTA => {
            assert_eq!(answer.refused(422, "policy")["refusals"][0]["code"], "quota_reached");
        }
        (false, false, _) => assert_eq!(answer.ok()["state"], if *hold { "held" } else { "booked" }),
    }
}

/// What a move must be answered.
fn expect_move(before: &[Row], path: &str, ask: &Ask, answer: &Answer) {
    let Ask::Move { quarter, length, .. } = ask else { return };
    let (start, end) = times(*quarter, *length);
    let old = before.iter().find(|row| path.ends_with(&row.id)).unwrap();
    let others = before.iter().filter(|row| row.id != old.id);
    let taken = others.clone().any(|row| row.blocks(&old.wish, start, end));
    if answer.status.is_success() {
        assert!(!taken || old.state == State::Waitlist, "{old:?} was moved onto somebody else's time");
    } else if answer.status == 409 && old.state == State::Booked && old.version >= 0 {
        assert!(taken, "{old:?} could have been moved: {}", answer.text());
    }
}

async fn ask(platform: &Platform, who: usize, ask: &Ask, dies_after: Option<u32>, known: &mut Known) {
    let Some((method, path, body, who)) = request(who, ask, known) else { return };
    known.requests += 1;
    let request = Request { who, key: format!("model-key-{}", known.requests), method, path, body };
    let before = read(platform).await;
    let answer = send(platform, &request, dies_after).await;
    assert!(!answer.status.is_server_error(), "{request:?}: {}", answer.text());
    expect_book(&before, who, ask, &answer);
    expect_move(&before, &request.path, ask, &answer);
    if !answer.status.is_success() {
        assert_eq!(before, read(platform).await, "what is refused changes nothing: {}", answer.text());
        return;
    }
    let told = answer.json();
    match ask {
        Ask::Book { .. } => known.learn(&told["id"], who),
        Ask::Series { .. } => {
            known.series.push((told["id"].as_str().unwrap().to_owned(), who));
            let occurrences = told["occurrences"].as_array().unwrap();
            occurrences
                .iter()
                .filter(|one| one["outcome"] == "booked")
                .for_each(|one| known.learn(&one["booking"], who));
        }
        _ => {}
    }
    known.done.push((request, now(), told));
}

async fn repeat(platform: &Platform, nth_done: usize, known: &Known) {
    let Some((request, asked_at, told)) = nth(&known.done, nth_done) else { return };
    if now() - asked_at > PATIENCE {
        return;
    }
    let before = read(platform).await;
    let again = send(platform, &request, None).await.ok();
    assert_eq!(again["id"], told["id"]);
    assert_eq!(before, read(platform).await, "a repeated request changes nothing");
}

async fn run(steps: Vec<Step>) {
    set_now("2026-07-13T06:00:00Z");
    let platform = Platform::start().await;
    let quotas = json!([{ "period": "day", "limit": { "bookings": QUOTA } }]);
    let policy = json!({
        "name": "Model", "quotas": quotas, "hold_minutes": 5, "offer_minutes": 7, "check_in": { "opens_minutes_before": 600 },
    });
    platform.put("/v1/policies/model", policy).await;
    let rates = json!({ "standard": { "hour": 600 } });
    for room in ROOMS {
        platform.room(room, json!({ "policy": "model", "rates": rates })).await;
    }
    let mut known = Known::default();
    let mut before = Vec::new();
    for step in &steps {
        match step {
            Step::Ask { who, ask: asked, dies_after } => ask(&platform, *who, asked, *dies_after, &mut known).await,
            Step::Repeat { nth } => repeat(&platform, *nth, &known).await,
            Step::Pass { minutes, dies_after } => {
                later(*minutes);
                if let Some(steps) = dies_after {
                    dying(*steps, platform.sweep()).await;
                }
                platform.sweep().await;
            }
        }
        before = invariants(&platform, &before).await;
        let ids: BTreeSet<String> = before.iter().map(|row| row.id.clone()).collect();
        assert_eq!(ids, known.ids, "no booking is lost, and none is there that nobody was told of");
    }
    // What is left in the outbox is put by the schedule, once it is old enough.
    later(1);
    platform.sweep().await;
    settled(&platform).await;
}

#[test]
fn any_sequence_of_operations_with_crashes_keeps_every_promise() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    let mut runner = TestRunner::new(Config { cases, max_shrink_iters: 60, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runner
        .run(&vec(any_step(), 5..50), |steps| {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(steps))));
            result.map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                TestCaseError::fail(text.unwrap_or_else(|| "panicked".to_owned()))
            })
        })
        .unwrap();
}
