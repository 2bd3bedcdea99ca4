//! What a wish would cost.

use axum::extract::State;
use parvis_booking::Slot;
use parvis_booking::booking::{PayWith, Wish};
use parvis_booking::pricing::Quote;
use parvis_booking::resource::Item;
use parvis_kit::auth::Caller;
use parvis_kit::http::Json;
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::commands::{PromiseAsk, promise};
use crate::error::{ApiResult, Declined};
use crate::state::App;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(make_quote))
}

/// What a price is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QuoteRequest {
    /// What is wanted.
    items: Vec<Item>,
    /// When.
    slot: Slot,
    /// People who come.
    #[serde(default = "super::bookings::one")]
    participants: u32,
    /// How it will be paid.
    #[serde(default)]
    pay_with: PayWith,
    /// Whether it is for each of a series: expected demand does not move the prices of series.
    #[serde(default)]
    repeats: bool,
}

/// A quote and the token that proves it.
#[derive(Debug, Serialize, ToSchema)]
struct SignedQuote {
    /// To be sent with the booking.
    token: String,
    /// What it says.
    quote: Quote,
}

/// The price of a wish, explained line by line. It holds for a quarter of an hour, and keeps no place. What the rules would refuse as a
/// booking is refused here in the same words. The price of a series is for each date, and books no single one: what a date of its own
/// is refused for (`past`, `too_late`, `too_early`, `closed`, quotas) a dry run of the series tells.
#[utoipa::path(
    post, path = "/v1/quotes", tag = "Bookings", security(("login" = [])), request_body = QuoteRequest,
    responses((status = 200, body = SignedQuote), Declined)
)]
async fn make_quote(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<QuoteRequest>,
) -> ApiResult<Json<SignedQuote>> {
    let mut sql = app.store().database().pool().await?.acquire().await?;
    let QuoteRequest { items, slot, participants, pay_with, repeats } = request;
    let wish = Wish { items, slot, participants };
    let ask = PromiseAsk { actor: caller.into(), wish, pay_with, repeats };
    let quote = promise(&mut sql, ask, app.now()).await?;
    Ok(Json(SignedQuote { token: app.key().sign(&quote), quote }))
}
