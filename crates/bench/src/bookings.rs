//! Bookings: many who want one room, availability of many resources, calendars, series.

use std::time::Instant;

use anyhow::{Context as _, bail};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use futures::future::{join_all, try_join_all};
use parvis_booking::Slot;
use parvis_booking::booking::PayWith;
use parvis_booking::resource::Item;
use parvis_bookings::actor::Actor;
use parvis_bookings::commands::Book;
use parvis_bookings::error::Refused;
use parvis_bookings::store::catalog::ResourceFilter;
use parvis_bookings::store::tx::WriteError;
use parvis_bookings::store::{Store, availability};
use parvis_kit::postgres::Database;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Settings;
use crate::machine;
use crate::platform::Platform;
use crate::report::{Report, Sample, Target};

/// Clients that want the same room.
const CLIENTS: usize = 64;
/// Minutes that times are multiples of.
const QUARTER: i64 = 15;
/// Minutes of the four weeks over which clients ask.
const WEEKS: i64 = 4 * 7 * 24 * 60;

/// Measures through the store and through the HTTP API.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let platform = Platform::start(&[]).await?;
    let office = Office::open(&platform).await?;
    report.section(format!("Bookings: {CLIENTS} clients want one room at times of the same four weeks"));
    office.fight_in_store(settings, report).await?;
    office.fight_over_http(settings, report).await?;
    report.section("Bookings: looking and repeating");
    office.look(settings, report).await?;
    office.repeat(settings, report).await?;
    let (peak, _) = platform.peak_memory("bookings");
    report.add("memory at the peak: bookings", peak, "MB").target(Target::Below(40.0));
    platform.stop().await;
    Ok(())
}

/// The API as a manager uses it, and the database below.
struct Office<'a> {
    platform: &'a Platform,
    http: reqwest::Client,
    token: String,
    /// The first instant of all bookings.
    from: DateTime<Utc>,
}

/// What became of many attempts.
#[derive(Default)]
struct Fight {
    times: Sample,
    won: usize,
    lost: usize,
    failed: usize,
}

/// What became of one.
enum Outcome {
    Won,
    Lost,
    Failed,
}

impl Fight {
    fn add(&mut self, started: Instant, outcome: &Outcome) {
        self.times.push(started.elapsed().as_secs_f64() * 1e3);
        match outcome {
            Outcome::Won => self.won += 1,
            Outcome::Lost => self.lost += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.times.extend(other.times);
        self.won += other.won;
        self.lost += other.lost;
        self.failed += other.failed;
        self
    }
}

/// A time by chance, on the quarters of the four weeks.
fn any_slot(random: &mut ChaCha8Rng, from: DateTime<Utc>) -> Slot {
    let start = from + TimeDelta::minutes(QUARTER * random.random_range(0..WEEKS / QUARTER - 4));
    Slot::lasting(start, TimeDelta::minutes(QUARTER * random.random_range(1..=4)))
}

impl<'a> Office<'a> {
    /// A site and a policy.
    async fn open(platform: &'a Platform) -> anyhow::Result<Self> {
        let token = platform.stack().identity().mint("manager").await?;
        let from = (Utc::now() + TimeDelta::days(2)).duration_trunc(TimeDelta::days(1))?;
        let office = Self { platform, http: reqwest::Client::new(), token, from };
        for site in ["hot", "large", "small"] {
            office.put(&format!("/v1/sites/{site}"), &json!({ "name": site, "timezone": "Europe/Paris" })).await?;
        }
        office.put("/v1/policies/bench", &json!({ "name": "Bench" })).await?;
        Ok(office)
    }

