//! Booked parking spaces: for which plate.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Path};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::{SpaceNumber, ZoneId};
use parvis_rights::{AssignedRight, Space, SpaceBooking};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::permits::PlateInput;
use super::quotes::plate;
use crate::error::{ApiResult, Refusal};
use crate::flow::Asks;
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(read_booking_plate, name_booking_plate, forget_booking_plate))
}

/// A booked parking space.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpaceView {
    /// Its zone.
    #[schema(value_type = String)]
    zone: ZoneId,
    /// Its number in the zone.
    #[schema(value_type = u16)]
    space: SpaceNumber,
}

impl From<Space> for SpaceView {
    fn from(Space { zone, number }: Space) -> Self {
        Self { zone, space: number }
    }
}

/// A booking of parking spaces, as far as its plate goes; the plate itself is kept as its hash.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookingPlate {
    /// The booking.
    booking: Uuid,
    /// From.
    start: DateTime<Utc>,
    /// Until.
    end: DateTime<Utc>,
    /// The spaces.
    spaces: Vec<SpaceView>,
    /// Whether a plate was named.
    has_plate: bool,
    /// Whether that plate has the right to stand there, now or when the booking begins.
    gives_right: bool,
}

impl BookingPlate {
    /// A booking as it stands at `now`.
    #[must_use]
    pub fn new(booking: SpaceBooking, now: DateTime<Utc>) -> Self {
        let until = booking.right.as_ref().and_then(AssignedRight::bounds).map(|bounds| bounds.end);
        Self {
            booking: booking.id,
            start: booking.facts.slot.start,
            end: booking.facts.slot.end,
            spaces: booking.facts.spaces.into_iter().map(SpaceView::from).collect(),
            has_plate: booking.plate.is_some(),
            gives_right: until.is_some_and(|until| until > now),
        }
    }
}

fn asks(caller: Caller) -> Asks {
    Asks { staff: caller.is(&[Role::Admin, Role::Manager]), subject: caller.subject }
}

/// Whether a plate was named for a booking of a parking space.
#[utoipa::path(
    get,
    path = "/v1/parking/bookings/{id}/plate",
    tag = "Rights",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the booking")),
    responses((status = 200, body = BookingPlate), Refusal)
)]
async fn read_booking_plate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> ApiResult<Json<BookingPlate>> {
    let (booking, _) = app.space_booking(id, &asks(caller)).await?;
    Ok(Json(BookingPlate::new(booking, app.now())))
}

/// Names the plate that a booking of a parking space is for, from now on: it has the right to stand there while the booking is certain.
/// Another one before it had that until now. A booking is known here a moment after it was made; until then it is 404.
/// 409 `no-parking-space` when none of its places is tied to a space of a zone.
#[utoipa::path(
    put,
    path = "/v1/parking/bookings/{id}/plate",
    tag = "Rights",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the booking")),
    request_body = PlateInput,
    responses((status = 200, body = BookingPlate), Refusal)
)]
async fn name_booking_plate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(input): Json<PlateInput>,
) -> ApiResult<Json<BookingPlate>> {
    let hash = plate(&input.plate)?.hash(app.plate_key());
    let booking = app.name_plate(id, Some(hash), &asks(caller)).await?;
    Ok(Json(BookingPlate::new(booking, app.now())))
}

/// Takes the plate off a booking of a parking space: from now on it gives no right. That it gave one is still known.
#[utoipa::path(
    delete,
    path = "/v1/parking/bookings/{id}/plate",
    tag = "Rights",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the booking")),
    responses((status = 204, description = "It has no plate"), Refusal)
)]
async fn forget_booking_plate(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> ApiResult<StatusCode> {
    app.name_plate(id, None, &asks(caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}
