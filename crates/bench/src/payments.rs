//! Parking payments on the platform: starting sessions that the embedded provider takes at once, and plates checked after them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Settings;
use crate::machine;
use crate::platform::Platform;
use crate::report::{Report, Sample, Target};

/// The demo's tariffs, whose `Zone_A` is open day and night.
const TARIFFS: &str = include_str!("../../../samples/tariffs/default.toml");
/// Drivers at the same time.
const DRIVERS: usize = 64;
/// How long a right may stay unseen before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Measures starts one after the other, the checks after them, and starts by many drivers at once.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let platform = Platform::start(&[]).await?;
    let street = Street::open(&platform).await?;
    report.section("Parking payments: sessions started over HTTP, paid through the embedded provider");
    street.one_by_one(settings, report).await?;
    street.at_once(settings, report).await?;
    let (peak, _) = platform.peak_memory("payments");
    report.add("memory at the peak: payments", peak, "MB").target(Target::Below(128.0));
    platform.stop().await;
    Ok(())
}

/// The API as drivers and agents use it.
struct Street {
    api: String,
    http: reqwest::Client,
    /// One of each driver: nobody may have many payments under way.
    drivers: Vec<String>,
    agent: String,
}

impl Street {
    async fn open(platform: &Platform) -> anyhow::Result<Self> {
        let identity = platform.stack().identity();
        let (agent, admin) = (identity.mint("agent").await?, identity.mint("admin").await?);
        let token = identity.mint("driver").await?;
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).context("a token's claims")?)?;
        let mut claims: Value = serde_json::from_slice(&claims)?;
        let mut drivers = Vec::new();
        for number in 0..DRIVERS {
            claims["sub"] = format!("driver-{number}").into();
            drivers.push(identity.sign(&claims).await?);
        }
        let api = platform.stack().endpoints().api.clone();
        let street = Self { api, http: reqwest::Client::new(), drivers, agent };
        let url = format!("{}/v1/parking/tariffs", street.api);
        // The stack may have put the demo's in force.
        if street.http.get(&url).bearer_auth(&admin).send().await?.status() == StatusCode::NOT_FOUND {
            let answer = street.http.put(&url).bearer_auth(&admin).body(TARIFFS).send().await?;
            if !answer.status().is_success() {
                bail!("tariffs: {} {}", answer.status(), answer.text().await?);
            }
        }
        Ok(street)
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
        let request = self.http.request(Method::POST, format!("{}{path}", self.api)).bearer_auth(token).json(body);
        let answer = request.send().await?;
        let status = answer.status();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// Parks for half an hour. Milliseconds until the session is active.
    async fn park(&self, driver: usize, plate: &str) -> anyhow::Result<f64> {
        let pay = json!({ "with": "method", "id": "pm_card_visa" });
        let wish = json!({ "id": Uuid::new_v4(), "zone": "Zone_A", "plate": plate, "minutes": 30, "pay": pay });
        let started = Instant::now();
        let (status, session) = self.post(&self.drivers[driver], "/v1/parking/sessions", &wish).await?;
        let taken = started.elapsed().as_secs_f64() * 1e3;
        if session["state"] == "active" { Ok(taken) } else { bail!("{plate}: {status} {session}") }
    }

    /// Milliseconds until a check finds the right, the check's own time included.
    async fn seen(&self, plate: &str) -> anyhow::Result<f64> {
        let question = json!({ "plate": plate, "zone": "Zone_A" });
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let (_, answer) = self.post(&self.agent, "/v1/parking/rights/check", &question).await?;
            if answer["allowed"].as_bool().context("no answer to a check")? {
                return Ok(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        bail!("{plate} is paid for and not allowed")
    }

    async fn one_by_one(&self, settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
        let (mut starts, mut checks) = (Sample::default(), Sample::default());
        for number in 0..settings.size(20, 2) {
            // The figure is of sandboxes that run.
            let plate = format!("WARM{number}");
            self.park(0, &plate).await?;
            self.seen(&plate).await?;
        }
        for number in 0..settings.size(500, 5) {
            let plate = format!("ONE{number}");
            starts.push(self.park(0, &plate).await?);
            checks.push(self.seen(&plate).await?);
        }
        let note = format!("{} starts; p50 {:.1} ms, load {:.2}", starts.len(), starts.median(), machine::load());
        report.add("start of a session: p99", starts.quantile(0.99), "ms").target(Target::Below(25.0)).note(note);
        report
            .add("right seen by a plate check after the answer: p99", checks.quantile(0.99), "ms")
            .target(Target::Below(50.0))
            .note(format!("p50 {:.1} ms, the check itself included", checks.median()));
        Ok(())
    }

    async fn at_once(&self, settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
        let each = settings.size(40, 2);
        let drivers = |round: &'static str, each: usize| {
            (0..DRIVERS).map(move |driver| async move {
                let mut times = Sample::default();
                for number in 0..each {
                    times.push(self.park(driver, &format!("{round}{driver}X{number}")).await?);
                }
                anyhow::Ok(times)
            })
        };
        // The sandboxes that there will be start now.
        try_join_all(drivers("W", 1)).await?;
        let started = Instant::now();
        let mut times = Sample::default();
        for some in try_join_all(drivers("M", each)).await? {
            times.extend(some);
        }
        let rate = times.len() as f64 / started.elapsed().as_secs_f64();
        let note = format!("{DRIVERS} drivers; p50 {:.1} ms, p99 {:.1} ms", times.median(), times.quantile(0.99));
        report.add("starts by many at once", rate, "/s").target(Target::AtLeast(500.0)).note(note);
        Ok(())
    }
}
