//! Publishes a file's readings over MQTT and proves that the platform holds them afterwards.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::file::{OccupancyFile, Reading};
use crate::publisher::{Broker, Publisher};

/// Zone of a car park that is counted as a whole.
const ZONE: &str = "main";
/// How long the platform may take to show what was acknowledged before the replay calls it lost.
const PATIENCE: Duration = Duration::from_secs(120);
/// History rows asked for at once.
const PAGE_DAYS: i64 = 7;

/// How fast event time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as the broker acknowledges.
    Max,
    /// So many times faster than life.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(n) if n > 0.0 && n.is_finite() => Ok(Self::Times(n)),
            _ => Err(format!("`{text}` is neither `max` nor a positive number")),
        }
    }
}

/// What to replay and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Speed.
    pub speed: Speed,
    /// Zone of the file's local times, also given to the car parks it creates.
    pub timezone: Tz,
    /// Base address of the API, e.g. `http://127.0.0.1:8080`.
    pub api: String,
    /// Bearer token of an administrator, to register the file's car parks.
    pub token: String,
    /// The broker.
    pub broker: Broker,
    /// Hides the progress bar.
    pub quiet: bool,
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Car parks of the file.
    pub car_parks: usize,
    /// Readings published and acknowledged.
    pub readings: u64,
    /// Time from the first publish to the last acknowledgement.
    pub publishing: Duration,
    /// Time until the API's history equalled the file.
    pub settling: Duration,
    /// What the platform found out about the file's counters.
    pub findings: Vec<Finding>,
}

/// A finding about a car park's counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the car park.
    pub car_park: String,
    /// Kind of finding, e.g. `stuck`.
    pub kind: String,
    /// The platform's words.
    pub text: String,
}

/// Registers the car parks, publishes every reading, then compares the API's history with the file value by value.
///
/// # Errors
/// When the API or the broker cannot be reached or refuses, or when the history differs from the file after two
/// minutes (the error names the first difference).
pub async fn run(file: &OccupancyFile, options: &Options) -> anyhow::Result<Summary> {
    let api = Api::new(options)?;
    api.register(file).await?;

    let bar = progress_bar(file.readings.len() as u64, options.quiet);
    let started = tokio::time::Instant::now();
    let readings = publish(file, options, &bar).await?;
    let publishing = started.elapsed();
    bar.set_message("comparing the history with the file");
    let settled = tokio::time::Instant::now();
    api.wait_for_history(file).await?;
    let settling = settled.elapsed();
    let findings = api.findings(file).await?;
    bar.finish_and_clear();
    Ok(Summary { car_parks: file.car_parks.len(), readings, publishing, settling, findings })
}

async fn publish(file: &OccupancyFile, options: &Options, bar: &ProgressBar) -> anyhow::Result<u64> {
    let publisher = Publisher::connect(&options.broker).await?;
    let origin = file.readings.first().map(|r| (r.at, tokio::time::Instant::now()));
    for reading in &file.readings {
        if let (Speed::Times(n), Some((first, start))) = (options.speed, origin) {
            let offset = (reading.at - first).to_std().unwrap_or_default().div_f64(n);
            tokio::time::sleep_until(start + offset).await;
        }
        let car_park = &file.car_parks[reading.car_park];
        let topic = format!("{}/parking/{ZONE}/counter", car_park.id);
        publisher.publish(topic, payload(reading, car_park.capacity), true).await?;
        bar.inc(1);
    }
    publisher.finish(PATIENCE).await
}

fn payload(reading: &Reading, capacity: Option<u32>) -> Vec<u8> {
    let mut body = json!({ "timestamp": reading.timestamp });
    if let Some(capacity) = capacity {
        body["capacity"] = capacity.into();
    }
    match (reading.occupied, reading.percent) {
        (Some(occupied), _) => body["occupied"] = occupied.into(),
        (None, Some(percent)) => body["occupancy_percent"] = percent.into(),
        (None, None) => {}
    }
    body.to_string().into_bytes()
}

fn progress_bar(len: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} readings  {per_sec}  {eta} left  {msg}");
    ProgressBar::new(len).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The parts of the API that a replay needs.
struct Api<'a> {
    http: reqwest::Client,
    options: &'a Options,
}

impl<'a> Api<'a> {
    fn new(options: &'a Options) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { http, options })
    }

