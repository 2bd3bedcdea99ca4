//! The field project's statistics.

use axum::extract::State;
use parvis_kit::http::Json;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiResult, Refusal};
use crate::routes::statistics::{Question, RangeParams};
use crate::state::App;
use crate::statistics::by_hour;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(field_hourly)).routes(routes!(field_zones))
}

/// The mean of an hour of the day.
#[derive(Debug, Serialize, ToSchema)]
struct FieldHour {
    /// The hour on the place's clock, 0 to 23.
    #[schema(example = 8)]
    hour: usize,
    /// Mean occupancy in percent.
    #[schema(example = 61.25)]
    avg_occupancy: f64,
    /// Hours that the mean is made of.
    #[schema(example = 28)]
    samples: u32,
}

/// The usual occupancy of the default place at each hour of the day, over the last 28 days.
#[utoipa::path(
    get,
    path = "/api/stats/hourly",
    tag = "Field project",
    responses((status = 200, body = Vec<FieldHour>), Refusal)
)]
async fn field_hourly(State(app): State<App>) -> ApiResult<Json<Vec<FieldHour>>> {
    let question = Question::resolve(&app, app.default_place().clone(), RangeParams::default()).await?;
    let hours = by_hour(&question.hours(&app).await?, question.window.timezone);
    let hours =
        hours.into_iter().map(|(hour, mean)| FieldHour { hour, avg_occupancy: mean.rate, samples: mean.samples });
    Ok(Json(hours.collect()))
}

/// The state of a zone in figures.
#[derive(Debug, Serialize, ToSchema)]
struct FieldZoneStatistics {
    /// The zone.
    #[schema(example = "Zone_A")]
    zone: String,
    /// All its spaces.
    #[schema(example = 8)]
    total: u32,
    /// Spaces with a vehicle.
    #[schema(example = 5)]
    occupied: u32,
    /// Spaces without a vehicle.
    #[schema(example = 3)]
    free: u32,
    /// Occupied per hundred spaces.
    #[schema(example = 62.5)]
    occupancy_rate: f64,
}

/// The open zones of the default place compared, as they are now.
#[utoipa::path(
    get,
    path = "/api/stats/zones",
    tag = "Field project",
    responses((status = 200, body = Vec<FieldZoneStatistics>), Refusal)
)]
async fn field_zones(State(app): State<App>) -> ApiResult<Json<Vec<FieldZoneStatistics>>> {
    let record = app.place(app.default_place()).await?;
    let now = app.now_of(record).await?;
    let summary = now.summary();
    let open = summary.zones.iter().filter(|zone| now.record.is_open(&zone.zone));
    let zones = open.map(|zone| FieldZoneStatistics {
        zone: zone.zone.to_string(),
        total: zone.tally.total,
        occupied: zone.tally.occupied,
        free: zone.tally.free,
        occupancy_rate: zone.tally.rate(),
    });
    Ok(Json(zones.collect()))
}
