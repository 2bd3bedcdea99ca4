//! Brings the observations of a series up to date.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::SiteId;
use parvis_forecasting::Unforecastable;
use parvis_forecasts::{Definition, Job, Measure, Outcome, Subject, Task, store::days_before};
use parvis_parking::{PlaceId, ZoneId};

use crate::{
    bookings, gather,
    history::{self, Range},
    sources::{Sources, definition},
    work::{TRAINING_DAYS, Trainer, UPDATE_DAYS, WorkError},
};

/// At the nightly training the last days are read from the history again: late readings correct it.
const READ_AGAIN: TimeDelta = TimeDelta::days(3);

impl Trainer {
    /// Reads what is new of a series, of which `before` was known, and says what it is now; none when there is no such series any more.
    ///
    /// # Errors
    /// When a store cannot be read or written.
    pub(crate) async fn renew(&self, job: &Job, before: Option<&Outcome>) -> Result<Option<Definition>, WorkError> {
        match &job.subject {
            Subject::Place(place) => self.renew_parking(job, place, None).await,
            Subject::Zone(place, zone) => self.renew_parking(job, place, Some(zone)).await,
            Subject::Coworking(site, measure) => self.renew_bookings(job, site, *measure, before).await,
            Subject::Fed(_) => Ok(self.store.listed(&job.subject).await?.map(|entry| entry.definition)),
        }
    }

    async fn renew_parking(
        &self,
        job: &Job,
        place: &PlaceId,
        zone: Option<&ZoneId>,
    ) -> Result<Option<Definition>, WorkError> {
        let record = self.places.get(place).await?;
        let known = |record: &parvis_places::PlaceRecord| zone.is_none_or(|zone| record.zone(zone).is_some());
        let Some(record) = record.filter(known) else { return Ok(None) };
        let sources = Sources::of(&record, zone);
        let pool = self.database.pool().await?;
        let to = floor_to(job.at, crate::sources::STEP_MINUTES);
        let told = history::told_capacity(pool, place.as_str(), &sources.unsized_counters, to).await?;
        let capacity = sources.spaces() + f64::from(sources.counted) + told;
        let definition = definition(&record, &job.subject, capacity.max(1.0));
        self.store.define(&definition).await?;
        let first = match self.resume_from(job, to).await? {
            Some(from) => Some(from),
            None => history::first_record(pool, place.as_str(), &sources).await?,
        };
        if let Some(range) = unread(first, to, definition.step_minutes).filter(|_| capacity > 0.0) {
            let observations = gather::occupied(pool, place.as_str(), &sources, range, capacity).await?;
            self.store.observe(&job.subject, &observations, definition.step_minutes).await?;
        }
        Ok(Some(definition))
    }

    async fn renew_bookings(
        &self,
        job: &Job,
        site: &SiteId,
        measure: Measure,
        before: Option<&Outcome>,
    ) -> Result<Option<Definition>, WorkError> {
        let pool = self.database.pool().await?;
        let Some(definition) = bookings::definition(pool, site, measure, job.at).await? else { return Ok(None) };
        self.store.define(&definition).await?;
        let to = floor_to(job.at, definition.step_minutes);
        let resumed = self.resume_from(job, to).await?;
        let first = if resumed.is_none() || job.task == Task::Train {
            // At night all is read again: past bookings of another system may have been taken over since.
            let range = Range { from: looked_at(job, before).unwrap_or(earliest(to)), to };
            let first = bookings::first_booking(pool, site, measure, range).await?;
            [first, resumed].into_iter().flatten().min()
        } else {
            resumed
        };
        if let Some(range) = unread(first, to, definition.step_minutes) {
            let observations = bookings::hours(pool, site, measure, range, definition.kind.upper()).await?;
            self.store.observe(&job.subject, &observations, definition.step_minutes).await?;
        }
        Ok(Some(definition))
    }

    /// Where reading the history goes on: with the day of the last observation, some days earlier at night.
    async fn resume_from(&self, job: &Job, to: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, WorkError> {
        let days = self.store.observations(&job.subject, days_before(to.date_naive(), UPDATE_DAYS)).await?;
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(None) };
        let again = if job.task == Task::Train { READ_AGAIN } else { TimeDelta::zero() };
        // Not before the first observation: what was before it is unknown.
        let known = first.observations().next().map_or(first.start(), |observation| observation.at);
        Ok(Some((last.start() - again).max(known)))
    }
}

/// A kind of place that nobody had ever booked when one looked last need not be looked for in all of the past every hour.
fn looked_at(job: &Job, before: Option<&Outcome>) -> Option<DateTime<Utc>> {
    match before {
        Some(Outcome::Refused { at, reason: Unforecastable::Empty }) if job.task == Task::Update => {
            Some(*at - READ_AGAIN)
        }
        _ => None,
    }
}

fn earliest(to: DateTime<Utc>) -> DateTime<Utc> {
    to - TimeDelta::days(TRAINING_DAYS as i64)
}

/// What is still to be read, from the step after `first`: the step of the very first record was seen in part only.
fn unread(first: Option<DateTime<Utc>>, to: DateTime<Utc>, step_minutes: u16) -> Option<Range> {
    let step = TimeDelta::minutes(i64::from(step_minutes));
    let from = floor_to(first? + step - TimeDelta::microseconds(1), step_minutes).max(earliest(to));
    (from < to).then_some(Range { from, to })
}

/// The beginning of the step that contains a moment.
#[must_use]
pub fn floor_to(at: DateTime<Utc>, step_minutes: u16) -> DateTime<Utc> {
    let seconds = i64::from(step_minutes.max(1)) * 60;
    at - TimeDelta::seconds(at.timestamp().rem_euclid(seconds))
        - TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_on_quarters_and_hours() {
        let at = |minute: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        assert_eq!(floor_to(at(44) + TimeDelta::milliseconds(59_999), 15), at(30));
        assert_eq!((floor_to(at(45), 15), floor_to(at(45), 60)), (at(45), at(0)));
        assert_eq!(unread(Some(at(61)), at(195), 15), Some(Range { from: at(75), to: at(195) }));
        assert_eq!((unread(Some(at(190)), at(195), 15), unread(None, at(195), 15)), (None, None));
    }
}
