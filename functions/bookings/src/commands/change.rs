//! Changing a booking: other times, places, people or words. What cannot be had leaves it as it was.

use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::booking::{Booking, Guest, Wish};
use parvis_booking::life::{Action, State};
use parvis_booking::resource::Item;
use parvis_events::booking as kinds;
use parvis_kit::http::Expected;
use sqlx::PgConnection;
use uuid::Uuid;

use super::money::PriceAsk;
use super::{allocate, money, offer};
use crate::actor::Actor;
use crate::error::Refused;
use crate::events::event;
use crate::store::bookings::{self, Record};
use crate::store::candidates;
use crate::store::slots;
use crate::store::tx::{Command, Tx, WriteError};

/// A change; what is `None` stays.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which booking.
    pub id: Uuid,
    /// Who changes it.
    pub actor: Actor,
    /// What the caller believes it to be.
    pub expected: Expected,
    /// When.
    pub slot: Option<Slot>,
    /// What.
    pub items: Option<Vec<Item>>,
    /// What it is about.
    pub title: Option<String>,
    /// People who come.
    pub participants: Option<u32>,
    /// Who is invited.
    pub guests: Option<Vec<Guest>>,
}

impl Command for Change {
    type Prepared = ();
    type Answer = Record;

    async fn prepare(&self, _: &mut PgConnection, _: DateTime<Utc>) -> Result<(), WriteError> {
        Ok(())
    }

    async fn run(&self, (): &(), tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<Record, WriteError> {
        let record = bookings::lock(tx.sql(), self.id).await?.ok_or(Refused::NotFound("booking"))?;
        let mine = record.booking.owner == self.actor.subject;
        if !mine && !self.actor.is_staff() {
            return Err(Refused::NotFound("booking").into());
        }
        if !self.expected.admits(u64::try_from(record.booking.version).ok()) {
            return Err(Refused::VersionChanged.into());
        }
        change(tx, record, self, now).await
    }
}

impl Change {
    /// `booking` with what is wished of it.
    fn wished(&self, booking: &Booking) -> Booking {
        Booking {
            slot: self.slot.unwrap_or(booking.slot),
            items: self.items.clone().unwrap_or_else(|| booking.items.clone()),
            participants: self.participants.unwrap_or(booking.participants),
            title: self.title.clone().unwrap_or_else(|| booking.title.clone()),
            guests: self.guests.clone().unwrap_or_else(|| booking.guests.clone()),
            ..booking.clone()
        }
    }

    /// Whether `booking` gets another time or other places by it.
    #[must_use]
    pub fn moves(&self, booking: &Booking) -> bool {
        self.slot.is_some_and(|slot| slot != booking.slot)
            || self.items.as_ref().is_some_and(|items| *items != booking.items)
    }
}

/// Changes a locked booking. Of what is so already there is no change: no version, and nothing to tell anybody.
pub async fn change(
    tx: &mut Tx<'_>,
    mut record: Record,
    change: &Change,
    now: DateTime<Utc>,
) -> Result<Record, WriteError> {
    let after = record.booking.state.after(Action::Change).map_err(Refused::from)?;
    let wished = change.wished(&record.booking);
    if wished == record.booking {
        return Ok(record);
    }
    let old = std::mem::replace(&mut record.booking, wished);
    let elsewhere = change.moves(&old);
    let booking = &mut record.booking;
    booking.state = after;
    booking.version += 1;
    booking.modified_at = now;
    if elsewhere || booking.participants != old.participants {
        move_to(tx, &mut record, &old, &change.actor, now).await?;
    }
    bookings::update(tx.sql(), &record).await?;
    let kind = if record.booking.state == State::Pending && old.state == State::Booked {
        kinds::REQUESTED
    } else {
        kinds::CHANGED
    };
    tx.emit(event(kind, &record, Some(&old), now));
    if after == State::Waitlist {
        // What is waited for now may be free.
        return offer::offer_one(tx, record, now).await;
    }
    if elsewhere && old.state.is_live() {
        offer::offer(tx, &old.resources, old.slot, &old.owner, now).await?;
    }
    Ok(record)
}

/// Takes the new times and places instead of the old ones, and pays and counts them instead.
async fn move_to(
    tx: &mut Tx<'_>,
    record: &mut Record,
    old: &Booking,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), WriteError> {
    let booking = &mut record.booking;
    let found =
        candidates::read(&mut *tx.sql(), &booking.items, booking.slot, Some(booking.id), &booking.owner, booking.id)
            .await?;
    allocate::exists(&booking.items, &found)?;
    let mut refusals = allocate::refusals(&found, booking.slot, booking.participants, true, now);
    // Somebody who is there already may stay longer: the start has passed, and that is no reason.
    if old.state == State::Arrived && booking.slot.start == old.slot.start {
        use parvis_booking::policy::Refusal::{Past, TooLate};
        refusals.retain(|one| !matches!(one.refusal, Past | TooLate { .. }));
    }
    if !refusals.is_empty() {
        return Err(Refused::Policy(refusals).into());
    }
    if old.state == State::Waitlist {
        return Ok(());
    }
    slots::forget(tx.sql(), &[booking.id]).await?;
    let taken = allocate::take(tx.sql(), booking.id, &found, booking.slot, booking.state).await?;
    let chosen = taken.ok_or_else(|| Refused::Taken(Vec::new()))?;
    let (credits, included) = (old.charge.credits, old.charge.included_minutes);
    money::give_back(tx.sql(), &booking.owner, &record.usage, credits, included).await?;
    let wish = Wish { items: booking.items.clone(), slot: booking.slot, participants: booking.participants };
    // More people, or another seat of the same pool, cost what was promised: only other times and places are priced anew.
    if booking.slot != old.slot || booking.items != old.items {
        let (owner, pay_with) = (&booking.owner, old.charge.pay_with);
        let ask = PriceAsk { owner, wish, pay_with, repeats: booking.series.is_some() };
        booking.charge = money::priced(tx.sql(), ask, &chosen, &found.member, now).await?.charge;
    }
    booking.resources = allocate::ids(&chosen);
    record.spaces = allocate::spaces(&chosen);
    if let Some(first) = chosen.first() {
        booking.site = first.site.id.clone();
        booking.zone = first.zone();
        record.terms = first.policy.clone();
    }
    // What was approved is approved as it was: other times or places are asked for again, unless a manager moves it.
    if booking.state == State::Booked && record.terms.requires_approval && !actor.is_staff() {
        booking.state = old.state.after(Action::Request).map_err(Refused::from)?;
        booking.expires_at = Some(booking.slot.start.max(now));
        slots::follow(tx.sql(), &[booking.id], booking.state, None).await?;
    }
    let groups = if booking.owner == actor.subject { actor.groups() } else { Vec::new() };
    record.usage = money::count(tx.sql(), booking, &groups, &chosen).await?;
    Ok(())
}
