//! Creating, changing and deleting zones.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{PlaceId, ZoneId};
use parvis_places::Zone;
use serde_json::Value;

use super::input::{ZoneAttributes, merged};
use super::precondition::{Write, check, decide};
use super::{Manager, etag, zone_of};
use crate::error::{ApiResult, Refusal};
use crate::sql::UsageScope;
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(put_zone, patch_zone, delete_zone))
}

impl App {
    /// Writes a zone, if that is a change.
    async fn write_zone(
        &self,
        place: &PlaceId,
        stored: Option<&Zone>,
        id: ZoneId,
        wanted: ZoneAttributes,
        headers: &HeaderMap,
    ) -> ApiResult<impl IntoResponse + use<>> {
        let version = stored.map_or(0, |zone| zone.version);
        // Compared under the same version: only what is said of the zone counts.
        let mut zone = wanted.into_zone(id, version, "").map_err(Problem::invalid)?;
        let write = decide(stored.map(|zone| (zone, zone.version)), &zone, headers)?;
        if write != Write::Nothing {
            zone.version = version + 1;
            self.places().store().put_zone(place, &zone).await?;
            self.forget(place);
        }
        let status = if write == Write::Create { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, etag(zone.version), Json(zone)))
    }
}

/// Creates a zone or replaces what is said of it, its spaces included. A zone is closed by `"status": "closed"`.
#[utoipa::path(
    put,
    path = "/v1/places/{place}/zones/{zone}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("zone" = String, Path, description = "Id of the zone"),
        ("if-match" = Option<String>, Header, description = "The version that is replaced")
    ),
    request_body = ZoneAttributes,
    responses(
        (status = 200, body = Zone, description = "As wanted"),
        (status = 201, body = Zone, description = "Created"),
        Refusal
    ),
    security(("login" = []))
)]
async fn put_zone(
    State(app): State<App>,
    _: Manager,
    Path((place, id)): Path<(PlaceId, ZoneId)>,
    headers: HeaderMap,
    Json(wanted): Json<ZoneAttributes>,
) -> ApiResult<impl IntoResponse> {
    let record = app.to_change(&place).await?;
    app.write_zone(&place, record.zone(&id), id.clone(), wanted, &headers).await
}

/// Changes some of what is said of a zone (RFC 7396), for example `{"status": "closed"}`. Its spaces stay unless they are given.
#[utoipa::path(
    patch,
    path = "/v1/places/{place}/zones/{zone}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("zone" = String, Path, description = "Id of the zone"),
        ("if-match" = Option<String>, Header, description = "The version that is changed")
    ),
    request_body(content = ZoneAttributes, description = "Only the fields that change"),
    responses((status = 200, body = Zone), Refusal),
    security(("login" = []))
)]
async fn patch_zone(
    State(app): State<App>,
    _: Manager,
    Path((place, id)): Path<(PlaceId, ZoneId)>,
    headers: HeaderMap,
    Json(change): Json<Value>,
) -> ApiResult<impl IntoResponse> {
    let stored = zone_of(&app.to_change(&place).await?, &id)?;
    let wanted = merged(&ZoneAttributes::of(&stored), &change)?;
    app.write_zone(&place, Some(&stored), id, wanted, &headers).await
}

/// Deletes a zone that was never used. One that was is closed instead.
#[utoipa::path(
    delete,
    path = "/v1/places/{place}/zones/{zone}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("zone" = String, Path, description = "Id of the zone"),
        ("if-match" = Option<String>, Header, description = "The version that is deleted")
    ),
    responses((status = 204, description = "Deleted"), Refusal),
    security(("login" = []))
)]
async fn delete_zone(
    State(app): State<App>,
    _: Manager,
    Path((place, id)): Path<(PlaceId, ZoneId)>,
    headers: HeaderMap,
) -> ApiResult<StatusCode> {
    let zone = zone_of(&app.to_change(&place).await?, &id)?;
    check(zone.version, &headers)?;
    let live = !app.live().zone_blocks(&place, &id).await?.is_empty();
    app.refuse_used(UsageScope { place: place.as_str(), zone: Some(id.as_str()), space: None }, live).await?;
    app.places().store().delete_zone(&place, &id, zone.version).await?;
    app.forget(&place);
    Ok(StatusCode::NO_CONTENT)
}
