//! What open calendars hear of bookings: which places are taken when, and nothing about who or why.

use chrono::{DateTime, Utc};
use parvis_events::booking::{BookingChanged, Span};
use parvis_events::{CloudEvent, EventId};
use serde::Serialize;

use crate::publish::Message;

/// A booking that changed, as everybody may see it.
#[derive(Debug, Serialize)]
struct LiveBooking<'a> {
    /// Readers drop a second message of the same event.
    event: &'a EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    at: DateTime<Utc>,
    booking: &'a str,
    state: &'a str,
    site: &'a str,
    resources: &'a [String],
    slot: Span,
    before: Option<Span>,
    /// The greater one is the newer, whatever the order in which messages arrive.
    version: i32,
}

/// The message about an event.
pub(crate) fn message(event: &CloudEvent<BookingChanged>) -> Result<Message, serde_json::Error> {
    let BookingChanged { booking, state, site, resources, slot, before, version, .. } = &event.data;
    let live = LiveBooking {
        event: &event.id,
        kind: &event.kind,
        at: event.time,
        booking,
        state,
        site,
        resources,
        slot: *slot,
        before: *before,
        version: *version,
    };
    Message::json(format!("live/bookings/{site}"), false, &live)
}

#[cfg(test)]
mod tests {
    use parvis_events::booking::{CONFIRMED, Invited, booking_subject};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_calendar_hears_when_and_where_but_not_who_or_why() {
        let at = DateTime::from_timestamp_millis(1_781_000_000_000).unwrap();
        let slot = Span { start: at, end: at + chrono::TimeDelta::hours(1) };
        let data = BookingChanged {
            booking: "b1".to_owned(),
            state: "booked".to_owned(),
            was: None,
            location: Some("Salle Arago, HQ".to_owned()),
            uninvited: Vec::new(),
            owner: "anne".to_owned(),
            site: "hq".to_owned(),
            timezone: "Europe/Paris".to_owned(),
            resources: vec!["arago".to_owned()],
            spaces: Vec::new(),
            slot,
            before: None,
            title: "Salary talk".to_owned(),
            guests: vec![Invited { name: "Ben".to_owned(), email: Some("ben@example.org".to_owned()) }],
            expires_at: None,
            check_in_opens_at: None,
            series: None,
            version: 0,
        };
        let id = EventId::of_facts(at, &["b1"]);
        let event = CloudEvent::new(id.clone(), "/parvis/bookings", CONFIRMED, booking_subject("b1"), at, data);
        let Message { topic, retain, payload } = message(&event).unwrap();
        assert_eq!((topic.as_str(), retain), ("live/bookings/hq", false));
        let told: serde_json::Value = serde_json::from_str(&payload).unwrap();
        let wanted = json!({
            "event": id, "type": "parvis.booking.confirmed", "at": "2026-06-09T10:13:20Z", "booking": "b1",
            "state": "booked", "site": "hq", "resources": ["arago"],
            "slot": { "start": "2026-06-09T10:13:20Z", "end": "2026-06-09T11:13:20Z" }, "before": null, "version": 0,
        });
        assert_eq!(told, wanted);
    }
}
