//! Amounts that the payment provider does not take.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_tariffs::Quote;

use super::PayWith;
use crate::error::{ApiError, ApiResult};
use crate::state::App;

impl App {
    /// Refuses what is due if it is to be paid by card and is too little for that, and says which longer stay is not: one of those
    /// that `quote_until` prices, `latest` at most.
    pub(super) fn refuse_too_little(
        &self,
        quote: &Quote,
        pay: &PayWith,
        latest: DateTime<Utc>,
        quote_until: impl Fn(DateTime<Utc>) -> Option<Quote>,
    ) -> ApiResult<()> {
        let least = self.provider().least(quote.due.currency);
        if *pay == PayWith::Wallet || quote.due.is_zero() || quote.due.cents >= least.cents {
            return Ok(());
        }
        let enough = |end| quote_until(end).filter(|longer| longer.due.cents >= least.cents);
        let until = shortest(quote.end, latest, enough).map(|longer| longer.end);
        Err(ApiError::TooLittle { due: quote.due, least, until })
    }
}

/// The first quote that is enough, by whole minutes; who stays longer never pays less.
fn shortest(from: DateTime<Utc>, to: DateTime<Utc>, enough: impl Fn(DateTime<Utc>) -> Option<Quote>) -> Option<Quote> {
    let at = |minutes| from + TimeDelta::minutes(minutes);
    let (mut low, mut high) = (0, (to - from).num_minutes());
    while low < high {
        let middle = low + (high - low) / 2;
        if enough(at(middle)).is_some() { high = middle } else { low = middle + 1 }
    }
    enough(at(low))
}
