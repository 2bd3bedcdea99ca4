//! Takes expected demand over from the forecasts, for the places whose prices it may move; there are none unless a manager sets a floor
//! or a cap in a place's prices.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::resource::Kind;
use parvis_forecasting::Kind as Values;
use parvis_forecasts::{ForecastStore, Measure, Outcome, Outlook, StoreError, Subject};
use parvis_kit::postgres::DatabaseError;
use serde::Serialize;

use crate::store::{Store, demand};

/// A forecast older than this moves no price any more.
const FRESH: TimeDelta = TimeDelta::hours(26);

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
            (Ok(id), Some(of)) => expected(forecasts, &Subject::Coworking(id, Measure::Taken(of)), now).await?,
            _ => Vec::new(),
        };
        renewed.hours += expected.len();
        demand::replace(pool, (site, kind), &expected).await?;
    }
    Ok(renewed)
}

/// Percent expected to be taken in each hour to come in which the place is open; nothing without a fresh forecast of the place's own.
async fn expected(
    forecasts: &ForecastStore,
    subject: &Subject,
    now: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, f64)>, StoreError> {
    let entry = forecasts.listed(subject).await?;
    let Some(Outcome::Forecast { origin, borrowed: false, .. }) = entry.and_then(|entry| entry.outcome) else {
        return Ok(Vec::new());
    };
    let outlook = if origin + FRESH < now { None } else { forecasts.outlook(subject).await? };
    Ok(outlook.map_or_else(Vec::new, |outlook| percents(&outlook, now)))
}

fn percents(outlook: &Outlook, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, f64)> {
    let Values::Bounded { capacity } = outlook.definition.kind else { return Vec::new() };
    let length = TimeDelta::minutes(i64::from(outlook.definition.step_minutes));
    let ahead = outlook.steps.iter().filter(|step| step.open && step.start + length > now);
    ahead.map(|step| (step.start, 100.0 * step.mean / capacity.max(1e-9))).collect()
}
