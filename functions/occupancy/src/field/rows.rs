//! Events and history as the field project's rows.

use axum::extract::State;
use chrono::TimeDelta;
use parvis_kit::http::{Json, Query};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{EventKind, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::local;
use crate::error::{ApiResult, Refusal};
use crate::routes::events::page_size;
use crate::series;
use crate::sql::{self, EventFilter, Step, Window};
use crate::state::App;

/// Events unless the client says otherwise, and at most.
const PAGE: (u32, u32) = (100, 1000);
/// The stretch that its dashboard draws.
const HISTORY: TimeDelta = TimeDelta::minutes(30);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(field_events)).routes(routes!(field_history))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FieldEventParams {
    /// How many events.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// The newest changes.
#[derive(Debug, Serialize, ToSchema)]
struct FieldEvents {
    /// Always true.
    success: bool,
    /// How many.
    #[schema(example = 1)]
    count: usize,
    /// Newest first.
    events: Vec<FieldEvent>,
}

/// A change of a space.
#[derive(Debug, Serialize, ToSchema)]
struct FieldEvent {
    /// The number of the space.
    #[schema(example = 3)]
    sensor_id: i32,
    /// Its zone.
    #[schema(example = "Zone_A")]
    zone: String,
    /// What it changed to.
    status: Status,
    /// When, on the place's clock.
    #[schema(example = "2026-01-31T12:59:12.5")]
    timestamp: String,
}

/// The newest changes of spaces in the default place.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "Field project",
    params(FieldEventParams),
    responses((status = 200, body = FieldEvents), Refusal)
)]
async fn field_events(State(app): State<App>, Query(params): Query<FieldEventParams>) -> ApiResult<Json<FieldEvents>> {
    let limit = page_size(params.limit, PAGE.0, PAGE.1)?;
    let record = app.place(app.default_place()).await?;
    let filter = EventFilter { kinds: vec![EventKind::ParkStart, EventKind::ParkEnd], ..EventFilter::default() };
    let found = sql::events(app.database().pool().await?, record.place.id.as_str(), &filter, limit).await?;
    let events: Vec<FieldEvent> = found
        .into_iter()
        .map(|event| FieldEvent {
            sensor_id: event.space,
            zone: event.zone,
            status: if event.kind == EventKind::ParkStart { Status::Occupied } else { Status::Free },
            timestamp: local(event.at, record.place.timezone),
        })
        .collect();
    Ok(Json(FieldEvents { success: true, count: events.len(), events }))
}

/// Occupancy of the last half hour.
#[derive(Debug, Serialize, ToSchema)]
struct FieldHistory {
    /// Always true.
    success: bool,
    /// Oldest first, one a minute.
    history: Vec<FieldPoint>,
}

/// Occupancy at a time.
#[derive(Debug, Serialize, ToSchema)]
struct FieldPoint {
    /// When, on the place's clock.
    #[schema(example = "2026-01-31T12:59:00")]
    timestamp: String,
    /// Spaces with a vehicle.
    #[schema(example = 16)]
    occupied: u32,
    /// Spaces without a vehicle.
    #[schema(example = 8)]
    free: u32,
    /// Occupied per hundred spaces.
    #[schema(example = 66.67)]
    occupancy_rate: f64,
}

/// Occupancy of the default place over the last half hour, by the minute.
#[utoipa::path(
    get,
    path = "/api/history",
    tag = "Field project",
    responses((status = 200, body = FieldHistory), Refusal)
)]
async fn field_history(State(app): State<App>) -> ApiResult<Json<FieldHistory>> {
    let record = app.place(app.default_place()).await?;
    let timezone = record.place.timezone;
    let window = Window { from: app.now() - HISTORY, to: app.now(), timezone };
    let sources = app.now_of(record).await?.sources(None);
    let place = app.default_place().as_str();
    let points = series::occupancy(app.database(), place, &sources, window, Step::Minute).await?;
    let history = points.into_iter().map(|point| FieldPoint {
        timestamp: local(point.at, timezone),
        // Its clients expect whole numbers; means of a minute are rounded to them.
        occupied: point.occupied.round() as u32,
        free: (point.total - point.occupied).max(0.0).round() as u32,
        occupancy_rate: point.rate,
    });
    Ok(Json(FieldHistory { success: true, history: history.collect() }))
}
