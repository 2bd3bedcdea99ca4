//! Creating, changing and deleting places.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::Problem;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::PlaceId;
use parvis_places::{Place, PlaceRecord, RegisterError, Zone};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::input::{self, NewPlace, PlaceAttributes, merged};
use super::precondition::{Write, check, decide};
use super::{Manager, etag};
use crate::error::{ApiResult, Refusal};
use crate::sql::UsageScope;
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(create_place)).routes(routes!(put_place, patch_place, delete_place))
}

/// A place of the register with its zones.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredPlace {
    /// The place.
    #[serde(flatten)]
    place: Place,
    /// Its zones, by id.
    zones: Vec<Zone>,
}

impl From<PlaceRecord> for RegisteredPlace {
    fn from(record: PlaceRecord) -> Self {
        Self { place: record.place, zones: record.zones }
    }
}

/// Creates a place with its zones and their spaces.
///
/// The client chooses the id; a second request of the same id is answered with 409.
#[utoipa::path(
    post,
    path = "/v1/places",
    tag = "Administration",
    request_body = NewPlace,
    responses(
        (
            status = 201,
            body = RegisteredPlace,
            description = "Created",
            headers(("location" = String), ("etag" = String))
        ),
        Refusal
    ),
    security(("login" = []))
)]
async fn create_place(State(app): State<App>, _: Manager, Json(new): Json<NewPlace>) -> ApiResult<impl IntoResponse> {
    let attributes = new.attributes.validated(app.places().default_place().timezone)?;
    let zones = input::zones(new.zones)?;
    let now = app.now();
    let place = attributes.into_place(new.id, 1, now, now);
    app.add(&place, &zones).await?;
    let location = format!("/v1/places/{}", place.id);
    let record = PlaceRecord { place, zones };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], etag(1), Json(RegisteredPlace::from(record))))
}

impl App {
    /// Adds a place with its zones.
    ///
    /// # Errors
    /// 409 when the place exists.
    async fn add(&self, place: &Place, zones: &[Zone]) -> ApiResult<()> {
        self.places().store().create_place(place, zones).await.map_err(|error| match error {
            RegisterError::VersionConflict => Problem::conflict("There is a place of this id already.").into(),
            other => crate::error::ApiError::from(other),
        })?;
        self.forget(&place.id);
        Ok(())
    }

    /// Writes the wanted attributes of a place, if that is a change, and returns the place as it then is, and whether
    /// it is new.
    async fn write_place(
        &self,
        id: PlaceId,
        stored: Option<Place>,
        wanted: PlaceAttributes,
        headers: &HeaderMap,
    ) -> ApiResult<(Place, bool)> {
        let present = stored.as_ref().map(|place| (PlaceAttributes::of(place), place.version));
        let write = decide(present.as_ref().map(|(attributes, version)| (attributes, *version)), &wanted, headers)?;
        let now = self.now();
        let place = match (stored, write) {
            (Some(place), Write::Nothing) => return Ok((place, false)),
            (Some(place), _) => wanted.into_place(id, place.version + 1, place.created_at, now),
            (None, _) => wanted.into_place(id, 1, now, now),
        };
        match write {
            Write::Create => self.places().store().create_place(&place, &[]).await?,
            _ => self.places().store().put_place(&place).await?,
        }
        self.forget(&place.id);
        Ok((place, write == Write::Create))
    }
}

fn written((place, new): (Place, bool)) -> impl IntoResponse {
    (if new { StatusCode::CREATED } else { StatusCode::OK }, etag(place.version), Json(place))
}

/// Creates a place or replaces what is said of it; its zones stay.
#[utoipa::path(
    put,
    path = "/v1/places/{place}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("if-match" = Option<String>, Header, description = "The version that is replaced")
    ),
    request_body = PlaceAttributes,
    responses(
        (status = 200, body = Place, description = "As wanted"),
        (status = 201, body = Place, description = "Created"),
        Refusal
    ),
    security(("login" = []))
)]
async fn put_place(
    State(app): State<App>,
    _: Manager,
    Path(id): Path<PlaceId>,
    headers: HeaderMap,
    Json(wanted): Json<PlaceAttributes>,
) -> ApiResult<impl IntoResponse> {
    let wanted = wanted.validated(app.places().default_place().timezone)?;
    let stored = app.registered(&id).await?.map(|record| record.place);
    Ok(written(app.write_place(id, stored, wanted, &headers).await?))
}

/// Changes some of what is said of a place (RFC 7396), for example `{"status": "closed"}`.
#[utoipa::path(
    patch,
    path = "/v1/places/{place}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("if-match" = Option<String>, Header, description = "The version that is changed")
    ),
    request_body(content = PlaceAttributes, description = "Only the fields that change"),
    responses((status = 200, body = Place), Refusal),
    security(("login" = []))
)]
async fn patch_place(
    State(app): State<App>,
    _: Manager,
    Path(id): Path<PlaceId>,
    headers: HeaderMap,
    Json(change): Json<Value>,
) -> ApiResult<impl IntoResponse> {
    let stored = app.to_change(&id).await?.place;
    let wanted = merged(&PlaceAttributes::of(&stored), &change)?.validated(stored.timezone)?;
    Ok(written(app.write_place(id, Some(stored), wanted, &headers).await?))
}

/// Deletes a place that was never used. One that was is closed instead.
#[utoipa::path(
    delete,
    path = "/v1/places/{place}",
    tag = "Administration",
    params(
        ("place" = String, Path, description = "Id of the place"),
        ("if-match" = Option<String>, Header, description = "The version that is deleted")
    ),
    responses((status = 204, description = "Deleted"), Refusal),
    security(("login" = []))
)]
async fn delete_place(
    State(app): State<App>,
    _: Manager,
    Path(id): Path<PlaceId>,
    headers: HeaderMap,
) -> ApiResult<StatusCode> {
    let stored = app.to_change(&id).await?.place;
    check(stored.version, &headers)?;
    let live = !app.live().place_blocks(&id).await?.is_empty();
    app.refuse_used(UsageScope { place: id.as_str(), zone: None, space: None }, live).await?;
    app.places().store().delete_place(&id, stored.version).await?;
    app.forget(&id);
    Ok(StatusCode::NO_CONTENT)
}
