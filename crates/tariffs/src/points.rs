//! The price curve, for a page that draws it and a dial that follows it.

use chrono::{DateTime, Duration, SubsecRound as _, Utc};
use parvis_money::Money;
use parvis_parking::ZoneId;
use serde::{Deserialize, Serialize};

use crate::demand::ExpectedDemand;
use crate::holder::Holder;
use crate::quote::QuoteRequest;
use crate::refusal::QuoteError;
use crate::tariffs::Tariffs;

/// A point of the price curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PricePoint {
    /// Chargeable time, in minutes.
    pub minutes: i64,
    /// When a stay of this length ends.
    pub end: DateTime<Utc>,
    /// Until when it stands in order.
    pub covered_until: DateTime<Utc>,
    /// Its price.
    pub price: Money,
}

impl Tariffs {
    /// The price of every length of stay from `start` to the latest end, in at most `most` steps of whole billing units, with the
    /// demand that is expected at `start`.
    ///
    /// # Errors
    /// As [`Tariffs::quote`].
    pub fn price_points(
        &self,
        zone: &ZoneId,
        holder: &Holder,
        start: DateTime<Utc>,
        demand: Option<ExpectedDemand>,
        most: u32,
    ) -> Result<Vec<PricePoint>, QuoteError> {
        // As quotes have it: a stay begins at a whole second.
        let start = start.trunc_subsecs(0);
        let (_, rate) = self.rate_at(zone, holder, start)?;
        let latest = self.latest_end(zone, holder, start)?;
        let units = ((latest - start).num_seconds() / rate.unit).max(1);
        let most = i64::from(most.max(1));
        // Rounded up, so that the points are at most as many as asked for.
        let step = Duration::seconds((units + most - 1) / most * rate.unit);
        let mut points: Vec<PricePoint> = Vec::new();
        let mut end = start;
        while end < latest {
            end = (end + step).min(latest);
            let request = QuoteRequest { zone, holder: *holder, start, end, previous: None, demand };
            match self.quote(&request) {
                // Nights add no chargeable time, and no point.
                Ok(quote) if points.last().is_none_or(|last| last.minutes * 60 < quote.chargeable_seconds) => {
                    points.push(PricePoint {
                        minutes: quote.chargeable_seconds / 60,
                        end: quote.end,
                        covered_until: quote.covered_until,
                        price: quote.total,
                    });
                }
                Ok(_) => {}
                // Before the first opening there is nothing to pay.
                Err(error) if points.is_empty() && end < latest && error.refusal().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(points)
    }
}