    async fn request(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
        let url = format!("{}{path}", self.platform.stack().endpoints().api);
        let request = self.http.request(method, url).bearer_auth(&self.token).json(body);
        let answer = request.header("idempotency-key", Uuid::new_v4().to_string()).send().await?;
        let status = answer.status();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    async fn put(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        let (status, answer) = self.request(Method::PUT, path, body).await?;
        if status.is_success() { Ok(()) } else { bail!("{path}: {status} {answer}") }
    }

    async fn room(&self, site: &str, id: &str) -> anyhow::Result<()> {
        let room = json!({ "id": id, "site": site, "kind": "room", "name": id, "policy": "bench" });
        self.put(&format!("/v1/resources/{id}"), &room).await
    }

    fn store(&self) -> Store {
        Store::new(Database::with_options(self.platform.stack().postgres().connect_options(), "bench"))
    }

    async fn fight_in_store(&self, settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
        self.room("hot", "hot-store").await?;
        let attempts = settings.size(400, 5);
        // Each with a pool of its own, as each sandbox has.
        let stores: Vec<Store> = (0..CLIENTS).map(|_| self.store()).collect();
        // The figure is of sandboxes that run: their statements are prepared.
        self.room("hot", "warm-store").await?;
        try_join_all(stores.iter().enumerate().map(|(client, store)| fight(store, "warm-store", client, 3, self.from)))
            .await?;
        let started = Instant::now();
        let clients = stores.into_iter().enumerate().map(|(client, store)| {
            let from = self.from;
            tokio::spawn(async move { fight(&store, "hot-store", client, attempts, from).await })
        });
        let mut all = Fight::default();
        for client in join_all(clients).await {
            all = all.merge(client??);
        }
        self.tell(report, "through the store", &all, started, ("hot-store", 5_000.0)).await
    }

    async fn fight_over_http(&self, settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
        self.room("hot", "hot-http").await?;
        let attempts = settings.size(400, 3);
        self.room("hot", "warm-http").await?;
        // The sandboxes that there will be start now: the figure is of those that run.
        try_join_all((0..CLIENTS).map(|client| self.attempts("warm-http", client, 3))).await?;
        let started = Instant::now();
        let clients = (0..CLIENTS).map(|client| self.attempts("hot-http", client, attempts));
        let all = try_join_all(clients).await?.into_iter().fold(Fight::default(), Fight::merge);
        self.tell(report, "over HTTP", &all, started, ("hot-http", 1_500.0)).await
    }

    /// One client's attempts over HTTP.
    async fn attempts(&self, room: &str, client: usize, attempts: usize) -> anyhow::Result<Fight> {
        let mut random = ChaCha8Rng::seed_from_u64(client as u64);
        let mut fight = Fight::default();
        for _ in 0..attempts {
            let slot = any_slot(&mut random, self.from);
            let body = json!({ "items": [{ "resource": room }], "slot": slot, "title": "Bench", "suggest": false });
            let started = Instant::now();
            let (status, _) = self.request(Method::POST, "/v1/bookings", &body).await?;
            let outcome = match status {
                StatusCode::CREATED => Outcome::Won,
                StatusCode::CONFLICT => Outcome::Lost,
                _ => Outcome::Failed,
            };
            fight.add(started, &outcome);
        }
        Ok(fight)
    }

    async fn tell(
        &self,
        report: &mut Report,
        how: &str,
        fight: &Fight,
        started: Instant,
        (room, target): (&str, f64),
    ) -> anyhow::Result<()> {
        let rate = fight.times.len() as f64 / started.elapsed().as_secs_f64();
        let overlaps: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM booking_slot a JOIN booking_slot b
             ON a.resource = b.resource AND a.during && b.during AND a.booking < b.booking
             JOIN booking_resource r ON r.no = a.resource WHERE r.id = $1",
        )
        .bind(room)
        .fetch_one(self.store().database().pool().await?)
        .await?;
        let Fight { times, won, lost, failed } = fight;
        let note = format!("{won} had it, {lost} did not, load {:.2}", machine::load());
        report.add(format!("{how}: attempts"), rate, "/s").target(Target::AtLeast(target)).note(note);
        report.add(format!("{how}: overlapping bookings"), overlaps as f64, "").target(Target::AtMost(0.0));
        report.add(format!("{how}: deadlocks and other failures"), *failed as f64, "").target(Target::AtMost(0.0));
        report.add(format!("{how}: p50"), times.median(), "ms");
        report.add(format!("{how}: p99"), times.quantile(0.99), "ms").target(Target::Below(50.0));
        Ok(())
    }

    /// So many rooms at `site`, each booked for an hour on twenty days of four weeks.
    async fn fill(&self, site: &str, rooms: usize) -> anyhow::Result<()> {
        let local = self.from.naive_utc().date().and_hms_opt(10, 0, 0).context("ten o'clock")?;
        let all: Vec<usize> = (0..rooms).collect();
        for some in all.chunks(8) {
            try_join_all(some.iter().map(|number| async move {
                let id = format!("{site}-{number}");
                self.room(site, &id).await?;
                let rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=20";
                let recurrence =
                    json!({ "local_start": local, "timezone": "Europe/Paris", "minutes": 60, "rule": rule });
                let body = json!({ "recurrence": recurrence, "items": [{ "resource": id }], "title": "Full" });
                let (status, answer) = self.request(Method::POST, "/v1/series", &body).await?;
                if status.is_success() { Ok(()) } else { bail!("{id}: {status} {answer}") }
            }))
            .await?;
        }
        sqlx::query("ANALYZE booking_slot").execute(self.store().database().pool().await?).await?;
        Ok(())
    }

