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
use uuid::Uuid;

use crate::commands::{PriceAsk, priced};
use crate::error::{ApiError, ApiResult, Declined, Refused};
use crate::state::App;
use crate::store::candidates;

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

/// The price of a wish, explained line by line. It holds for a quarter of an hour, and keeps no place. That of a series is for each
/// date, and books no single one.
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
    let found = candidates::read(&mut *sql, &items, slot, None, &caller.subject, Uuid::nil()).await?;
    let chosen: Vec<_> = found.items.iter().filter_map(|found| found.first()).collect();
    if items.is_empty() || chosen.len() < items.len() {
        return Err(Refused::NotFound("resource").into());
    }
    let wish = Wish { items, slot, participants };
    let ask = PriceAsk { owner: &caller.subject, wish, pay_with, repeats };
    let quote = priced(&mut sql, ask, &chosen, &found.member, app.now()).await;
    let quote = quote.map_err(ApiError::from)?;
    Ok(Json(SignedQuote { token: app.key().sign(&quote), quote }))
}
