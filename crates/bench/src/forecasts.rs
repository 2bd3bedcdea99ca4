//! Forecasts on the platform: the nightly training of series of two years by as many sandboxes as the template allows, one read, and what
//! memory that takes. (The library alone, without a platform: `cargo bench -p parvis-forecasting`.)

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use chrono::{TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::Settings;
use crate::platform::Platform;
use crate::report::{Report, Sample, Target};

/// Observations of one request, at most.
const BATCH: usize = 10_000;
/// The longest night.
const PATIENCE: Duration = Duration::from_secs(600);

/// Measures through the HTTP API.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let (number, days) = settings.size((40, 730), (2, 21));
    let platform = Platform::start(&[]).await?;
    let api = Api::new(&platform).await?;
    for series in 0..number {
        api.feed(series, days).await?;
    }
    report.section(format!("Forecasts: {number} hourly series of {days} days, trained at night"));
    let started = Instant::now();
    platform.stack().schedules().fire("ForecastFunction", "Nightly").await?;
    api.all_forecast(number).await?;
    let took = started.elapsed();
    report
        .add("training, per series", took.as_secs_f64() * 1e3 / number as f64, "ms")
        .target(Target::Below(60.0))
        .note("wall clock, with reading and storing; 60 ms are 1,000 series in a minute");
    let mut times = Sample::default();
    for read in 0..settings.size(500, 5) {
        let started = Instant::now();
        api.get(&format!("/v1/time-series/s{}/forecast?hours=168", read % number)).await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    report.add("one forecast of a week: p50", times.median(), "ms").target(Target::Below(10.0));
    report.add("one forecast of a week: slowest of a hundred", times.quantile(0.99), "ms");
    for context in ["train", "forecast"] {
        let (peak, _) = platform.peak_memory(context);
        report.add(format!("memory at the peak: {context}"), peak, "MB").target(Target::Below(256.0));
    }
    platform.stop().await;
    Ok(())
}

struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    async fn new(platform: &Platform) -> anyhow::Result<Self> {
        let token = platform.stack().identity().mint("admin").await?;
        Ok(Self { http: reqwest::Client::new(), base: platform.stack().endpoints().api.clone(), token })
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<()> {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token).json(body);
        let answer = request.send().await?;
        ensure!(answer.status().is_success(), "{path}: {} {}", answer.status(), answer.text().await?);
        Ok(())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        Ok(serde_json::from_slice(&request.send().await?.error_for_status()?.bytes().await?)?)
    }

    /// Defines a series and feeds it: a course of the day and of the week, and chance.
    async fn feed(&self, series: usize, days: i32) -> anyhow::Result<()> {
        let definition = json!({ "title": format!("Series {series}"), "kind": "count", "step_minutes": 60, "timezone": "Europe/Paris" });
        self.send(Method::PUT, &format!("/v1/time-series/s{series}"), &definition).await?;
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(series as u64);
        let end = Utc::now() - TimeDelta::hours(1);
        let observations: Vec<Value> = (0..24 * days)
            .map(|hour| {
                let by_day = 10.0 + 8.0 * (f64::from(hour % 24) / 24.0 * std::f64::consts::TAU).sin();
                let by_week = if hour / 24 % 7 < 5 { 1.0 } else { 0.6 };
                let value = (by_day * by_week * random.random_range(0.7..1.3_f64)).round();
                json!({ "at": end - TimeDelta::hours(1) * (24 * days - 1 - hour), "value": value })
            })
            .collect();
        for batch in observations.chunks(BATCH) {
            let path = format!("/v1/time-series/s{series}/observations");
            self.send(Method::POST, &path, &json!({ "observations": batch })).await?;
        }
        Ok(())
    }

    /// Waits until every series has its forecast.
    async fn all_forecast(&self, number: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let list = self.get("/v1/time-series").await?;
            let series = list["series"].as_array().context("series")?;
            let done = series.iter().filter(|one| one["state"] == "forecast").count();
            if done == number {
                return Ok(());
            }
            if let Some(refused) = series.iter().find(|one| one["state"] == "refused") {
                bail!("{refused}");
            }
            ensure!(Instant::now() < deadline, "{done} of {number} series are forecast");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
