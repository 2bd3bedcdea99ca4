//! What is usual: means by hour and weekday, zones compared, dwell times.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{PlaceId, ZoneId};
use parvis_places::ZoneSummary;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::current::PlaceNow;
use crate::error::{ApiResult, Refusal};
use crate::params::{FROM_TO, Instant, Span, window};
use crate::series::{self, Point, Sources, percent, rounded};
use crate::sql::{self, Step, Window};
use crate::state::App;
use crate::statistics::{Mean, by_hour, by_weekday, overall};

/// A year of hours is 8,784 rows and a few hundred milliseconds.
const SPAN: Span = Span { default: TimeDelta::days(28), longest: TimeDelta::days(366) };
/// Bounds of the dwell-time distribution in seconds: 15 and 30 minutes, 1, 2, 4, 8 and 24 hours.
const DWELL_BOUNDS: [i64; 7] = [900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(hourly_statistics))
        .routes(routes!(weekday_statistics))
        .routes(routes!(zone_statistics))
        .routes(routes!(dwell_statistics))
}

/// Which stretch of the past is asked about.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RangeParams {
    /// First instant (RFC 3339). 28 days before the end if absent.
    #[param(value_type = Option<DateTime<Utc>>)]
    pub from: Option<Instant>,
    /// First instant after (RFC 3339). Now if absent; 366 days after `from` at most.
    #[param(value_type = Option<DateTime<Utc>>)]
    pub to: Option<Instant>,
    /// Only this zone.
    #[param(value_type = Option<String>, example = "Zone_A")]
    pub zone: Option<ZoneId>,
}

/// What a statistic is about.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Scope {
    /// The place.
    #[schema(value_type = String, example = "default")]
    pub place: PlaceId,
    /// The zone; null for the whole place.
    #[schema(value_type = Option<String>)]
    pub zone: Option<ZoneId>,
    /// First instant.
    pub from: DateTime<Utc>,
    /// First instant after.
    pub to: DateTime<Utc>,
}

/// A place, a range, and what its history is made of.
pub struct Question {
    /// What the answer says that it is about.
    pub scope: Scope,
    /// The range.
    pub window: Window,
    /// The place as it is now.
    pub now: PlaceNow,
    /// What the history in question is made of.
    pub sources: Sources,
}

impl Question {
    /// Resolves the parameters against the register.
    ///
    /// # Errors
    /// 404 for an unknown place, 422 for a range that is empty or too long.
    pub async fn resolve(app: &App, place: PlaceId, params: RangeParams) -> ApiResult<Self> {
        let record = app.place(&place).await?;
        let window = window(FROM_TO, [params.from, params.to], app.now(), record.place.timezone, SPAN)?;
        let now = app.now_of(record).await?;
        let sources = now.sources(params.zone.as_ref());
        let scope = Scope { place, zone: params.zone, from: window.from, to: window.to };
        Ok(Self { scope, window, now, sources })
    }

    /// The hourly points of the range.
    ///
    /// # Errors
    /// 503 when the database cannot answer.
    pub async fn hours(&self, app: &App) -> ApiResult<Vec<Point>> {
        let place = self.scope.place.as_str();
        Ok(series::occupancy(app.database(), place, &self.sources, self.window, Step::Hour).await?)
    }
}

/// Means by the hour of the day.
#[derive(Debug, Serialize, ToSchema)]
pub struct HourlyStatistics {
    #[serde(flatten)]
    scope: Scope,
    /// By hour; hours of which nothing is known are absent.
    hours: Vec<HourMean>,
}

/// The mean of an hour of the day.
#[derive(Debug, Serialize, ToSchema)]
pub struct HourMean {
    /// The hour on the place's clock, 0 to 23.
    #[schema(example = 8)]
    pub hour: usize,
    /// Its mean.
    #[serde(flatten)]
    pub mean: Mean,
}

/// The usual occupancy at each hour of the day.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/statistics/hourly",
    tag = "Statistics",
    params(("place" = String, Path, description = "Id of the place", example = "default"), RangeParams),
    responses((status = 200, body = HourlyStatistics), Refusal)
)]
async fn hourly_statistics(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<RangeParams>,
) -> ApiResult<Json<HourlyStatistics>> {
    let question = Question::resolve(&app, place, params).await?;
    let hours = by_hour(&question.hours(&app).await?, question.window.timezone);
    let hours = hours.into_iter().map(|(hour, mean)| HourMean { hour, mean }).collect();
    Ok(Json(HourlyStatistics { scope: question.scope, hours }))
}

/// Means by the day of the week.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeekdayStatistics {
    #[serde(flatten)]
    scope: Scope,
    /// By day; days of which nothing is known are absent.
    weekdays: Vec<WeekdayMean>,
}

/// The mean of a day of the week.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeekdayMean {
    /// The day as ISO 8601 counts: 1 is Monday, 7 is Sunday.
    #[schema(example = 1, minimum = 1, maximum = 7)]
    weekday: usize,
    #[serde(flatten)]
    mean: Mean,
}

