//! Findings for maintenance.

use axum::extract::State;
use parvis_kit::http::{Json, Path};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::PlaceId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiResult, Refusal};
use crate::findings::Finding;
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_findings))
}

/// The findings of a place.
#[derive(Debug, Serialize, ToSchema)]
struct FindingList {
    /// By zone and space.
    findings: Vec<Finding>,
}

/// Sensors of a place that need looking after.
///
/// A sensor is *stuck* when it reports and its state has not changed for a day while its neighbours' did; *silent* when
/// it has not been heard for the configured time; and its battery is low at or below the configured percentage.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/findings",
    tag = "Current state",
    params(("place" = String, Path, description = "Id of the place", example = "default")),
    responses((status = 200, body = FindingList), Refusal)
)]
async fn list_findings(State(app): State<App>, Path(place): Path<PlaceId>) -> ApiResult<Json<FindingList>> {
    let record = app.place(&place).await?;
    let now = app.now_of(record).await?;
    Ok(Json(FindingList { findings: app.findings(&now).await? }))
}
