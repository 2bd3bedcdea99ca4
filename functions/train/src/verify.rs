//! Honesty: the forecast of each local day as it stood before the day, against what then came.

use chrono::{DateTime, NaiveDate, Utc};
use parvis_forecasting::drift::Watch;
use parvis_forecasts::{Day, ForecastStore, Issued, Outlook, StoreError, records::Drifted, store::days_before};

/// Days whose forecasts are compared with what came, time and again: observations may come late.
const SETTLING_DAYS: u64 = 2;
/// Days over which errors are watched.
const WATCHED_DAYS: u64 = 56;

/// Keeps the first forecast of each local day, said to be `reconstructed` if the day is past, scores those of the last days, and tells whether errors have grown.
///
/// # Errors
/// When the table cannot be read or written.
pub async fn keep_and_score(
    store: &ForecastStore,
    outlook: &Outlook,
    scale: Option<f64>,
    expected_error: Option<f64>,
    reconstructed: bool,
) -> Result<Option<Drifted>, StoreError> {
    let subject = &outlook.definition.subject;
    let timezone = outlook.definition.calendar.timezone;
    let local_day = |at: DateTime<Utc>| at.with_timezone(&timezone).date_naive();
    let today = local_day(outlook.origin);
    if store.issued(subject, today).await?.is_none() {
        let steps = outlook.steps.iter().filter(|step| local_day(step.start) == today).cloned().collect();
        store.put_issued(subject, &Issued { day: today, origin: outlook.origin, scale, reconstructed, steps }).await?;
    }
    let mut scored = store.scored(subject, days_before(today, WATCHED_DAYS)).await?;
    // A local day begins and ends on other days of UTC.
    let observed = store.observations(subject, days_before(today, SETTLING_DAYS + 1)).await?;
    for back in 1..=SETTLING_DAYS {
        let day = days_before(today, back);
        let Some(score) = score(store, outlook, day, &observed).await? else { continue };
        match scored.iter_mut().find(|known| known.day == day) {
            Some(known) if *known == score => continue,
            Some(known) => *known = score.clone(),
            None => scored.push(score.clone()),
        }
        store.put_scored(subject, &score).await?;
    }
    scored.sort_by_key(|score| score.day);
    Ok(expected_error.and_then(|usual| {
        let mut watch = Watch::new(usual);
        let drift = scored.iter().map(|score| watch.note(score.mae)).last().flatten();
        drift.map(|drift| Drifted { days: drift.days, factor: drift.factor })
    }))
}

async fn score(
    store: &ForecastStore,
    outlook: &Outlook,
    day: NaiveDate,
    observed: &[Day],
) -> Result<Option<parvis_forecasts::Scored>, StoreError> {
    let Some(issued) = store.issued(&outlook.definition.subject, day).await? else { return Ok(None) };
    let values: std::collections::HashMap<DateTime<Utc>, f64> =
        observed.iter().flat_map(Day::observations).map(|one| (one.at, one.value)).collect();
    Ok(issued.score(|at| values.get(&at).copied()))
}
