//! Feeds and invitations.
//!
//! Every occurrence is an event of its own, at instants in UTC: Google, Apple and Outlook show the right time in the reader's zone
//! without a VTIMEZONE of ours, and a series that was edited needs no recurrence rule that three programs read in three ways.

use chrono::{DateTime, Utc};
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};

use crate::Slot;

/// Domain of the events' ids: it only has to be ours for ever, and takes no mail.
const DOMAIN: &str = "bookings.parvis.dev";

/// The identity of a booking in calendars, the same in feeds and invitations.
#[must_use]
pub fn uid(booking: &str) -> String {
    format!("{booking}@{DOMAIN}")
}

/// What the receiver is to do with the events (RFC 5546).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Nothing: a feed.
    Publish,
    /// Answer an invitation, new or changed.
    Request,
    /// Take it out of the calendar.
    Cancel,
}

impl Method {
    /// The name in calendars and in the type of a part of a message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "PUBLISH",
            Self::Request => "REQUEST",
            Self::Cancel => "CANCEL",
        }
    }
}

/// Somebody in an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// For people.
    pub name: String,
    /// Address without `mailto:`.
    pub email: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Identity, the same over all changes.
    pub uid: String,
    /// Counts the changes.
    pub sequence: i32,
    /// When.
    pub slot: Slot,
    /// Title.
    pub summary: String,
    /// More about it.
    pub description: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// Not certain yet: held, or waiting for approval.
    pub tentative: bool,
    /// Given up.
    pub cancelled: bool,
    /// Who invites.
    pub organizer: Option<Person>,
    /// Who is invited.
    pub guests: Vec<Person>,
    /// When it was last changed.
    pub modified_at: DateTime<Utc>,
}

/// The calendar `name` with its events.
#[must_use]
pub fn write(name: &str, method: Method, entries: &[Entry]) -> String {
    let mut calendar = Calendar::empty();
    calendar.append_property(("VERSION", "2.0"));
    calendar.append_property(("PRODID", "-//Parvis//Bookings//EN"));
    calendar.append_property(("CALSCALE", "GREGORIAN"));
    calendar.append_property(("METHOD", method.as_str()));
    if method == Method::Publish {
        calendar.name(name);
        // How often a reader should come back; Outlook reads the second form.
        calendar.append_property(Property::new("REFRESH-INTERVAL", "PT15M").add_parameter("VALUE", "DURATION").done());
        calendar.append_property(("X-PUBLISHED-TTL", "PT15M"));
    }
    for entry in entries {
        calendar.push(event(entry, method));
    }
    calendar.to_string()
}

fn event(entry: &Entry, method: Method) -> Event {
    let mut event = Event::with_uid(&entry.uid);
    event.summary(&entry.summary).starts(entry.slot.start).ends(entry.slot.end);
    event.timestamp(entry.modified_at).last_modified(entry.modified_at);
    event.add_property("SEQUENCE", entry.sequence.to_string());
    event.add_property("TRANSP", "OPAQUE");
    match (entry.cancelled, entry.tentative) {
        (true, _) => drop(event.status(EventStatus::Cancelled)),
        // It goes on without those who are taken out of it (RFC 5546, section 3.2.5).
        (false, _) if method == Method::Cancel => {}
        (false, true) => drop(event.status(EventStatus::Tentative)),
        (false, false) => drop(event.status(EventStatus::Confirmed)),
    }
    if let Some(description) = &entry.description {
        event.description(description);
    }
    if let Some(location) = &entry.location {
        event.location(location);
    }
    if let Some(organizer) = &entry.organizer {
        let address = format!("mailto:{}", organizer.email);
        event.append_property(Property::new("ORGANIZER", &address).add_parameter("CN", &organizer.name).done());
    }
    for guest in &entry.guests {
        let address = format!("mailto:{}", guest.email);
        let mut property = Property::new("ATTENDEE", &address);
        property.add_parameter("CN", &guest.name).add_parameter("ROLE", "REQ-PARTICIPANT");
        if method == Method::Request {
            property.add_parameter("PARTSTAT", "NEEDS-ACTION").add_parameter("RSVP", "TRUE");
        }
        event.append_multi_property(property.done());
    }
    event.done()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use chrono_tz::Europe::Paris;

    use super::*;
    use crate::calendar::read_busy;

    fn entry() -> Entry {
        let start: DateTime<Utc> = "2026-07-13T08:00:00Z".parse().unwrap();
        Entry {
            uid: "0190b1a2@parvis".to_owned(),
            sequence: 3,
            slot: Slot::lasting(start, TimeDelta::minutes(90)),
            summary: "Revue; équipe, étage 2".to_owned(),
            description: None,
            location: Some("Salle Arago, 2e étage".to_owned()),
            tentative: false,
            cancelled: false,
            organizer: Some(Person { name: "Parvis".to_owned(), email: "bookings@example.org".to_owned() }),
            guests: vec![Person { name: "Élise Martin".to_owned(), email: "elise@example.org".to_owned() }],
            modified_at: start - TimeDelta::days(1),
        }
    }

    #[test]
    fn an_invitation_has_what_mail_programs_want() {
        insta::assert_snapshot!(write("Parvis", Method::Request, &[entry()]).replace("\r\n", "\n"));
    }

    #[test]
    fn what_is_written_is_read_back_at_the_same_instants() {
        let range = entry().slot.widened(TimeDelta::days(1), TimeDelta::days(1));
        let feed = |entry: &Entry, method| write("Parvis", method, std::slice::from_ref(entry));
        let busy = read_busy(&feed(&entry(), Method::Publish), Paris, range).unwrap();
        assert_eq!(busy.len(), 1);
        assert_eq!((busy[0].slot, busy[0].uid.as_str()), (entry().slot, "0190b1a2@parvis"));
        assert_eq!(read_busy(&feed(&entry(), Method::Cancel), Paris, range).unwrap(), []);
    }
}
