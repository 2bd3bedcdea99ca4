//! A shared room, from the first look to the check-in: nobody has it twice, and everybody sees it at once.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Datelike as _, DurationRound as _, NaiveDate, TimeDelta, Utc, Weekday};
use parvis_testkit::{Api, Platform, Subscriber, eventually, eventually_within};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A site of the test's own with two rooms that can be booked by the minute.
struct Site {
    id: String,
    rooms: [String; 2],
    manager: Api,
}

impl Site {
    async fn open(platform: &Platform) -> Self {
        let id = format!("site-{}", platform.unique());
        let manager = platform.login("manager").await;
        let put = async |path: String, body: Value| {
            let (status, answer) = manager.answer(manager.request(Method::PUT, &path).json(&body)).await.unwrap();
            assert!(status.is_success(), "{path}: {status} {answer}");
        };
        put(format!("/v1/sites/{id}"), json!({ "name": "Test", "timezone": "Europe/Paris" })).await;
        let policy = json!({
            "name": "By the minute", "min_minutes": 1, "increment_minutes": 1, "max_notice_minutes": 600_000,
            "check_in": { "opens_minutes_before": 60, "needs_code": true },
        });
        put(format!("/v1/policies/{id}"), policy).await;
        let rooms = ["arago", "braille"].map(|name| format!("{id}-{name}"));
        for room in &rooms {
            let body = json!({ "id": room, "site": id, "kind": "room", "name": room, "policy": id, "capacity": 8 });
            put(format!("/v1/resources/{room}"), body).await;
        }
        Self { id, rooms, manager }
    }

    fn wish(&self, slot: &Value) -> Value {
        json!({ "items": [{ "resource": self.rooms[0] }], "slot": slot, "title": "End to end", "participants": 2 })
    }

    /// The room's busy times of the day of `start`.
    async fn busy(&self, api: &Api, start: DateTime<Utc>) -> Value {
        let day = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let (from, to) = (day(start - TimeDelta::hours(12)), day(start + TimeDelta::hours(12)));
        let path = format!("/v1/free-busy?resource={}&from={from}&to={to}", self.rooms[0]);
        api.get(&path).await.unwrap()["resources"][0]["busy"].clone()
    }
}

/// A key that no other write has.
fn key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", Utc::now().timestamp_micros(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A write under a key of its own.
async fn write(api: &Api, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = api.request(method, path).header("idempotency-key", key()).json(body);
    api.answer(request).await.unwrap()
}

