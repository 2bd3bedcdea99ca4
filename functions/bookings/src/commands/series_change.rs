//! Changing or cancelling a series from an occurrence on.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use parvis_booking::life::{Action, State};
use parvis_booking::recurrence::Moved;
use parvis_booking::resource::Item;
use parvis_booking::{Slot, to_utc};
use parvis_kit::http::Expected;
use sqlx::PgConnection;
use uuid::Uuid;

use super::act::{Act, step};
use super::change::{Change, change};
use super::series::SeriesAnswer;
use crate::actor::Actor;
use crate::error::Refused;
use crate::store::bookings::{self, Record};
use crate::store::series::{self, SeriesRecord};
use crate::store::slots;
use crate::store::tx::{Command, Tx, WriteError};
use crate::views::{OccurrenceView, Outcome};

/// Another time, length, title or place for an occurrence and those that follow; all of them or nothing.
#[derive(Clone, Debug)]
pub struct ChangeSeries {
    /// Which series.
    pub id: Uuid,
    /// Who changes it.
    pub actor: Actor,
    /// The first occurrence that changes; the next one to come when absent.
    pub from: Option<NaiveDateTime>,
    /// Local time of the start.
    pub local_time: Option<NaiveTime>,
    /// Length.
    pub minutes: Option<u32>,
    /// What it is about.
    pub title: Option<String>,
    /// What.
    pub items: Option<Vec<Item>>,
}

/// The end of a series, from an occurrence on.
#[derive(Clone, Debug)]
pub struct CancelSeries {
    /// Which series.
    pub id: Uuid,
    /// Who cancels it.
    pub actor: Actor,
    /// The first occurrence to go; the next one to come when absent.
    pub from: Option<NaiveDateTime>,
}

async fn locked(tx: &mut Tx<'_>, id: Uuid, actor: &Actor) -> Result<SeriesRecord, WriteError> {
    let series = series::read(&mut *tx.sql(), id, true).await?;
    let mine = |series: &SeriesRecord| series.owner == actor.subject || actor.is_staff();
    Ok(series.filter(mine).ok_or(Refused::NotFound("series"))?)
}

/// The occurrences that can still change.
fn coming(record: &Record, now: DateTime<Utc>) -> bool {
    let open = matches!(record.booking.state, State::Booked | State::Pending);
    open && record.booking.slot.start > now
}

fn view(record: &Record) -> OccurrenceView {
    let booking = &record.booking;
    OccurrenceView {
        original: booking.occurrence.unwrap_or_default(),
        slot: booking.slot,
        outcome: if booking.state.is_live() { Outcome::Booked } else { Outcome::Free },
        booking: Some(booking.id),
        refusals: Vec::new(),
    }
}

impl Command for ChangeSeries {
    type Prepared = ();
    type Answer = SeriesAnswer;

    async fn prepare(&self, _: &mut PgConnection, _: DateTime<Utc>) -> Result<(), WriteError> {
        Ok(())
    }

    async fn run(&self, (): &(), tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<SeriesAnswer, WriteError> {
        let before = locked(tx, self.id, &self.actor).await?;
        let mut series = before.clone();
        let records = bookings::lock_series(tx.sql(), self.id, self.from).await?;
        let coming: Vec<Record> = records.into_iter().filter(|record| coming(record, now)).collect();
        let changes: Vec<(Record, Change)> = coming
            .into_iter()
            .map(|record| {
                let change_one = self.of(&mut series, &record);
                (record, change_one)
            })
            .collect();
        // All at once, so that a daily series moved by an hour is not in its own way. What stays where it is keeps its time.
        let moved = changes.iter().filter(|(record, change_one)| change_one.moves(&record.booking));
        let moved: Vec<Uuid> = moved.map(|(record, _)| record.booking.id).collect();
        slots::forget(tx.sql(), &moved).await?;
        let mut told = Vec::new();
        for (record, change_one) in changes {
            let slot = change_one.slot.unwrap_or(record.booking.slot);
            let original = record.booking.occurrence.unwrap_or_default();
            match change(tx, record, &change_one, now).await {
                Ok(changed) => told.push(view(&changed)),
                Err(WriteError::Refused(Refused::Taken(_))) => {
                    let taken =
                        OccurrenceView { original, slot, outcome: Outcome::Taken, booking: None, refusals: Vec::new() };
                    told.push(taken);
                    return Err(Refused::SeriesTaken(told).into());
                }
                Err(error) => return Err(error),
            }
        }
        series.details.title = self.title.clone().unwrap_or(series.details.title);
        series.details.items = self.items.clone().unwrap_or(series.details.items);
        write(tx, &series, &before).await?;
        Ok(SeriesAnswer { id: Some(self.id), occurrences: told })
    }
}

/// Writes the series, if it is not what it was `before`.
async fn write(tx: &mut Tx<'_>, series: &SeriesRecord, before: &SeriesRecord) -> Result<(), WriteError> {
    if series != before {
        series::update(tx.sql(), series).await?;
    }
    Ok(())
}

impl ChangeSeries {
    /// The change of one occurrence; the series remembers where it was moved to.
    fn of(&self, series: &mut SeriesRecord, record: &Record) -> Change {
        let booking = &record.booking;
        let zone = booking.zone;
        let local = booking.slot.start.with_timezone(&zone).naive_local();
        let start = self.local_time.map_or(local, |time| local.date().and_time(time));
        let now_minutes = u32::try_from(booking.slot.minutes()).unwrap_or(u32::MAX);
        let minutes = self.minutes.unwrap_or(now_minutes);
        let slot = Slot::lasting(to_utc(start, zone), TimeDelta::minutes(i64::from(minutes)));
        let timed = self.local_time.is_some() || self.minutes.is_some();
        let recurrence = &mut series.details.recurrence;
        let elsewhere = |original: &NaiveDateTime| timed && recurrence.slot_of(*original) != slot;
        if let Some(original) = booking.occurrence.filter(elsewhere) {
            recurrence.moved.insert(original, Moved { local_start: start, minutes });
        }
        Change {
            id: booking.id,
            actor: self.actor.clone(),
            expected: Expected::Unsaid,
            slot: timed.then_some(slot),
            items: self.items.clone(),
            title: self.title.clone(),
            participants: None,
            guests: None,
        }
    }
}

impl Command for CancelSeries {
    type Prepared = ();
    type Answer = SeriesAnswer;

    async fn prepare(&self, _: &mut PgConnection, _: DateTime<Utc>) -> Result<(), WriteError> {
        Ok(())
    }

    async fn run(&self, (): &(), tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<SeriesAnswer, WriteError> {
        let before = locked(tx, self.id, &self.actor).await?;
        let mut series = before.clone();
        let records = bookings::lock_series(tx.sql(), self.id, self.from).await?;
        let mut told = Vec::new();
        for record in records.into_iter().filter(|record| coming(record, now)) {
            series.details.recurrence.except.extend(record.booking.occurrence);
            let act = Act { id: record.booking.id, actor: self.actor.clone(), action: Action::Cancel, by_code: false };
            told.push(view(&step(tx, record, &act, now).await?));
        }
        write(tx, &series, &before).await?;
        Ok(SeriesAnswer { id: Some(self.id), occurrences: told })
    }
}
