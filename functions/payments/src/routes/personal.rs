//! A person's own data: all of it by one call, and its erasure by another.

use axum::extract::State;
use axum::http::StatusCode;
use parvis_kit::auth::Caller;
use parvis_kit::http::Json;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::Serialize;
use utoipa::ToSchema;

use super::bookings::BookingPlate;
use crate::error::{ApiResult, Refusal};
use crate::state::App;
use crate::views::SessionView;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(export_data, erase_data))
}

/// What is known of a person's parking; receipts are told by `/v1/parking/receipts`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonalData {
    /// The person, as the issuer names it.
    subject: String,
    /// What the wallet holds, in cents.
    wallet_cents: i64,
    /// The sessions, the latest first.
    sessions: Vec<SessionView>,
    /// The bookings of parking spaces.
    bookings: Vec<BookingPlate>,
}

/// The caller's sessions, booked spaces and wallet. Receipts are told by `/v1/parking/receipts`.
#[utoipa::path(
    get,
    path = "/v1/me/parking-data",
    tag = "Personal",
    security(("login" = [])),
    responses((status = 200, body = PersonalData), Refusal)
)]
async fn export_data(State(app): State<App>, caller: Caller) -> ApiResult<Json<PersonalData>> {
    let mut sessions = Vec::new();
    for record in app.all_sessions_of(&caller.subject).await? {
        let plate = app.plates().of(record.session.id, app.now()).await?;
        sessions.push(SessionView::new(&record, plate.map(|plate| plate.reveal().to_owned()), app.now()));
    }
    let wallet_cents = app.store().wallet(&caller.subject).await?;
    let bookings = app.store().bookings_of(&caller.subject).await?;
    let bookings = bookings.into_iter().map(|(booking, _)| BookingPlate::new(booking, app.now())).collect();
    Ok(Json(PersonalData { subject: caller.subject, wallet_cents, sessions, bookings }))
}

/// Erases what ties the caller to sessions that are over: the plates in clear, and the caller's subject on sessions, payments and
/// movements; bookings of parking spaces lose their plates and are forgotten. What the law has the books keep stays there: receipts,
/// under the subject.
#[utoipa::path(
    delete,
    path = "/v1/me/parking-data",
    tag = "Personal",
    security(("login" = [])),
    responses((status = 204, description = "Erased"), Refusal)
)]
async fn erase_data(State(app): State<App>, caller: Caller) -> ApiResult<StatusCode> {
    app.erase(&caller.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
