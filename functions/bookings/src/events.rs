//! The events that a write leaves behind.

use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::booking::Booking;
use parvis_events::booking::{BookingChanged, Invited, Span, booking_subject};
use parvis_events::{CloudEvent, EventId};
use serde_json::Value;

/// The context's name in events.
const SOURCE: &str = "/parvis/bookings";

const fn span(slot: Slot) -> Span {
    Span { start: slot.start, end: slot.end }
}

/// The event of type `kind` about `booking` as it is now; `before` is when it was before a change.
#[must_use]
pub fn event(kind: &str, booking: &Booking, before: Option<Slot>, now: DateTime<Utc>) -> CloudEvent<Value> {
    let id = booking.id.to_string();
    let data = BookingChanged {
        booking: id.clone(),
        state: booking.state.as_str().to_owned(),
        owner: booking.owner.clone(),
        site: booking.site.to_string(),
        timezone: booking.zone.name().to_owned(),
        resources: booking.resources.iter().map(ToString::to_string).collect(),
        slot: span(booking.slot),
        before: before.map(span),
        title: booking.title.clone(),
        guests: booking
            .guests
            .iter()
            .map(|guest| Invited { name: guest.name.clone(), email: guest.email.clone() })
            .collect(),
        expires_at: booking.expires_at,
        series: booking.series.map(|series| series.to_string()),
        version: booking.version,
    };
    // The version tells the events of one booking apart; the same write tried again names the same event.
    let event_id = EventId::of_facts(now, &[kind, &id, &booking.version.to_string()]);
    // Plain strings and times always serialise.
    let data = serde_json::to_value(data).unwrap_or_default();
    CloudEvent::new(event_id, SOURCE, kind, booking_subject(&id), now, data)
}
