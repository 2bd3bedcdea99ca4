//! The demo's coworking site: enters through the API on the first start, with a made-up past, what sensors saw of it, and bookings of the
//! next working days.

mod past;
mod sensed;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sqlx::postgres::PgConnectOptions;

use crate::identity::{DEMO_USERS, Identity};

/// Past bookings of one request.
const PAST_AT_ONCE: usize = 1000;
/// The clocks of the demo's site.
const ZONE: Tz = Tz::Europe__Paris;

/// The file: everything as the API takes it, but for the times of bookings, which are told from today on.
#[derive(Debug, Deserialize)]
struct File {
    sites: BTreeMap<String, Value>,
    policies: BTreeMap<String, Value>,
    plans: BTreeMap<String, Value>,
    pools: BTreeMap<String, Value>,
    resources: Vec<Value>,
    members: BTreeMap<String, Value>,
    bookings: Vec<Planned>,
    series: Vec<Planned>,
}

/// A booking or series of the demo.
#[derive(Debug, Deserialize)]
struct Planned {
    /// Name of the demo user.
    user: String,
    /// Working days from today, which is day 0.
    day: u32,
    /// Local time of the start, `09:00`.
    start: String,
    minutes: u32,
    /// RRULE of a series.
    #[serde(default)]
    rule: Option<String>,
    /// What the API takes besides.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Fills the bookings of the API at `api`, when nobody has entered a site.
///
/// # Errors
/// When the API refuses or cannot be reached.
pub(crate) async fn seed(
    api: &str,
    identity: &Identity,
    database: &PgConnectOptions,
    file: &std::path::Path,
) -> anyhow::Result<()> {
    let text = tokio::fs::read_to_string(file).await.with_context(|| file.display().to_string())?;
    let file: File = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    let desk = Desk { client: crate::http::client(), api, identity };
    if !desk.is_empty().await? {
        return Ok(());
    }
    for (kind, all) in
        [("sites", &file.sites), ("policies", &file.policies), ("plans", &file.plans), ("pools", &file.pools)]
    {
        for (id, body) in all {
            desk.send("admin", Method::PUT, &format!("/v1/{kind}/{id}"), body).await?;
        }
    }
    for resource in &file.resources {
        let id = resource["id"].as_str().context("a resource without an id")?;
        desk.send("admin", Method::PUT, &format!("/v1/resources/{id}"), resource).await?;
    }
    for (name, body) in &file.members {
        let subject =
            DEMO_USERS.iter().find(|user| user.name == name).with_context(|| format!("no demo user {name}"))?.sub;
        desk.send("admin", Method::PUT, &format!("/v1/members/{subject}"), body).await?;
    }
    for some in past::bookings(&desk.resources().await?, ZONE, Utc::now()).chunks(PAST_AT_ONCE) {
        desk.send("admin", Method::POST, "/v1/past-bookings", &json!({ "bookings": some })).await?;
    }
    let today = Utc::now().with_timezone(&ZONE).date_naive();
    for planned in &file.series {
        desk.send(&planned.user, Method::POST, "/v1/series", &planned.series(today)?).await?;
    }
    for planned in &file.bookings {
        desk.send(&planned.user, Method::POST, "/v1/bookings", &planned.booking(today)?).await?;
    }
    sensed::fill(database).await
}

/// The demo's API with its users.
struct Desk<'a> {
    client: reqwest::Client,
    api: &'a str,
    identity: &'a Identity,
}

impl Desk<'_> {
    async fn is_empty(&self) -> anyhow::Result<bool> {
        let answer = self.client.get(format!("{}/v1/sites", self.api)).send().await?.error_for_status()?;
        let sites: Value = answer.json().await?;
        Ok(sites["sites"].as_array().is_some_and(Vec::is_empty))
    }

    /// Everything that can be booked, the seats of pools included.
    async fn resources(&self) -> anyhow::Result<Vec<Value>> {
        let answer = self.client.get(format!("{}/v1/resources", self.api)).send().await?.error_for_status()?;
        let mut list: Value = answer.json().await?;
        Ok(list["resources"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    async fn send(&self, user: &str, method: Method, path: &str, body: &Value) -> anyhow::Result<()> {
        let token = self.identity.mint(user).await?;
        let request = self.client.request(method, format!("{}{path}", self.api)).bearer_auth(token).json(body);
        let answer = request.header("idempotency-key", uuid::Uuid::new_v4().to_string()).send().await?;
        let status = answer.status();
        // What cannot be had on this very day (a holiday, an hour that has passed) is left out.
        if status.is_success() || matches!(status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY) {
            if !status.is_success() {
                tracing::debug!(path, %status, body = answer.text().await?, "left out of the demo");
            }
            return Ok(());
        }
        bail!("{path} answered {status}: {}", answer.text().await?)
    }
}

impl Planned {
    fn local(&self, today: NaiveDate) -> anyhow::Result<chrono::NaiveDateTime> {
        let time = NaiveTime::parse_from_str(&self.start, "%H:%M").context("a start is hours and minutes")?;
        Ok(working_day(today, self.day).and_time(time))
    }

    fn booking(&self, today: NaiveDate) -> anyhow::Result<Value> {
        let start = self.local(today)?.and_local_timezone(ZONE).earliest().context("a time that there is")?;
        let start: DateTime<Utc> = start.to_utc();
        let mut body = self.rest.clone();
        let end = start + TimeDelta::minutes(i64::from(self.minutes));
        body.insert("slot".to_owned(), json!({ "start": start, "end": end }));
        Ok(body.into())
    }

    fn series(&self, today: NaiveDate) -> anyhow::Result<Value> {
        let mut body = self.rest.clone();
        let recurrence = json!({
            "local_start": self.local(today)?, "timezone": ZONE.name(), "minutes": self.minutes, "rule": self.rule,
        });
        body.insert("recurrence".to_owned(), recurrence);
        body.insert("mode".to_owned(), "free_only".into());
        Ok(body.into())
    }
}

/// The working day so many after `today`; Saturdays and Sundays do not count.
fn working_day(today: NaiveDate, mut days: u32) -> NaiveDate {
    let mut day = today;
    loop {
        let works = !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        if works && days == 0 {
            return day;
        }
        days -= u32::from(works);
        day = day.checked_add_days(Days::new(1)).unwrap_or(day);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekends_are_not_working_days() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(working_day(day("2026-11-20"), 0), day("2026-11-20"));
        assert_eq!(working_day(day("2026-11-20"), 1), day("2026-11-23"));
        assert_eq!(working_day(day("2026-11-21"), 0), day("2026-11-23"));
        assert_eq!(working_day(day("2026-11-21"), 5), day("2026-11-30"));
    }

    #[test]
    fn the_demos_file_is_read_and_its_times_are_local() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/bookings/coworking.json");
        let file: File = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let first = file.bookings.iter().find(|planned| planned.rest["title"] == "Point projet").unwrap();
        let first = first.booking("2026-11-20".parse().unwrap()).unwrap();
        assert_eq!(first["slot"], json!({ "start": "2026-11-23T08:00:00Z", "end": "2026-11-23T09:00:00Z" }));
        let series = file.series[0].series("2026-11-20".parse().unwrap()).unwrap();
        assert_eq!(series["recurrence"]["local_start"], "2026-11-23T08:30:00");
    }
}
