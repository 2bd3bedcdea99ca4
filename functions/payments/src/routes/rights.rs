//! Rights of a plate: one query.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::Json;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{SpaceNumber, ZoneId};
use parvis_rights::{Covered, RightKind, coverage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::quotes::plate;
use crate::error::{ApiResult, Refusal};
use crate::state::App;

/// How long after its end a right is still told, for grace.
const ENDED_WITHIN: TimeDelta = TimeDelta::hours(24);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(check_rights))
}

/// A question about a plate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightsQuestion {
    /// The plate.
    #[schema(example = "AB-123-CD")]
    plate: String,
    /// Where it stands.
    #[schema(value_type = String, example = "Zone_A")]
    zone: ZoneId,
    /// On which space, if that is known.
    #[serde(default)]
    #[schema(value_type = Option<u16>)]
    space: Option<SpaceNumber>,
    /// When; now without it.
    #[serde(default)]
    at: Option<DateTime<Utc>>,
}

/// A right that covers, or that did.
#[derive(Debug, Serialize, ToSchema)]
pub struct RightView {
    /// Its id; of a session, the session's.
    id: Uuid,
    /// `session`, `permit`, `exemption` or `booking`.
    kind: &'static str,
    /// Whose permit it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<&'static str>,
    /// When it ends or ended.
    until: DateTime<Utc>,
}

/// What the rights of a plate say.
#[derive(Debug, Serialize, ToSchema)]
pub struct RightsAnswer {
    /// Whether a right covers the vehicle there and then.
    allowed: bool,
    /// That right.
    #[serde(skip_serializing_if = "Option::is_none")]
    covering: Option<RightView>,
    /// The one that ended last, within a day, for grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<RightView>,
    /// The instant that was asked about.
    at: DateTime<Utc>,
}

fn view(covered: Covered<'_>) -> RightView {
    use parvis_rights::PermitKind::{CareWorker, Professional, Resident};
    let (kind, permit) = match covered.right.kind {
        RightKind::Session => ("session", None),
        RightKind::Permit { permit: Resident } => ("permit", Some("resident")),
        RightKind::Permit { permit: Professional } => ("permit", Some("professional")),
        RightKind::Permit { permit: CareWorker } => ("permit", Some("care_worker")),
        RightKind::Exemption => ("exemption", None),
        RightKind::Booking => ("booking", None),
    };
    RightView { id: covered.right.id, kind, permit, until: covered.until }
}

/// Whether a right covers a plate in a zone.
#[utoipa::path(
    post,
    path = "/v1/parking/rights/check",
    tag = "Rights",
    security(("login" = [])),
    request_body = RightsQuestion,
    responses((status = 200, body = RightsAnswer), Refusal)
)]
async fn check_rights(
    State(app): State<App>,
    caller: Caller,
    Json(question): Json<RightsQuestion>,
) -> ApiResult<Json<RightsAnswer>> {
    caller.require(&[Role::Admin, Role::Manager, Role::Agent])?;
    let at = question.at.unwrap_or_else(|| app.now());
    let hash = plate(&question.plate)?.hash(app.plate_key());
    let rights = app.store().rights(&hash, at - ENDED_WITHIN).await?;
    // Asked for only when it matters: most plates have no permit.
    let series = match rights.iter().any(|right| right.series.is_some()) {
        true => app.store().series().await?,
        false => Default::default(),
    };
    let found = coverage(&rights, &series, &question.zone, question.space, at);
    let (covering, ended) = (found.covering.map(view), found.ended.map(view));
    Ok(Json(RightsAnswer { allowed: covering.is_some(), covering, ended, at }))
}
