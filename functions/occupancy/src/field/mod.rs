//! The read API of the smart-parking field project, for the default place: its clients work unchanged.
//!
//! Of its shapes, `/api/current` and `/api/stats/hourly` are known to the letter (`shared/reference/parking.md`); the
//! others follow the field project's habits: `success`, flat rows, and times as ISO 8601 without an offset on the
//! place's clock, as its sensors write them.

mod rows;
mod stats;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_kit::http::Json;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiResult, Refusal};
use crate::state::App;

/// The six routes.
pub fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(field_current))
        .routes(routes!(field_health))
        .merge(rows::router())
        .merge(stats::router())
}

/// A time as the field project writes it: on the place's clock, without an offset.
fn local(at: DateTime<Utc>, timezone: Tz) -> String {
    at.with_timezone(&timezone).format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

/// The current state.
#[derive(Debug, Serialize, ToSchema)]
struct FieldCurrent {
    /// Always true.
    success: bool,
    /// Now, on the place's clock.
    #[schema(example = "2026-01-31T13:00:00.250")]
    timestamp: String,
    /// All spaces.
    #[schema(example = 24)]
    total: u32,
    /// Spaces without a vehicle.
    #[schema(example = 8)]
    free: u32,
    /// Spaces with a vehicle.
    #[schema(example = 16)]
    occupied: u32,
    /// Each open zone.
    zones: BTreeMap<String, FieldZone>,
}

/// The current state of a zone.
#[derive(Debug, Serialize, ToSchema)]
struct FieldZone {
    /// Spaces without a vehicle.
    #[schema(example = 3)]
    free: u32,
    /// Spaces with a vehicle.
    #[schema(example = 5)]
    occupied: u32,
}

/// The current state of the default place.
#[utoipa::path(
    get,
    path = "/api/current",
    tag = "Field project",
    responses((status = 200, body = FieldCurrent), Refusal)
)]
async fn field_current(State(app): State<App>) -> ApiResult<Json<FieldCurrent>> {
    let record = app.place(app.default_place()).await?;
    let timezone = record.place.timezone;
    let now = app.now_of(record).await?;
    let summary = now.summary();
    let zones = summary.zones.iter().filter(|zone| now.record.is_open(&zone.zone)).map(|zone| {
        let state = FieldZone { free: zone.tally.free, occupied: zone.tally.occupied };
        (zone.zone.to_string(), state)
    });
    Ok(Json(FieldCurrent {
        success: true,
        timestamp: local(app.now(), timezone),
        total: summary.tally.total,
        free: summary.tally.free,
        occupied: summary.tally.occupied,
        zones: zones.collect(),
    }))
}

/// Whether the service works.
#[derive(Debug, Serialize, ToSchema)]
struct FieldHealth {
    /// Whether everything answers.
    success: bool,
    /// `healthy` or `degraded`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// `connected` or `unreachable`.
    #[schema(example = "connected")]
    database: &'static str,
    /// Now, on the place's clock.
    #[schema(example = "2026-01-31T13:00:00.250")]
    timestamp: String,
}

/// Whether the history's database answers. The current state does not need it.
#[utoipa::path(
    get,
    path = "/api/health",
    tag = "Field project",
    responses(
        (status = 200, body = FieldHealth),
        (status = 503, body = FieldHealth, description = "The history cannot be read")
    )
)]
async fn field_health(State(app): State<App>) -> ApiResult<(StatusCode, Json<FieldHealth>)> {
    let record = app.place(app.default_place()).await?;
    let connected = match app.database().pool().await {
        Ok(pool) => sqlx::query("SELECT 1").execute(pool).await.is_ok(),
        Err(_) => false,
    };
    let (code, status, database) = if connected {
        (StatusCode::OK, "healthy", "connected")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "degraded", "unreachable")
    };
    let timestamp = local(app.now(), record.place.timezone);
    Ok((code, Json(FieldHealth { success: connected, status, database, timestamp })))
}
