//! Occupancy over time.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::current::PlaceNow;
use crate::error::{ApiResult, Refusal};
use crate::params::{FROM_TO, Instant, Span, window};
use crate::series::{self, Point, percent};
use crate::sql::{self, Reading, Step, Window};
use crate::state::App;

/// Readings that one answer holds at most; 20,000 take about 2 MB.
const MOST_READINGS: u32 = 20_000;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(read_history))
}

/// How the history is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HistoryStep {
    /// Means of minutes, 7 days at most.
    Minute,
    /// Means of hours of the place's clock, 366 days at most.
    #[default]
    Hour,
    /// Means of days of the place's clock, ten years at most.
    Day,
    /// The readings of counters themselves, 92 days at most.
    Raw,
}

impl HistoryStep {
    /// The ranges that fit into one answer: about 10,000 points.
    const fn span(self) -> Span {
        let (default, longest) = match self {
            Self::Minute => (TimeDelta::hours(2), TimeDelta::days(7)),
            Self::Hour => (TimeDelta::hours(48), TimeDelta::days(366)),
            Self::Day => (TimeDelta::days(30), TimeDelta::days(3_660)),
            Self::Raw => (TimeDelta::hours(24), TimeDelta::days(92)),
        };
        Span { default, longest }
    }

    const fn bucket(self) -> Option<Step> {
        match self {
            Self::Minute => Some(Step::Minute),
            Self::Hour => Some(Step::Hour),
            Self::Day => Some(Step::Day),
            Self::Raw => None,
        }
    }
}

/// Which history is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryParams {
    /// The width of a point.
    #[param(inline)]
    pub step: Option<HistoryStep>,
    /// First instant (RFC 3339). A fitting stretch before the end if absent.
    #[param(value_type = Option<DateTime<Utc>>)]
    pub from: Option<Instant>,
    /// First instant after (RFC 3339). Now if absent.
    #[param(value_type = Option<DateTime<Utc>>)]
    pub to: Option<Instant>,
    /// Only this zone.
    #[param(value_type = Option<String>, example = "Zone_A")]
    pub zone: Option<ZoneId>,
}

/// The occupancy of a place over time.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// The place.
    #[schema(value_type = String, example = "default")]
    place: PlaceId,
    /// The zone; null for the whole place.
    #[schema(value_type = Option<String>)]
    zone: Option<ZoneId>,
    /// The width of a point.
    step: HistoryStep,
    /// First instant.
    from: DateTime<Utc>,
    /// First instant after.
    to: DateTime<Utc>,
    /// Oldest first. Stretches of which nothing is known have no points.
    points: Vec<Point>,
}

/// A place and a range of its history.
pub struct Asked {
    /// The place as it is now: what its totals are made of.
    pub now: PlaceNow,
    /// The range.
    pub window: Window,
    /// How it is divided.
    pub step: HistoryStep,
}

impl HistoryParams {
    /// Resolves the parameters against the register.
    ///
    /// # Errors
    /// 404 for an unknown place, 422 for a range that is empty or too long.
    pub async fn resolve(&self, app: &App, place: &PlaceId) -> ApiResult<Asked> {
        let record = app.place(place).await?;
        let step = self.step.unwrap_or_default();
        let window = window(FROM_TO, [self.from, self.to], app.now(), record.place.timezone, step.span())?;
        Ok(Asked { now: app.now_of(record).await?, window, step })
    }
}

impl Asked {
    /// The points asked for.
    ///
    /// # Errors
    /// 422 for more readings than an answer holds; 503 when the database cannot answer.
    pub async fn points(&self, app: &App, zone: Option<&ZoneId>) -> ApiResult<Vec<Point>> {
        let sources = self.now.sources(zone);
        let place = self.now.record.place.id.as_str();
        if let Some(step) = self.step.bucket() {
            return Ok(series::occupancy(app.database(), place, &sources, self.window, step).await?);
        }
        let pool = app.database().pool().await?;
        let readings = sql::readings(pool, place, &sources.counters, self.window, MOST_READINGS + 1).await?;
        if readings.len() > MOST_READINGS as usize {
            let message = format!("the range holds more than {MOST_READINGS} readings; ask for a shorter one");
            return Err(Problem::invalid(vec![FieldError::new("from", message)]).into());
        }
        Ok(readings.iter().map(point).collect())
    }
}

/// A reading as it came. Its rate is the counter's own percentage where it sent one.
fn point(reading: &Reading) -> Point {
    let (occupied, total) = (f64::from(reading.occupied), f64::from(reading.capacity));
    Point { at: reading.at, occupied, total, rate: reading.percent.unwrap_or_else(|| percent(occupied, total)) }
}

/// The occupancy of a place or a zone over time.
///
/// Of sensors each point is the mean weighted by time; of counters the mean of their readings. Hours and days are those
/// of the place's clock, also where it changes. `step=raw` tells the readings of counters themselves.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/history",
    tag = "History",
    params(("place" = String, Path, description = "Id of the place", example = "default"), HistoryParams),
    responses((status = 200, body = History), Refusal)
)]
async fn read_history(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<HistoryParams>,
) -> ApiResult<Json<History>> {
    let asked = params.resolve(&app, &place).await?;
    let points = asked.points(&app, params.zone.as_ref()).await?;
    let Window { from, to, .. } = asked.window;
    Ok(Json(History { place, zone: params.zone, step: asked.step, from, to, points }))
}
