//! Takes expected demand over from the forecasts, for the places whose prices it may move; there are none unless a manager sets a floor
//! or a cap in a place's prices.

use chrono::{DateTime, Utc};
use parvis_booking::resource::Kind;
use parvis_forecasts::{ForecastStore, Measure, StoreError, Subject};
use parvis_kit::postgres::DatabaseError;
use serde::Serialize;

use crate::store::{Store, demand};

/// Why demand could not be taken over; what was known before stays.
#[derive(Debug, thiserror::Error)]
pub enum DemandError {
    /// The forecasts cannot be read.
    #[error(transparent)]
    Forecasts(#[from] StoreError),
    /// The bookings cannot be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Renewed {
    /// Kinds of places of sites.
    pub kinds: usize,
    /// Hours ahead, of all of them.
    pub hours: usize,
}

/// Takes over what is expected now.
///
/// # Errors
/// When a store fails.
pub async fn renew(store: &Store, forecasts: &ForecastStore, now: DateTime<Utc>) -> Result<Renewed, DemandError> {
    let pool = store.database().pool().await?;
    let moved = demand::moved(pool).await?;
    demand::keep_only(pool, &moved).await?;
    let mut renewed = Renewed { kinds: moved.len(), hours: 0 };
    for (site, kind) in &moved {
        let expected = match (site.parse(), Kind::from_name(kind)) {
            (Ok(id), Some(of)) => forecasts.expected_demand(&Subject::Coworking(id, Measure::Taken(of)), now).await?,
            _ => Vec::new(),
        };
        renewed.hours += expected.len();
        demand::replace(pool, (site, kind), &expected).await?;
    }
    Ok(renewed)
}
