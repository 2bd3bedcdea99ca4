//! Exemptions: vehicles that need not pay.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::ZoneId;
use parvis_rights::{AssignedRight, RightKind, Segment, Where};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::permits::{invalid, known_zones, staff};
use super::quotes::plate;
use crate::error::{ApiResult, Refusal};
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(put_exemption, revoke_exemption))
}

/// A vehicle that need not pay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExemptionInput {
    /// The plate.
    plate: String,
    /// Where.
    #[schema(value_type = Vec<String>)]
    zones: Vec<ZoneId>,
    /// From.
    start: DateTime<Utc>,
    /// Until.
    end: DateTime<Utc>,
}

/// Exempts a plate: emergency services, the city's own vehicles, registered holders of a disability card.
///
/// Under the same id again it says what the exemption is instead: the plate and the time that it had are as if they had never been.
#[utoipa::path(
    put,
    path = "/v1/parking/exemptions/{id}",
    tag = "Rights",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the exemption, made by who grants it")),
    request_body = ExemptionInput,
    responses((status = 204, description = "Granted"), Refusal)
)]
async fn put_exemption(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(input): Json<ExemptionInput>,
) -> ApiResult<StatusCode> {
    staff(&caller)?;
    if input.end <= input.start {
        return Err(invalid("/end", "must lie after `start`").into());
    }
    known_zones(&app, "", &input.zones).await?;
    let known = app.store().exemption(id).await?;
    let right = AssignedRight {
        id,
        version: known.as_ref().map_or(1, |(before, _)| before.version + 1),
        plate: plate(&input.plate)?.hash(app.plate_key()),
        kind: RightKind::Exemption,
        place: Where::Zones { zones: input.zones },
        segments: vec![Segment { start: input.start, end: input.end }],
        series: None,
    };
    let changed =
        known.as_ref().is_none_or(|(before, _)| AssignedRight { version: before.version, ..right.clone() } != *before);
    if changed {
        app.store().save_exemption(known.as_ref().map(|(before, revision)| (before, *revision)), &right).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes an exemption from now on. That it held before is still known: a penalty may be contested.
#[utoipa::path(
    delete,
    path = "/v1/parking/exemptions/{id}",
    tag = "Rights",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the exemption")),
    responses((status = 204, description = "It holds no more"), Refusal)
)]
async fn revoke_exemption(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<StatusCode> {
    staff(&caller)?;
    let (before, revision) = app.store().exemption(id).await?.ok_or_else(|| Problem::not_found("exemption"))?;
    match before.cut(app.now()) {
        None => app.store().delete_exemption(&before, revision).await?,
        Some(after) if after != before => app.store().save_exemption(Some((&before, revision)), &after).await?,
        Some(_) => {}
    }
    Ok(StatusCode::NO_CONTENT)
}