    async fn register(&self, file: &OccupancyFile) -> anyhow::Result<()> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["place", "name", "lat", "lon", "capacity", "timezone"])?;
        let text = |value: Option<String>| value.unwrap_or_default();
        for park in &file.car_parks {
            csv.write_record([
                park.id.clone(),
                park.name.clone(),
                text(park.location.map(|l| l.0.to_string())),
                text(park.location.map(|l| l.1.to_string())),
                text(park.capacity.map(|c| c.to_string())),
                self.options.timezone.name().to_owned(),
            ])?;
        }
        let response = self
            .http
            .post(format!("{}/v1/places/import", self.options.api))
            .bearer_auth(&self.options.token)
            .header("content-type", "text/csv")
            .body(csv.into_inner()?)
            .send()
            .await
            .context("the API cannot be reached")?;
        if !response.status().is_success() {
            bail!("the car parks were refused ({}): {}", response.status(), response.text().await?);
        }
        Ok(())
    }

    async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.options.api);
        let response = self.http.get(&url).query(query).send().await?;
        let status = response.status();
        if !status.is_success() {
            bail!("GET {url} answered {status}: {}", response.text().await?);
        }
        Ok(response.json().await?)
    }

    async fn wait_for_history(&self, file: &OccupancyFile) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        for index in 0..file.car_parks.len() {
            let expected: Vec<&Reading> = file.readings.iter().filter(|r| r.car_park == index).collect();
            loop {
                let Err(difference) = self.compare(&file.car_parks[index].id, &expected).await else { break };
                if tokio::time::Instant::now() > deadline {
                    return Err(difference.context("the history does not equal the file"));
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
        Ok(())
    }

    async fn compare(&self, place: &str, expected: &[&Reading]) -> anyhow::Result<()> {
        let (Some(first), Some(last)) = (expected.first(), expected.last()) else { return Ok(()) };
        let points = self.raw_history(place, first.at, last.at + TimeDelta::seconds(1)).await?;
        if points.len() != expected.len() {
            bail!("{place}: {} readings in the history, {} in the file", points.len(), expected.len());
        }
        for (point, reading) in points.iter().zip(expected) {
            let at: DateTime<Utc> = serde_json::from_value(point["at"].clone())?;
            let same = match (reading.occupied, reading.percent) {
                (Some(occupied), _) => point["occupied"] == occupied,
                (None, Some(percent)) => point["rate"].as_f64().is_some_and(|rate| (rate - percent).abs() < 0.005),
                (None, None) => false,
            };
            if at != reading.at || !same {
                bail!("{place}: the file says {reading:?}, the history {point}");
            }
        }
        Ok(())
    }

    async fn raw_history(&self, place: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> anyhow::Result<Vec<Value>> {
        let mut points = Vec::new();
        let mut from = from;
        while from < to {
            let until = (from + TimeDelta::days(PAGE_DAYS)).min(to);
            let query = [
                ("step", "raw".to_owned()),
                ("zone", ZONE.to_owned()),
                ("from", rfc3339(from)),
                ("to", rfc3339(until)),
            ];
            let body = self.get(&format!("/v1/places/{place}/history"), &query).await?;
            points.extend(body["points"].as_array().cloned().unwrap_or_default());
            from = until;
        }
        Ok(points)
    }

    async fn findings(&self, file: &OccupancyFile) -> anyhow::Result<Vec<Finding>> {
        let mut found = Vec::new();
        for park in &file.car_parks {
            let body = self.get(&format!("/v1/places/{}/findings", park.id), &[]).await?;
            for finding in body["findings"].as_array().into_iter().flatten() {
                let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
                found.push(Finding { car_park: park.name.clone(), kind: text("kind"), text: text("text") });
            }
        }
        Ok(found)
    }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_max_or_a_positive_factor() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60".parse(), Ok(Speed::Times(60.0)));
        assert!("0".parse::<Speed>().is_err() && "fast".parse::<Speed>().is_err());
    }

    #[test]
    fn payloads_carry_what_the_file_tells() {
        let reading = Reading {
            car_park: 0,
            at: Utc::now(),
            timestamp: "2026-01-02T10:00".into(),
            percent: Some(31.0),
            occupied: None,
        };
        let body: Value = serde_json::from_slice(&payload(&reading, Some(239))).unwrap();
        assert_eq!(body, json!({"timestamp": "2026-01-02T10:00", "capacity": 239, "occupancy_percent": 31.0}));
    }
}
