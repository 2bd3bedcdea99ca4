//! Threshold crossings of a place, from the table of events.

use axum::extract::State;
use chrono::{DateTime, Utc};
use parvis_events::alert::{self, Alert, AlertLevel};
use parvis_events::{CloudEvent, place_subject};
use parvis_kit::http::{Json, Path, Query};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::PlaceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::events::page_size;
use crate::error::{ApiResult, Refusal};
use crate::state::App;

/// Alerts told unless the client says otherwise.
const PAGE: u32 = 50;
/// Alerts told at most.
const LONGEST_PAGE: u32 = 200;
/// Events of a place that are not alerts are read over; this bounds how many pages of the table one request reads.
const MOST_READS: u32 = 5;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(list_alerts))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AlertParams {
    /// How many alerts.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// The newest alerts of a place.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertList {
    /// The alerts, newest first.
    alerts: Vec<AlertView>,
}

/// Whether a threshold was crossed upward or the occupancy has come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertKind {
    /// The threshold was crossed upward.
    Raised,
    /// The occupancy is below the threshold again, by the hysteresis.
    Cleared,
}

/// One crossing of a threshold.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertView {
    /// Identity of the event.
    #[schema(example = "01KTNYZAR0NDAV70DF3H1YRYYE")]
    id: String,
    /// When it happened.
    at: DateTime<Utc>,
    /// Upward or back.
    #[serde(rename = "type")]
    kind: AlertKind,
    /// The zone; null when the whole place crossed the threshold.
    #[schema(example = "Zone_A")]
    zone: Option<String>,
    /// Which threshold.
    #[schema(value_type = String, example = "busy")]
    level: AlertLevel,
    /// Occupied per hundred spaces at that time.
    #[schema(example = 75.0)]
    occupancy_rate: f64,
    /// Occupied spaces at that time.
    #[schema(example = 6)]
    occupied: u32,
    /// Spaces in service at that time.
    #[schema(example = 8)]
    total: u32,
    /// The threshold in percent.
    #[schema(example = 70.0)]
    threshold: f64,
}

/// An event as an alert; `None` for events of other types.
///
/// # Errors
/// When it says that it is an alert and is not.
fn alert(event: CloudEvent<Value>) -> Result<Option<AlertView>, Problem> {
    let kind = match event.kind.as_str() {
        alert::RAISED => AlertKind::Raised,
        alert::CLEARED => AlertKind::Cleared,
        _ => return Ok(None),
    };
    let data: Alert = serde_json::from_value(event.data).map_err(Problem::internal)?;
    Ok(Some(AlertView {
        id: event.id.to_string(),
        at: data.at,
        kind,
        zone: data.zone,
        level: data.level,
        occupancy_rate: data.occupancy_rate,
        occupied: data.occupied,
        total: data.total,
        threshold: data.threshold,
    }))
}

/// The newest alerts of a place.
#[utoipa::path(
    get,
    path = "/v1/places/{place}/alerts",
    tag = "Current state",
    params(("place" = String, Path, description = "Id of the place", example = "default"), AlertParams),
    responses((status = 200, body = AlertList), Refusal)
)]
async fn list_alerts(
    State(app): State<App>,
    Path(place): Path<PlaceId>,
    Query(params): Query<AlertParams>,
) -> ApiResult<Json<AlertList>> {
    let limit = page_size(params.limit, PAGE, LONGEST_PAGE)?;
    app.place(&place).await?;
    let subject = place_subject(place.as_str());
    let mut alerts = Vec::new();
    let mut before = None;
    for _ in 0..MOST_READS {
        let events: Vec<CloudEvent<Value>> =
            app.events().newest(&subject, i32::try_from(limit).unwrap_or(i32::MAX), before.as_ref()).await?;
        let Some(oldest) = events.last() else { break };
        before = Some(oldest.id.clone());
        let last_page = events.len() < limit as usize;
        for event in events {
            alerts.extend(alert(event)?);
        }
        if last_page || alerts.len() >= limit as usize {
            break;
        }
    }
    alerts.truncate(limit as usize);
    Ok(Json(AlertList { alerts }))
}