    async fn look(&self, settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
        let (many, few) = (settings.size(500, 10), settings.size(50, 5));
        self.fill("large", many).await?;
        self.fill("small", few).await?;
        // What was booked so far is still being told to everybody.
        self.platform.settle().await?;
        let weeks = Slot::lasting(self.from, TimeDelta::weeks(4));
        let store = self.store();
        let filter = ResourceFilter { site: Some("large".to_owned()), ..ResourceFilter::default() };
        let mut times = Sample::default();
        let mut free = 0;
        for _ in 0..settings.size(100, 3) {
            let started = Instant::now();
            let all = availability::read(store.database().pool().await?, &filter, weeks).await?;
            free = all.iter().map(|one| one.free(&one.open(weeks)).len()).sum();
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let note = format!("{free} free stretches; p99 {:.1} ms, load {:.2}", times.quantile(0.99), machine::load());
        let what = format!("availability of {many} resources over 4 weeks, 20 bookings each, in the store: p50");
        report.add(what, times.median(), "ms").target(Target::Below(20.0)).note(note);
        let month = Slot::lasting(self.from, TimeDelta::days(31));
        for (site, count, range, target) in [("large", many, weeks, None), ("small", few, month, Some(50.0))] {
            let instant = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            let path = format!("/v1/availability?site={site}&from={}&to={}", instant(range.start), instant(range.end));
            let mut times = Sample::default();
            let mut bytes = 0;
            for _ in 0..settings.size(50, 3) {
                let started = Instant::now();
                bytes = self.platform.bytes(&path).await?.len();
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
            let note = format!("{} KB; p99 {:.1} ms", bytes / 1024, times.quantile(0.99));
            let days = range.length().num_days();
            let figure =
                report.add(format!("calendar of {count} rooms over {days} days, over HTTP: p50"), times.median(), "ms");
            if let Some(target) = target {
                figure.target(Target::Below(target));
            }
            figure.note(note);
        }
        Ok(())
    }

    async fn repeat(&self, settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
        let local = self.from.naive_utc().date().and_hms_opt(18, 0, 0).context("six o'clock")?;
        let occurrences = settings.size(200, 20);
        let mut times = Sample::default();
        for number in 0..settings.size(40, 2) {
            let id = format!("small-{}", number % settings.size(50, 5));
            let rule = format!("FREQ=DAILY;COUNT={occurrences}");
            let recurrence = json!({ "local_start": local, "timezone": "Europe/Paris", "minutes": 60, "rule": rule });
            let body = json!({ "recurrence": recurrence, "items": [{ "resource": id }], "title": "Daily" });
            let started = Instant::now();
            let (status, answer) = self.request(Method::POST, "/v1/series", &body).await?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            if status != StatusCode::CREATED {
                bail!("{id}: {status} {answer}");
            }
        }
        let note = format!("{} series; p99 {:.1} ms", times.len(), times.quantile(0.99));
        let figure = report.add(format!("a series of {occurrences} bookings, over HTTP: p50"), times.median(), "ms");
        figure.target(Target::Below(100.0)).note(note);
        Ok(())
    }
}

/// One client's attempts through the store.
async fn fight(
    store: &Store,
    room: &str,
    client: usize,
    attempts: usize,
    from: DateTime<Utc>,
) -> anyhow::Result<Fight> {
    let mut random = ChaCha8Rng::seed_from_u64(client as u64);
    let mut fight = Fight::default();
    for _ in 0..attempts {
        let book = Book {
            id: Uuid::now_v7(),
            actor: Actor { subject: format!("client-{client}"), roles: std::collections::BTreeSet::new() },
            items: vec![Item::Resource(room.parse().context("an id")?)],
            slot: any_slot(&mut random, from),
            title: "Bench".to_owned(),
            participants: 1,
            guests: Vec::new(),
            pay_with: PayWith::Money,
            quote: None,
            hold: false,
            waitlist: false,
        };
        let started = Instant::now();
        let outcome = match store.execute(None, &book, Utc::now()).await {
            Ok(_) => Outcome::Won,
            Err(WriteError::Refused(Refused::Taken(_))) => Outcome::Lost,
            Err(error) => {
                eprintln!("an attempt failed: {error:?}");
                Outcome::Failed
            }
        };
        fight.add(started, &outcome);
    }
    Ok(fight)
}
