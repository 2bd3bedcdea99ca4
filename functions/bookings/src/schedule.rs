//! What the schedule does every minute: deadlines, no-shows, releases by sensor, the outbox.
//!
//! Each booking is a transaction of its own and a step of the table of [`parvis_booking::life`]: what somebody did a moment before
//! wins, and the step is then refused and skipped.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::life::Action;
use parvis_booking::resource::Sensor;
use parvis_booking::sensing::{OccupancyObservation, Verdict, verdict};
use parvis_forecasts::ForecastStore;
use parvis_kit::metrics::Metrics;
use parvis_kit::postgres::DatabaseError;
use parvis_kit::telemetry::chain;
use parvis_parking::{BlockKey, Connectivity, SpaceNumber, Status};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::FUNCTION;
use crate::actor::Actor;
use crate::commands::Act;
use crate::demand::{self, DemandError};
use crate::state::App;
use crate::store::due::Attended;
use crate::store::tx::WriteError;

/// Events younger than this are left to the request that made them.
const OUTBOX_AGE: TimeDelta = TimeDelta::seconds(10);

/// What the schedule can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// All that is due.
    Sweep,
    /// Take expected demand over from the forecasts.
    Demand,
}

/// What a task has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// Of [`Task::Sweep`].
    Swept(Swept),
    /// Of [`Task::Demand`].
    Renewed(demand::Renewed),
}

/// Does a task.
///
/// # Errors
/// When a store is away.
pub async fn run(app: &App, forecasts: &ForecastStore, task: Task) -> Result<Done, DemandError> {
    Ok(match task {
        Task::Sweep => Done::Swept(sweep(app).await?),
        Task::Demand => Done::Renewed(demand::renew(app.store(), forecasts, app.now()).await?),
    })
}

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Holds, offers, requests and waits that ended.
    pub expired: u64,
    /// Bookings into which nobody checked in.
    pub no_shows: u64,
    /// Bookings whose place was seen empty.
    pub released: u64,
    /// Bookings that are over.
    pub finished: u64,
    /// Events that had been left in the outbox.
    pub delivered: u64,
    /// Steps that failed; the next run tries them again.
    pub failed: u64,
}

/// Does all that is due.
///
/// # Errors
/// When the database is away.
pub async fn sweep(app: &App) -> Result<Swept, DatabaseError> {
    let now = app.now();
    let mut swept = Swept::default();
    for id in app.store().expired(now).await? {
        swept.expired += step(app, id, Action::Expire, &mut swept.failed).await;
    }
    for attended in app.store().attended(now).await? {
        match due(app, &attended, now).await {
            Some(Action::MarkNoShow) => {
                swept.no_shows += step(app, attended.id, Action::MarkNoShow, &mut swept.failed).await;
            }
            Some(action) => swept.released += step(app, attended.id, action, &mut swept.failed).await,
            None => {}
        }
    }
    for id in app.store().over(now).await? {
        swept.finished += step(app, id, Action::Finish, &mut swept.failed).await;
    }
    // What becomes free by a booking is offered with it. Places also become free because a manager opens them, an imported
    // calendar changes or somebody buys credits.
    for id in app.store().waiting(now).await? {
        step(app, id, Action::Offer, &mut swept.failed).await;
    }
    let left = app.store().outbox(now - OUTBOX_AGE).await?;
    swept.delivered = app.tell(&left).await as u64;
    app.store().forget_keys(now).await?;
    count(&swept);
    Ok(swept)
}

fn count(swept: &Swept) {
    let mut metrics = Metrics::new(FUNCTION);
    metrics
        .count("Expired", swept.expired, &[])
        .count("NoShows", swept.no_shows, &[])
        .count("Released", swept.released, &[])
        .count("Finished", swept.finished, &[])
        .count("OutboxSwept", swept.delivered, &[])
        .count("StepsFailed", swept.failed, &[]);
}

/// One step; 1 when it was done.
async fn step(app: &App, id: Uuid, action: Action, failed: &mut u64) -> u64 {
    let act = Act { id, actor: Actor::house(), action, by_code: false };
    match app.execute(None, &act).await {
        Ok(_) => 1,
        Err(WriteError::Refused(refused)) => {
            tracing::debug!(%id, ?action, reason = %refused, "somebody was faster");
            0
        }
        Err(WriteError::Database(error)) => {
            tracing::error!(%id, ?action, error = %chain(&error), "a step of the schedule failed");
            *failed += 1;
            0
        }
    }
}

/// What is due for a booking into which nobody has checked in: the window for checking in has passed, or its sensors see nobody.
///
/// A sensor that sees somebody also saves from being a no-show: who forgot to check in is there all the same.
async fn due(app: &App, attended: &Attended, now: DateTime<Utc>) -> Option<Action> {
    let Attended { start, minutes, terms, .. } = attended;
    if !terms.watches_attendance(*minutes) {
        return None;
    }
    let passed = |minutes: u32| now - *start >= TimeDelta::minutes(i64::from(minutes));
    let window = terms.check_in.map(|rule| rule.window_minutes);
    let release = terms.sensor_release_minutes;
    if !window.into_iter().chain(release).any(passed) {
        return None;
    }
    let after = TimeDelta::minutes(i64::from(release.unwrap_or(0)));
    let seen = seen(app, attended, now, after).await;
    if seen == Verdict::InUse {
        return None;
    }
    if window.is_some_and(passed) {
        return Some(Action::MarkNoShow);
    }
    (release.is_some() && seen == Verdict::Release).then_some(Action::Release)
}

/// What the sensors of a booking say together: in use when one says so, empty when all do.
async fn seen(app: &App, attended: &Attended, now: DateTime<Utc>, after: TimeDelta) -> Verdict {
    if attended.sensors.is_empty() || attended.unsensed > 0 {
        return Verdict::Silent;
    }
    let mut all = Vec::with_capacity(attended.sensors.len());
    for sensor in &attended.sensors {
        all.push(verdict(observe(app, sensor).await, attended.start, now, after));
    }
    let first = all.first().copied().unwrap_or(Verdict::Silent);
    if all.contains(&Verdict::InUse) {
        Verdict::InUse
    } else if all.iter().all(|one| *one == first) {
        first
    } else {
        Verdict::Silent
    }
}

/// The last word of a sensor; `None` when it has never said any, or cannot be asked.
async fn observe(app: &App, sensor: &Sensor) -> Option<OccupancyObservation> {
    let space = SpaceNumber::try_from(sensor.space).ok()?;
    let key = BlockKey::of_space(sensor.place.parse().ok()?, sensor.zone.parse().ok()?, space);
    let block = match app.live().get(&key).await {
        Ok(block) => block?,
        Err(error) => {
            tracing::warn!(error = %chain(&error), "a sensor cannot be asked; nobody loses a place for that");
            return None;
        }
    };
    let state = block.block.as_spaces()?.get(space)?;
    Some(OccupancyObservation {
        occupied: state.status()? == Status::Occupied,
        since: state.since()?,
        seen_at: state.seen_at(),
        lost: state.connectivity() == Connectivity::Lost,
    })
}
