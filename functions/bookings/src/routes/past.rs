//! Bookings of a system that was used before: what reports and forecasts start from.

use std::collections::HashSet;

use axum::extract::State;
use chrono::TimeDelta;
use parvis_booking::{ResourceId, Slot};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::Json;
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::past;

/// Bookings of one request at most.
const MOST: usize = 2000;
/// The longest of them.
const LONGEST: TimeDelta = TimeDelta::days(366);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(import_past_bookings))
}

/// How a past booking ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// It was used.
    Fulfilled,
    /// Nobody came.
    Noshow,
    /// It was given up.
    Cancelled,
}

/// A past booking of one resource.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PastBooking {
    /// Its id, chosen by who imports it: sent again it changes nothing.
    pub id: Uuid,
    /// What was booked.
    pub resource: ResourceId,
    /// When; it must be over.
    pub slot: Slot,
    /// How it ended.
    pub ended: Ended,
    /// What was paid, VAT included; nothing if absent.
    #[serde(default)]
    pub total: Option<Money>,
}

/// Past bookings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PastBookings {
    /// At most 2,000.
    bookings: Vec<PastBooking>,
}

/// What was taken over.
#[derive(Debug, Serialize, ToSchema)]
struct PastImported {
    /// New ones.
    imported: u64,
    /// Those that were there already.
    known: u64,
}

fn faults(bookings: &[PastBooking], now: chrono::DateTime<chrono::Utc>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if bookings.is_empty() || bookings.len() > MOST {
        errors.push(FieldError::new("/bookings", format!("must hold 1 to {MOST}")));
    }
    let mut ids = HashSet::new();
    for (place, one) in bookings.iter().enumerate() {
        if !ids.insert(one.id) {
            errors.push(FieldError::new(format!("/bookings/{place}/id"), "is there twice"));
        }
        if one.slot.end > now {
            errors.push(FieldError::new(format!("/bookings/{place}/slot"), "is not over yet"));
        }
        if one.slot.length() > LONGEST {
            errors.push(FieldError::new(format!("/bookings/{place}/slot"), "is longer than a year"));
        }
        if one.total.is_some_and(|total| total.cents < 0) {
            errors.push(FieldError::new(format!("/bookings/{place}/total"), "must not be negative"));
        }
    }
    errors.truncate(20);
    errors
}

/// Takes over past bookings of another system: all of them or, with any error, nothing.
///
/// They belong to nobody and cannot be changed; reports count them at once, forecasts from the next night on. For administrators.
#[utoipa::path(
    post, path = "/v1/past-bookings", tag = "Overview", security(("login" = [])), request_body = PastBookings,
    responses((status = 200, body = PastImported), Declined)
)]
async fn import_past_bookings(
    State(app): State<App>,
    caller: Caller,
    Json(input): Json<PastBookings>,
) -> ApiResult<Json<PastImported>> {
    caller.require(&[Role::Admin])?;
    let errors = faults(&input.bookings, app.now());
    if !errors.is_empty() {
        return Err(Problem::invalid(errors).into());
    }
    let pool = app.store().database().pool().await?;
    let unknown = past::unknown(pool, &input.bookings).await?;
    let unknown = input.bookings.iter().enumerate().filter(|(_, one)| unknown.contains(&one.resource.to_string()));
    let errors: Vec<FieldError> = unknown
        .take(20)
        .map(|(place, _)| FieldError::new(format!("/bookings/{place}/resource"), "does not exist"))
        .collect();
    if !errors.is_empty() {
        return Err(Problem::invalid(errors).into());
    }
    let imported = past::import(pool, &input.bookings, app.now()).await?;
    Ok(Json(PastImported { imported, known: input.bookings.len() as u64 - imported }))
}
