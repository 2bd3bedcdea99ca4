//! Creating, changing and deleting spaces. They are stored with their zone, so the version is the zone's.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{PlaceId, SpaceNumber, ZoneId};
use parvis_places::{Source, Space, Zone};
use serde_json::Value;

use super::input::{SpaceAttributes, merged, too_large};
use super::precondition::{Write, check, decide};
use super::{Manager, etag, zone_of};
use crate::error::{ApiResult, Refusal};
use crate::sql::UsageScope;
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(put_space, patch_space, delete_space))
}

type SpacePath = Path<(PlaceId, ZoneId, SpaceNumber)>;

impl App {
    /// Writes a space into its zone, if that is a change.
    async fn write_space(
        &self,
        place: &PlaceId,
        mut zone: Zone,
        wanted: Space,
        headers: &HeaderMap,
    ) -> ApiResult<impl IntoResponse + use<>> {
        if zone.source == Source::Counter {
            return Err(Problem::conflict("A counted zone has no numbered spaces.").into());
        }
        let write = decide(zone.space(wanted.number).map(|space| (space, zone.version)), &wanted, headers)?;
        if write != Write::Nothing {
            zone.spaces.push(wanted.clone());
            zone.sort_spaces();
            if let Some(message) = too_large(&zone) {
                return Err(Problem::invalid(vec![FieldError::new("", message)]).into());
            }
            zone.version += 1;
            self.places().store().put_zone(place, &zone).await?;
            self.forget(place);
        }
        let status = if write == Write::Create { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, etag(zone.version), Json(wanted)))
    }
}

/// Creates a space or replaces what is said of it.
#[utoipa::path(
    put,
    path = "/v1/places/{place}/zones/{zone}/spaces/{number}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("zone" = String, Path, description = "Id of the zone"),
        ("number" = u32, Path, description = "Number of the space, 1 to 9999"),
        ("if-match" = Option<String>, Header, description = "The version of the zone; not needed for a new space")
    ),
    request_body(content = Space, description = "The number may be left out"),
    responses(
        (status = 200, body = Space, description = "As wanted"),
        (status = 201, body = Space, description = "Created"),
        Refusal
    ),
    security(("login" = []))
)]
async fn put_space(
    State(app): State<App>,
    _: Manager,
    Path((place, zone, number)): SpacePath,
    headers: HeaderMap,
    Json(wanted): Json<SpaceAttributes>,
) -> ApiResult<impl IntoResponse> {
    let wanted = wanted.into_space(number)?;
    let zone = zone_of(&app.to_change(&place).await?, &zone)?;
    app.write_space(&place, zone, wanted, &headers).await
}

/// Changes some of what is said of a space (RFC 7396), for example `{"closed": true}`.
#[utoipa::path(
    patch,
    path = "/v1/places/{place}/zones/{zone}/spaces/{number}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("zone" = String, Path, description = "Id of the zone"),
        ("number" = u32, Path, description = "Number of the space, 1 to 9999"),
        ("if-match" = Option<String>, Header, description = "The version of the zone that is changed")
    ),
    request_body(content = Space, description = "Only the fields that change"),
    responses((status = 200, body = Space), Refusal),
    security(("login" = []))
)]
async fn patch_space(
    State(app): State<App>,
    _: Manager,
    Path((place, zone, number)): SpacePath,
    headers: HeaderMap,
    Json(change): Json<Value>,
) -> ApiResult<impl IntoResponse> {
    let zone = zone_of(&app.to_change(&place).await?, &zone)?;
    let present = zone.space(number).ok_or_else(|| Problem::not_found("space"))?;
    let attributes: SpaceAttributes = merged(&serde_json::to_value(present).map_err(Problem::internal)?, &change)
        .and_then(|value| {
            serde_json::from_value(value).map_err(|_| Problem::bad_request("The body must be an object."))
        })?;
    let wanted = attributes.into_space(number)?;
    app.write_space(&place, zone, wanted, &headers).await
}

/// Deletes a space that was never used. One that was is closed instead.
#[utoipa::path(
    delete,
    path = "/v1/places/{place}/zones/{zone}/spaces/{number}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("zone" = String, Path, description = "Id of the zone"),
        ("number" = u32, Path, description = "Number of the space"),
        ("if-match" = Option<String>, Header, description = "The version of the zone that is changed")
    ),
    responses((status = 204, description = "Deleted"), Refusal),
    security(("login" = []))
)]
async fn delete_space(
    State(app): State<App>,
    _: Manager,
    Path((place, id, number)): SpacePath,
    headers: HeaderMap,
) -> ApiResult<StatusCode> {
    let mut zone = zone_of(&app.to_change(&place).await?, &id)?;
    zone.space(number).ok_or_else(|| Problem::not_found("space"))?;
    check(zone.version, &headers)?;
    let blocks = app.live().zone_blocks(&place, &id).await?;
    let live = blocks.iter().filter_map(|block| block.block.as_spaces()).any(|spaces| spaces.get(number).is_some());
    let scope = UsageScope { place: place.as_str(), zone: Some(id.as_str()), space: Some(i32::from(number.get())) };
    app.refuse_used(scope, live).await?;
    zone.spaces.retain(|space| space.number != number);
    zone.version += 1;
    app.places().store().put_zone(&place, &zone).await?;
    app.forget(&place);
    Ok(StatusCode::NO_CONTENT)
}
