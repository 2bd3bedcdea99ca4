//! Everything that happens to one booking and is a step in its life.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::booking::CheckIn;
use parvis_booking::life::{Action, State};
use parvis_booking::policy::{Ending, Refusal, refund};
use parvis_events::booking as kinds;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{money, offer};
use crate::actor::Actor;
use crate::error::{CheckInRefusal, Refused};
use crate::events::event;
use crate::store::bookings::{self, Record};
use crate::store::slots;
use crate::store::tx::{Command, Tx, WriteError};

/// A step in the life of a booking.
#[derive(Clone, Debug)]
pub struct Act {
    /// Which booking.
    pub id: Uuid,
    /// Who acts.
    pub actor: Actor,
    /// What is done.
    pub action: Action,
    /// At a check-in: whether the code of the door of one of the booking's places was read.
    pub by_code: bool,
}

impl Command for Act {
    type Prepared = ();
    type Answer = Record;

    async fn prepare(&self, _: &mut PgConnection, _: DateTime<Utc>) -> Result<(), WriteError> {
        Ok(())
    }

    async fn run(&self, (): &(), tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<Record, WriteError> {
        let record = bookings::lock(tx.sql(), self.id).await?.ok_or(Refused::NotFound("booking"))?;
        self.allowed(&record)?;
        if self.action == Action::Offer {
            record.booking.state.after(Action::Offer).map_err(Refused::from)?;
            return offer::offer_one(tx, record, now).await;
        }
        step(tx, record, self, now).await
    }
}

impl Act {
    fn allowed(&self, record: &Record) -> Result<(), Refused> {
        let mine = record.booking.owner == self.actor.subject;
        let sees = mine || self.actor.is_on_site() || self.actor.is_house();
        match (sees, self.actor.may(self.action, mine)) {
            (false, _) => Err(Refused::NotFound("booking")),
            (true, false) => Err(Refused::Forbidden),
            (true, true) => Ok(()),
        }
    }
}

/// Does a step on a locked booking.
pub async fn step(tx: &mut Tx<'_>, mut record: Record, act: &Act, now: DateTime<Utc>) -> Result<Record, WriteError> {
    let old = record.booking.clone();
    let before = old.state;
    let action = match act.action {
        Action::Confirm if record.terms.requires_approval => Action::Request,
        other => other,
    };
    let after = before.after(action).map_err(Refused::from)?;
    guard(&record, act, action, now)?;
    let booking = &mut record.booking;
    booking.state = after;
    booking.version += 1;
    booking.modified_at = now;
    booking.expires_at = (after == State::Pending).then_some(booking.slot.start.max(now));
    if action == Action::CheckIn {
        booking.check_in = Some(CheckIn { at: now, by_code: act.by_code });
    }
    if let Some(ending) = ending(before, action, &act.actor, now) {
        settle(tx, &mut record, before, ending).await?;
    }
    // What ended early gives back the rest of its time; what never began keeps the times that it would have had.
    let ended = (!after.is_live() && before != State::Waitlist && now > record.booking.slot.start).then_some(now);
    slots::follow(tx.sql(), &[record.booking.id], after, ended).await?;
    bookings::update(tx.sql(), &record).await?;
    tx.emit(event(kind(&record, before, action), &record, Some(&old), now));
    if before.is_live() && !after.is_live() {
        let booking = &record.booking;
        offer::offer(tx, &booking.resources, booking.slot, &booking.owner, now).await?;
    }
    Ok(record)
}

/// Deadlines and codes.
fn guard(record: &Record, act: &Act, action: Action, now: DateTime<Utc>) -> Result<(), Refused> {
    let (booking, terms) = (&record.booking, &record.terms);
    let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
    match action {
        // A hold that lapsed may still be there when the schedule has not come by.
        Action::Confirm | Action::Request if booking.expires_at.is_some_and(|deadline| deadline <= now) => {
            Err(parvis_booking::life::Refused { state: State::Released, action }.into())
        }
        Action::Cancel if booking.owner == act.actor.subject && !act.actor.is_staff() => {
            let certain = matches!(booking.state, State::Booked);
            let late = booking.slot.start - now < minutes(terms.min_notice_delete_minutes);
            if certain && terms.min_notice_delete_minutes > 0 && late {
                let refusal = Refusal::TooLate { minutes: terms.min_notice_delete_minutes };
                return Err(Refused::policy(None, refusal));
            }
            Ok(())
        }
        Action::CheckIn => check_in(record, act, now),
        _ => Ok(()),
    }
}

fn check_in(record: &Record, act: &Act, now: DateTime<Utc>) -> Result<(), Refused> {
    let rule = record.terms.check_in.ok_or(Refused::CheckIn(CheckInRefusal::NotWanted))?;
    let opens_at = record.booking.slot.start - TimeDelta::minutes(i64::from(rule.opens_minutes_before));
    if now < opens_at {
        return Err(Refused::CheckIn(CheckInRefusal::TooEarly(opens_at)));
    }
    // Who works there sees who is there.
    if rule.needs_code && !act.by_code && !act.actor.is_on_site() {
        return Err(Refused::CheckIn(CheckInRefusal::WrongCode));
    }
    Ok(())
}

/// How the money of a booking ends with this step; `None` while it goes on.
fn ending(before: State, action: Action, actor: &Actor, now: DateTime<Utc>) -> Option<Ending> {
    match action {
        // Nothing was promised before a confirmation: all of it comes back.
        Action::Cancel | Action::Expire if matches!(before, State::Held | State::Pending) => {
            Some(Ending::CancelledByHouse)
        }
        Action::Cancel if before == State::Waitlist => None,
        Action::Cancel if actor.is_staff() => Some(Ending::CancelledByHouse),
        Action::Cancel => Some(Ending::CancelledByOwner(now)),
        Action::Reject => Some(Ending::CancelledByHouse),
        Action::MarkNoShow => Some(Ending::NoShow),
        Action::Release | Action::Finish => Some(Ending::Used),
        _ => None,
    }
}

/// Gives back what the ending gives back.
async fn settle(tx: &mut Tx<'_>, record: &mut Record, before: State, ending: Ending) -> Result<(), WriteError> {
    let booking = &record.booking;
    let back = refund(&record.terms, &booking.charge, booking.slot.start, ending).map_err(Refused::from)?;
    let given_up = matches!(ending, Ending::CancelledByHouse | Ending::CancelledByOwner(_));
    if given_up && before.is_live() {
        money::give_back(tx.sql(), &booking.owner, &record.usage, back.credits, back.included_minutes).await?;
        record.usage.clear();
    }
    record.refund = Some(back);
    Ok(())
}

fn kind(record: &Record, before: State, action: Action) -> &'static str {
    let waited = record.booking.waited;
    match action {
        Action::Confirm | Action::Request if waited && before == State::Held => kinds::ACCEPTED,
        Action::Confirm | Action::Approve => kinds::CONFIRMED,
        Action::Request => kinds::REQUESTED,
        Action::Expire if waited && matches!(before, State::Held | State::Waitlist) => kinds::EXPIRED,
        Action::Expire | Action::Release => kinds::RELEASED,
        Action::Cancel | Action::Reject => kinds::CANCELLED,
        Action::CheckIn => kinds::CHECKED_IN,
        Action::MarkNoShow => kinds::NO_SHOW,
        Action::Finish => kinds::FULFILLED,
        Action::Change => kinds::CHANGED,
        Action::Offer => kinds::OFFERED,
    }
}
