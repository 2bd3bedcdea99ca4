//! The events that a write leaves behind.

use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::booking::{Booking, Guest};
use parvis_events::booking::{BookingChanged, Invited, Span, booking_subject};
use parvis_events::{CloudEvent, EventId};
use serde_json::Value;

use crate::store::bookings::Record;

/// The context's name in events.
pub const SOURCE: &str = "/parvis/bookings";

const fn span(slot: Slot) -> Span {
    Span { start: slot.start, end: slot.end }
}

fn invited(guest: &Guest) -> Invited {
    Invited { name: guest.name.clone(), email: guest.email.clone() }
}

/// The event of type `kind` about the booking of `record` as it is now; `old` is what it was before, if it was.
#[must_use]
pub fn event(kind: &str, record: &Record, old: Option<&Booking>, now: DateTime<Utc>) -> CloudEvent<Value> {
    let booking = &record.booking;
    let moved = old.filter(|old| old.slot != booking.slot || old.items != booking.items);
    // Somebody who only gets another name is invited all the same.
    let stays = |guest: &&Guest| booking.guests.iter().any(|now| now.email == guest.email);
    let uninvited = old.map(|old| old.guests.iter().filter(|guest| !stays(guest)).map(invited).collect());
    let id = booking.id.to_string();
    let data = BookingChanged {
        booking: id.clone(),
        state: booking.state.as_str().to_owned(),
        was: old.map(|old| old.state.as_str().to_owned()),
        owner: booking.owner.clone(),
        site: booking.site.to_string(),
        timezone: booking.zone.name().to_owned(),
        resources: booking.resources.iter().map(ToString::to_string).collect(),
        spaces: record.spaces.clone(),
        slot: span(booking.slot),
        location: None,
        before: moved.map(|old| span(old.slot)),
        title: booking.title.clone(),
        guests: booking.guests.iter().map(invited).collect(),
        uninvited: uninvited.unwrap_or_default(),
        expires_at: booking.expires_at,
        check_in_opens_at: record.check_in_opens_at(),
        series: booking.series.map(|series| series.to_string()),
        version: booking.version,
    };
    // The version tells the events of one booking apart; the same write tried again names the same event.
    let event_id = EventId::of_facts(now, &[kind, &id, &booking.version.to_string()]);
    // Plain strings and times always serialise.
    let data = serde_json::to_value(data).unwrap_or_default();
    CloudEvent::new(event_id, SOURCE, kind, booking_subject(&id), now, data)
}
