//! The waitlist: what is given back is offered to those who wait, first come first, in the same transaction. So nobody who asks a
//! moment later can take it from them.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::booking::{Booking, Wish};
use parvis_booking::life::{Action, State};
use parvis_booking::{ResourceId, Slot};
use parvis_events::booking::OFFERED;

use super::money::PriceAsk;
use super::{allocate, money};
use crate::events::event;
use crate::store::bookings::{self, Record};
use crate::store::candidates;
use crate::store::slots;
use crate::store::tx::{Tx, WriteError};

/// Offers what is free of `resources` during `range`, given back by `owner`, to those who wait for it, and to `owner` what they
/// wait for themselves: their quota may have room again.
///
/// Somebody whose wish still cannot be had, or whose quota or credits are used up, keeps the turn and does not keep the others
/// from theirs.
pub async fn offer(
    tx: &mut Tx<'_>,
    resources: &[ResourceId],
    range: Slot,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<(), WriteError> {
    let waiting = bookings::lock_waiting(tx.sql(), resources, range, owner, now).await?;
    for record in waiting {
        offer_one(tx, record, now).await?;
    }
    Ok(())
}

/// Offers to one who waits what is free of the wish, if it is.
pub async fn offer_one(tx: &mut Tx<'_>, mut record: Record, now: DateTime<Utc>) -> Result<Record, WriteError> {
    let Booking { id, slot, items, owner, .. } = &record.booking;
    let (id, slot) = (*id, *slot);
    let found = candidates::read(&mut *tx.sql(), items, slot, None, owner, id).await?;
    let Some(chosen) = allocate::take(tx.sql(), id, &found, slot, State::Held).await? else { return Ok(record) };
    let waits = record.clone();
    let booking = &mut record.booking;
    let wish = Wish { items: booking.items.clone(), slot, participants: booking.participants };
    let (owner, pay_with) = (&booking.owner, booking.charge.pay_with);
    let ask = PriceAsk { owner, wish, pay_with, repeats: false };
    booking.charge = money::priced(tx.sql(), ask, &chosen, &found.member, now).await?.charge;
    // Groups are those of a login, and nobody is logged in now: quotas of groups do not count an offer.
    match money::count(tx.sql(), booking, &[], &chosen).await {
        Ok(usage) => record.usage = usage,
        Err(WriteError::Refused(_)) => {
            slots::forget(tx.sql(), &[id]).await?;
            return Ok(waits);
        }
        Err(error) => return Err(error),
    }
    let booking = &mut record.booking;
    booking.state = booking.state.after(Action::Offer).map_err(crate::error::Refused::from)?;
    booking.resources = allocate::ids(&chosen);
    record.spaces = allocate::spaces(&chosen);
    let minutes = TimeDelta::minutes(i64::from(record.terms.offer_minutes));
    booking.expires_at = Some((now + minutes).min(slot.start));
    booking.version += 1;
    booking.modified_at = now;
    bookings::update(tx.sql(), &record).await?;
    tx.emit(event(OFFERED, &record, Some(&waits.booking), now));
    Ok(record)
}