async fn done(api: &Api, method: Method, path: &str, body: Value) -> Value {
    let (status, answer) = write(api, method, path, &body).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

async fn step(api: &Api, booking: &Value, step: &str) -> Value {
    done(api, Method::POST, &format!("{}/{step}", path_of(booking)), json!({})).await
}

fn path_of(booking: &Value) -> String {
    format!("/v1/bookings/{}", booking["id"].as_str().unwrap())
}

fn slot(start: DateTime<Utc>, minutes: i64) -> Value {
    json!({ "start": start, "end": start + TimeDelta::minutes(minutes) })
}

/// Waits until a page hears of an event of a type.
async fn hears(page: &mut Subscriber, kind: &str) -> Value {
    let page = std::cell::RefCell::new(page);
    eventually(|| async {
        let mut page = page.borrow_mut();
        let heard = page.heard();
        let told = heard.iter().find(|(_, told)| told["type"] == kind).map(|(_, told)| told.clone());
        told.ok_or_else(|| format!("{kind} is not among {heard:?}"))
    })
    .await
}

/// Some days ahead, at a full hour.
fn next_week() -> DateTime<Utc> {
    (Utc::now() + TimeDelta::days(7)).duration_trunc(TimeDelta::hours(1)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_booked_moved_waited_for_and_offered_before_everybodys_eyes() {
    let platform = Platform::start().await;
    let site = Site::open(&platform).await;
    let (driver, agent) = (platform.login("driver").await, platform.login("agent").await);
    let topic = format!("live/bookings/{}", site.id);
    let mut page = platform.websocket(&topic).await;
    let start = next_week();

    let booked = done(&driver, Method::POST, "/v1/bookings", site.wish(&slot(start, 60))).await;
    assert_eq!(booked["state"], "booked", "{booked}");
    let told = hears(&mut page, "parvis.booking.confirmed").await;
    assert_eq!((&told["booking"], &told["resources"]), (&booked["id"], &json!([site.rooms[0]])));
    assert!(!told.to_string().contains("End to end"), "nobody is told what it is about: {told}");

    let (status, taken) = write(&agent, Method::POST, "/v1/bookings", &site.wish(&slot(start, 30))).await;
    assert_eq!((status, taken["type"].as_str()), (StatusCode::CONFLICT, Some("https://parvis.dev/problems/taken")));
    assert_eq!(taken["suggestions"][0]["resource"], site.rooms[1].as_str(), "the room beside: {taken}");

    let mut waiting = site.wish(&slot(start, 30));
    waiting["waitlist"] = true.into();
    let waits = done(&agent, Method::POST, "/v1/bookings", waiting).await;
    assert_eq!((&waits["state"], &waits["waitlist"]["position"]), (&json!("waitlist"), &json!(1)));

    let later = json!({ "slot": slot(start + TimeDelta::hours(2), 60) });
    let moved = done(&driver, Method::PATCH, &path_of(&booked), later).await;
    let told = hears(&mut page, "parvis.booking.changed").await;
    assert_eq!((&told["before"], &told["slot"]), (&booked["slot"], &moved["slot"]));

    // What the move gave back is kept for the one who waits, and for nobody else.
    let offered = eventually(|| async {
        let booking = agent.get(&path_of(&waits)).await?;
        if booking["state"] == "held" { Ok(booking) } else { bail!("{booking}") }
    })
    .await;
    assert_eq!(offered["waited"], true);
    let (status, _) = write(&driver, Method::POST, "/v1/bookings", &site.wish(&slot(start, 15))).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(step(&agent, &waits, "confirm").await["state"], "booked");
    hears(&mut page, "parvis.waitlist.accepted").await;

    let busy = site.busy(&platform.api(), start).await;
    assert_eq!(busy.as_array().map(Vec::len), Some(2), "{busy}");
    step(&driver, &booked, "cancel").await;
    hears(&mut page, "parvis.booking.cancelled").await;
    assert_eq!(site.busy(&platform.api(), start).await.as_array().map(Vec::len), Some(1));
}

/// A Monday to come, in the fortnight before a change to summer time (the last Sunday of March).
fn monday_before_summer() -> NaiveDate {
    let year = Utc::now().year();
    let mut mondays = (year..).filter_map(|year| {
        (11..=17).filter_map(|day| NaiveDate::from_ymd_opt(year, 3, day)).find(|day| day.weekday() == Weekday::Mon)
    });
    mondays.find(|monday| *monday > Utc::now().date_naive()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_keeps_its_local_time_and_one_occurrence_can_go() {
    let platform = Platform::start().await;
    let site = Site::open(&platform).await;
    let driver = platform.login("driver").await;
    // From winter into summer: the clocks of Paris change on the last Sunday of March.
    let monday = monday_before_summer();
    let recurrence = json!({
        "local_start": format!("{monday}T09:00:00"), "timezone": "Europe/Paris", "minutes": 45, "rule": "FREQ=WEEKLY;COUNT=4",
    });
    let mut body = json!({ "recurrence": recurrence, "items": [{ "resource": site.rooms[0] }], "title": "Weekly" });
    body["dry_run"] = true.into();
    let (status, dry) = write(&driver, Method::POST, "/v1/series", &body).await;
    assert_eq!((status, &dry["id"]), (StatusCode::OK, &Value::Null), "{dry}");
    body["dry_run"] = false.into();
    let series = done(&driver, Method::POST, "/v1/series", body.clone()).await;
    let occurrences = series["occurrences"].as_array().unwrap();
    let hours: Vec<String> =
        occurrences.iter().map(|one| one["slot"]["start"].as_str().unwrap()[11..16].to_owned()).collect();
    assert!(hours.contains(&"08:00".to_owned()) && hours.contains(&"07:00".to_owned()), "{hours:?}");

    let (status, conflict) = write(&platform.login("agent").await, Method::POST, "/v1/series", &body).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(conflict["occurrences"].as_array().is_some_and(|all| all.iter().all(|one| one["outcome"] == "taken")));

    let third = json!({ "id": occurrences[2]["booking"] });
    step(&driver, &third, "cancel").await;
    let left =
        driver.get(&format!("/v1/bookings?series={}&state=booked", series["id"].as_str().unwrap())).await.unwrap();
    assert_eq!(left["bookings"].as_array().map(Vec::len), Some(3), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_the_code_on_the_door_is_there() {
    let platform = Platform::start().await;
    let site = Site::open(&platform).await;
    let driver = platform.login("driver").await;
    let soon = Utc::now().duration_trunc(TimeDelta::minutes(1)).unwrap() + TimeDelta::minutes(5);
    let booked = done(&driver, Method::POST, "/v1/bookings", site.wish(&slot(soon, 30))).await;
    let path = format!("/v1/resources/{}/check-in-code", site.rooms[0]);
    let (status, _) = driver.answer(driver.request(Method::GET, &path)).await.unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN, "the code is on the door, not on the net");
    let code = site.manager.get(&path).await.unwrap()["code"].clone();
    let (status, _) = write(&driver, Method::POST, &format!("{}/check-in", path_of(&booked)), &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "this policy wants the code");
    let arrived = done(&driver, Method::POST, "/v1/check-in", json!({ "resource": site.rooms[0], "code": code })).await;
    assert_eq!((&arrived["state"], &arrived["id"]), (&json!("arrived"), &booked["id"]));
    assert_eq!(step(&driver, &booked, "finish").await["state"], "fulfilled");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_are_invited_and_told_when_it_is_off() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("the e-mails to guests, read in the outbox") else { return };
    let site = Site::open(&platform).await;
    let driver = platform.login("driver").await;
    let address = format!("{}@example.org", platform.unique());
    let mut wish = site.wish(&slot(next_week(), 60));
    wish["guests"] = json!([{ "name": "Élise", "email": address }]);
    let booked = done(&driver, Method::POST, "/v1/bookings", wish).await;
    let mail = async |method: &str| {
        eventually(|| async {
            let sent = embedded.outbox().await?;
            let to_guest = sent.iter().filter(|mail| mail["to"] == address.as_str());
            let bodies: Vec<&str> = to_guest.filter_map(|mail| mail["body"].as_str()).collect();
            match bodies.iter().find(|body| body.contains(&format!("METHOD:{method}"))) {
                Some(body) => Ok((*body).to_owned()),
                None => bail!("{method} is not in {bodies:?}"),
            }
        })
        .await
    };
    // What the owner can download says the same, to the letter.
    let file = async || {
        let answer = driver.request(Method::GET, &format!("{}/invitation.ics", path_of(&booked))).send().await;
        answer.unwrap().text().await.unwrap()
    };
    let uid = format!("UID:{}@", booked["id"].as_str().unwrap());
    let asked = mail("REQUEST").await;
    assert_eq!(calendar_lines(&asked), calendar_lines(&file().await));
    assert!(asked.contains(&uid) && asked.contains("SEQUENCE:0") && asked.contains(&site.rooms[0]), "{asked}");
    step(&driver, &booked, "cancel").await;
    let off = mail("CANCEL").await;
    assert!(off.contains(&uid) && off.contains("SEQUENCE:1"), "{off}");
    assert_eq!(calendar_lines(&off), calendar_lines(&file().await));
}

/// The iCalendar object in a text, line by line.
fn calendar_lines(text: &str) -> Vec<&str> {
    let object = text.lines().skip_while(|line| *line != "BEGIN:VCALENDAR");
    let until = |line: &&str| *line != "END:VCALENDAR";
    let lines: Vec<&str> = object.take_while(until).collect();
    assert!(!lines.is_empty(), "no calendar in {text}");
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_one_gets_the_room() {
    let platform = Platform::start().await;
    let site = Site::open(&platform).await;
    let (driver, agent) = (platform.login("driver").await, platform.login("agent").await);
    let start = next_week();
    let asks = (0..12_i64).map(|number| {
        let api = if number % 2 == 0 { &driver } else { &agent };
        let wish = site.wish(&slot(start + TimeDelta::minutes(number), 30));
        async move { write(api, Method::POST, "/v1/bookings", &wish).await.0 }
    });
    let statuses = futures::future::join_all(asks).await;
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(StatusCode::CREATED), count(StatusCode::CONFLICT)), (1, 11), "{statuses:?}");
    assert_eq!(site.busy(&platform.api(), start).await.as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_dies_halfway_is_repeated_under_its_key_without_a_second_booking() {
    let platform = Platform::start().await;
    let site = Site::open(&platform).await;
    let driver = platform.login("driver").await;
    let start = next_week();
    for number in 0..6_i64 {
        if let Some(embedded) = platform.embedded_or_say("sandboxes that are killed at work") {
            embedded.kill_during_invocation("BookingsFunction", 1);
        }
        let wish = site.wish(&slot(start + TimeDelta::hours(number), 60));
        let key = key();
        let first = eventually(|| async {
            let request = driver.request(Method::POST, "/v1/bookings").header("idempotency-key", &key).json(&wish);
            let (status, answer) = driver.answer(request).await?;
            if status == StatusCode::CREATED { Ok(answer) } else { bail!("{status}: {answer}") }
        })
        .await;
        let again = driver.request(Method::POST, "/v1/bookings").header("idempotency-key", &key).json(&wish);
        assert_eq!(driver.answer(again).await.unwrap().1["id"], first["id"]);
    }
    let busy = site.busy(&platform.api(), start).await;
    assert_eq!(busy.as_array().map(Vec::len), Some(6), "{busy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_its_time_has_come() {
    let platform = Platform::start().await;
    let site = Site::open(&platform).await;
    let (driver, agent) = (platform.login("driver").await, platform.login("agent").await);
    let topic = format!("live/bookings/{}", site.id);
    let mut page = platform.subscribe(&topic).await;
    // The next minute, but not one that may begin before everybody has asked.
    let soon =
        (Utc::now() + TimeDelta::seconds(10)).duration_trunc(TimeDelta::minutes(1)).unwrap() + TimeDelta::minutes(1);
    done(&driver, Method::POST, "/v1/bookings", site.wish(&slot(soon, 30))).await;
    let mut waiting = site.wish(&slot(soon, 30));
    waiting["waitlist"] = true.into();
    let waits = done(&agent, Method::POST, "/v1/bookings", waiting).await;
    eventually_within(Duration::from_secs(240), || async {
        if let Some(embedded) = platform.embedded() {
            embedded.fire_schedule("BookingsFunction", "Sweep").await?;
        }
        let booking = agent.get(&path_of(&waits)).await?;
        if booking["state"] == "released" { Ok(()) } else { bail!("{booking}") }
    })
    .await;
    hears(&mut page, "parvis.waitlist.expired").await;
}
