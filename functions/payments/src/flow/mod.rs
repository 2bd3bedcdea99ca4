//! The flows of a session: each a row of steps, every one of them safe to be the last before the process dies.
//!
//! | step | what is certain after it |
//! |---|---|
//! | session written, charge `created` | the plate is taken in the zone; nothing is asked of the provider |
//! | intent prepared at the provider | no money has moved, and none can without a confirmation |
//! | intent written, charge `open` | whoever comes next finds the intent |
//! | intent confirmed | the provider knows whether money has moved |
//! | charge `succeeded` or `failed` | right, books, plate and work list follow in the same transaction |
//!
//! Nobody who goes on where another died ever confirms: an abandoned charge is cancelled at the provider, and only
//! then given up here. So nobody is charged without being there, and a charge that went through just before is honoured.

mod booking;
mod by_hand;
mod extend;
mod least;
mod operator;
mod pay;
mod pay_back;
mod personal;
mod refund;
mod rivals;
mod settle;
mod start;
mod stop;
mod top_up;

pub use booking::{Asks, booking_facts};
pub use by_hand::HandedOut;
pub use extend::Extension;
pub use operator::{Sold, SoldMore};
pub use settle::Patience;
pub use start::Start;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::problem::{FieldError, Problem};
use parvis_money::Money;
use parvis_tariffs::Quote;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::record::ChargeState;

/// How long a stay is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Length {
    /// Until an instant.
    Until(DateTime<Utc>),
    /// For so many minutes from the beginning.
    Minutes(u32),
}

impl Length {
    /// The length of a request that says one of both.
    ///
    /// # Errors
    /// 422 for both or none.
    pub fn of(end: Option<DateTime<Utc>>, minutes: Option<u32>) -> Result<Self, Problem> {
        match (end, minutes) {
            (Some(end), None) => Ok(Self::Until(end)),
            (None, Some(minutes)) => Ok(Self::Minutes(minutes)),
            _ => Err(Problem::invalid(vec![FieldError::new("/end", "say either `end` or `minutes`")])),
        }
    }

    /// When a stay that begins at `start` ends.
    #[must_use]
    pub fn end(self, start: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Until(end) => end,
            Self::Minutes(minutes) => start + TimeDelta::minutes(i64::from(minutes)),
        }
    }
}

/// How a driver pays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(tag = "with", rename_all = "snake_case", deny_unknown_fields)]
pub enum PayWith {
    /// By card.
    #[default]
    #[serde(rename = "card")]
    CardInBrowser,
    /// By a payment method that the provider's form has made before.
    Method {
        /// Its id (`pm_...`).
        id: String,
    },
    /// From the driver's wallet.
    Wallet,
}

/// What is asked for under a client's id was asked for under it before; true is that.
fn the_same(same: bool) -> Result<(), Problem> {
    if same {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::CONFLICT, "id-reused", "This id was used for another request");
    Err(problem
        .detail("Make a new id for each request; under the same one only the very same request is answered again."))
}

/// Refuses a price that is not the one the driver has seen.
fn agreed(quote: Quote, price_cents: Option<i64>) -> ApiResult<Quote> {
    match price_cents {
        Some(cents) if cents != quote.due.cents => Err(ApiError::PriceChanged(Box::new(quote))),
        _ => Ok(quote),
    }
}

/// Refuses an amount above what any stay can cost at this provider; a guard against a broken tariff.
fn chargeable(amount: Money) -> ApiResult<Money> {
    const MOST_CENTS: i64 = 1_000_000;
    if amount.cents > MOST_CENTS {
        return Err(Problem::internal(format!("a charge of {} is not plausible", amount.decimal())).into());
    }
    Ok(amount)
}

/// Payments by card that one driver may have open at a time.
const MOST_OPEN: usize = 2;
/// Payments by card that one driver may begin and not bring to an end within [`crate::record::PATIENCE`].
const MOST_UNPAID: usize = 6;

/// Refuses another payment by card to who has begun some and brought them to no end.
fn refuse_more(begun: impl Iterator<Item = ChargeState>) -> ApiResult<()> {
    let (mut open, mut failed) = (0, 0);
    for state in begun {
        match state {
            ChargeState::Created | ChargeState::Open => open += 1,
            ChargeState::Failed => failed += 1,
            ChargeState::Succeeded => {}
        }
    }
    if open >= MOST_OPEN || open + failed >= MOST_UNPAID {
        let title = "Too many payments were begun and not brought to an end";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-payments", title).into());
    }
    Ok(())
}