/// The usual occupancy on each day of the week.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/statistics/weekday",
    tag = "Statistics",
    params(("place" = String, Path, description = "Id of the place", example = "default"), RangeParams),
    responses((status = 200, body = WeekdayStatistics), Refusal)
)]
async fn weekday_statistics(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<RangeParams>,
) -> ApiResult<Json<WeekdayStatistics>> {
    let question = Question::resolve(&app, place, params).await?;
    let days = by_weekday(&question.hours(&app).await?, question.window.timezone);
    let weekdays = days.into_iter().map(|(day, mean)| WeekdayMean { weekday: day + 1, mean }).collect();
    Ok(Json(WeekdayStatistics { scope: question.scope, weekdays }))
}

/// The zones of a place compared.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneStatistics {
    #[serde(flatten)]
    scope: Scope,
    /// By id; zones of which nothing is known are absent.
    zones: Vec<ZoneMean>,
}

/// The mean of a zone.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneMean {
    /// The zone.
    #[schema(value_type = String, example = "Zone_A")]
    zone: ZoneId,
    /// Its name.
    #[schema(example = "Zone A")]
    name: String,
    #[serde(flatten)]
    mean: Mean,
}

/// The mean occupancy of each zone.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/statistics/zones",
    tag = "Statistics",
    params(("place" = String, Path, description = "Id of the place", example = "default"), RangeParams),
    responses((status = 200, body = ZoneStatistics), Refusal)
)]
async fn zone_statistics(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<RangeParams>,
) -> ApiResult<Json<ZoneStatistics>> {
    let Question { scope, window, now, .. } = Question::resolve(&app, place, params).await?;
    // Closed zones too: their past is compared, whatever they are now.
    let sources = now.sources_of(|zone| scope.zone.as_ref().is_none_or(|only| only == zone));
    let points = series::occupancy_by_zone(app.database(), scope.place.as_str(), &sources, window, Step::Hour).await?;
    let summary = now.summary();
    let zones = summary.zones.iter().filter_map(|ZoneSummary { zone, .. }| {
        let name = now.record.zone(zone).map_or_else(|| zone.to_string(), |zone| zone.name.clone());
        let mean = overall(points.get(zone.as_str())?)?;
        Some(ZoneMean { zone: zone.clone(), name, mean })
    });
    let zones = zones.collect();
    Ok(Json(ZoneStatistics { scope, zones }))
}

/// How long vehicles stay.
#[derive(Debug, Serialize, ToSchema)]
pub struct DwellDistribution {
    #[serde(flatten)]
    scope: Scope,
    /// Sessions that ended in the range and whose beginning is known.
    #[schema(example = 412)]
    sessions: i64,
    /// Mean dwell time in seconds; null without sessions.
    #[schema(example = 4210.5)]
    mean_seconds: Option<f64>,
    /// Seconds within which 10, 25, 50, 75, 90 and 95 % of the sessions ended; empty without sessions.
    #[schema(example = json!({"p10": 610.0, "p50": 2890.0, "p90": 9800.0}))]
    quantiles: BTreeMap<String, f64>,
    /// Sessions by length.
    buckets: Vec<DwellBucket>,
}

/// Sessions of similar length.
#[derive(Debug, Serialize, ToSchema)]
pub struct DwellBucket {
    /// Shortest, in seconds.
    #[schema(example = 900)]
    from_seconds: i64,
    /// Longer than the longest, in seconds; null for the last.
    #[schema(example = 1800)]
    to_seconds: Option<i64>,
    /// How many.
    #[schema(example = 57)]
    sessions: i64,
    /// How many per hundred.
    #[schema(example = 13.83)]
    share: f64,
}

fn dwell_buckets(counts: &[i64]) -> Vec<DwellBucket> {
    // Counts of sessions stay far below 2^52.
    let all = counts.iter().sum::<i64>() as f64;
    let lower = [0].into_iter().chain(DWELL_BOUNDS);
    let upper = DWELL_BOUNDS.into_iter().map(Some).chain([None]);
    let buckets = lower.zip(upper).zip(counts).map(|((from_seconds, to_seconds), sessions)| DwellBucket {
        from_seconds,
        to_seconds,
        sessions: *sessions,
        share: percent(*sessions as f64, all),
    });
    buckets.collect()
}

/// How long vehicles stay: the distribution of the sessions that ended in the range.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/statistics/dwell",
    tag = "Statistics",
    params(("place" = String, Path, description = "Id of the place", example = "default"), RangeParams),
    responses((status = 200, body = DwellDistribution), Refusal)
)]
async fn dwell_statistics(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<RangeParams>,
) -> ApiResult<Json<DwellDistribution>> {
    let Question { scope, window, .. } = Question::resolve(&app, place, params).await?;
    let pool = app.database().pool().await?;
    let zone = scope.zone.as_ref().map(ZoneId::as_str);
    let found = sql::dwell(pool, scope.place.as_str(), zone, window, &DWELL_BOUNDS).await?;
    let quantiles = sql::QUANTILES.iter().zip(&found.quantiles);
    Ok(Json(DwellDistribution {
        sessions: found.sessions,
        mean_seconds: found.mean_seconds.map(rounded),
        quantiles: quantiles.map(|(q, seconds)| (format!("p{:.0}", q * 100.0), rounded(*seconds))).collect(),
        buckets: dwell_buckets(&found.buckets),
        scope,
    }))
}
