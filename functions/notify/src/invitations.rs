//! Invitations to the guests of bookings: who is written to after which event, and what.
//!
//! A calendar takes the message over: its text stands beside the same invitation as iCalendar (iMIP, RFC 6047), with METHOD:REQUEST or
//! METHOD:CANCEL, the same UID over all changes and a SEQUENCE that grows.

use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::calendar::{Entry, Method, Person, uid, write};
use parvis_events::CloudEvent;
use parvis_events::booking::{ACCEPTED, BookingChanged, CANCELLED, CHANGED, CONFIRMED, Invited, RELEASED};

use crate::texts::{Language, TextError, Texts};

/// What the house is called where it invites.
const HOUSE: &str = "Parvis";

/// An e-mail with an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Person,
    /// Subject.
    pub subject: String,
    /// For people.
    pub text: String,
    /// For calendars.
    pub calendar: String,
    /// What calendars are to do with it.
    pub method: Method,
}

/// What is said to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Come.
    Invited,
    /// It has changed.
    Changed,
    /// Do not come.
    Cancelled,
}

impl Word {
    /// The name of its texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invited => "booking.invited",
            Self::Changed => "booking.changed",
            Self::Cancelled => "booking.cancelled",
        }
    }

    const fn method(self) -> Method {
        match self {
            Self::Invited | Self::Changed => Method::Request,
            Self::Cancelled => Method::Cancel,
        }
    }
}

/// The e-mails that follow from an event, in an order that is always the same; none when it is nothing to guests.
///
/// # Errors
/// When a text asks for a fact that bookings do not have.
pub fn mails(
    event: &CloudEvent<BookingChanged>,
    from: &str,
    texts: &Texts,
    language: Language,
) -> Result<Vec<Mail>, TextError> {
    let booking = &event.data;
    let mut mails = Vec::new();
    for (guests, word) in words(&event.kind, booking) {
        for guest in guests {
            // A guest without an address is told by the one who invites.
            let Some(to) = person(guest) else { continue };
            let message = texts.booking(word, booking, language)?;
            let entry = entry(booking, from, to.clone(), event.time, word);
            let calendar = write(HOUSE, word.method(), &[entry]);
            mails.push(Mail { to, subject: message.subject, text: message.email, calendar, method: word.method() });
        }
    }
    Ok(mails)
}

/// Who hears what. Of what was never certain nobody has heard yet.
fn words<'a>(kind: &str, booking: &'a BookingChanged) -> Vec<(&'a [Invited], Word)> {
    let was_certain = matches!(booking.was.as_deref(), Some("booked" | "arrived"));
    match kind {
        CONFIRMED | ACCEPTED => vec![(booking.guests.as_slice(), Word::Invited)],
        CHANGED if was_certain => {
            vec![(booking.uninvited.as_slice(), Word::Cancelled), (booking.guests.as_slice(), Word::Changed)]
        }
        CANCELLED | RELEASED if was_certain => vec![(booking.guests.as_slice(), Word::Cancelled)],
        _ => Vec::new(),
    }
}

fn person(guest: &Invited) -> Option<Person> {
    Some(Person { name: guest.name.clone(), email: guest.email.clone()? })
}

fn entry(booking: &BookingChanged, from: &str, to: Person, at: DateTime<Utc>, word: Word) -> Entry {
    Entry {
        uid: uid(&booking.booking),
        sequence: booking.version,
        // The times of an event are those of a booking, which has a beginning before its end.
        slot: Slot { start: booking.slot.start, end: booking.slot.end },
        summary: booking.title.clone(),
        description: None,
        location: booking.location.clone(),
        tentative: false,
        cancelled: word == Word::Cancelled,
        organizer: Some(Person { name: HOUSE.to_owned(), email: from.to_owned() }),
        guests: vec![to],
        modified_at: at,
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::dynamodb::Event;
    use parvis_kit::event_store;

    use super::*;

    fn confirmed() -> CloudEvent<BookingChanged> {
        let sample: Event =
            serde_json::from_str(include_str!("../../../events/notify/booking-confirmed.json")).unwrap();
        event_store::from_image(sample.records[0].change.new_image.clone()).unwrap()
    }

    fn sent(event: &CloudEvent<BookingChanged>) -> Vec<Mail> {
        mails(event, "noreply@parvis.example", &Texts::load().unwrap(), Language::French).unwrap()
    }

    #[test]
    fn a_guest_with_an_address_is_invited_in_words_and_for_the_calendar() {
        let sent = sent(&confirmed());
        assert_eq!(sent.len(), 1, "the other guest has no address");
        let Mail { to, subject, text, calendar, .. } = &sent[0];
        assert_eq!(to.email, "elise.moreau@example.org");
        assert_eq!(subject, "Invitation : Point projet, 13/07/2026 à 10:00");
        assert!(text.contains("13/07/2026 de 10:00 à 11:00 (Europe/Paris)") && text.contains("Salle Arago"), "{text}");
        // Long lines are folded (RFC 5545, section 3.1).
        let calendar = calendar.replace("\r\n ", "");
        for line in ["METHOD:REQUEST", "SEQUENCE:0", "mailto:elise.moreau@example.org", "mailto:noreply@parvis.example"]
        {
            assert!(calendar.contains(line), "{line} is not in {calendar}");
        }
    }

    #[test]
    fn guests_hear_of_what_was_certain_only() {
        let methods = |kind: &str, was: Option<&str>| -> Vec<Method> {
            let mut event = confirmed();
            event.kind = kind.to_owned();
            event.data.was = was.map(str::to_owned);
            event.data.uninvited =
                vec![Invited { name: "Cléo".to_owned(), email: Some("cleo@example.org".to_owned()) }];
            sent(&event).iter().map(|mail| mail.method).collect()
        };
        assert_eq!(methods(CONFIRMED, Some("held")), [Method::Request]);
        assert_eq!(methods(CHANGED, Some("booked")), [Method::Cancel, Method::Request], "who is left out, who stays");
        assert_eq!(methods(CANCELLED, Some("booked")), [Method::Cancel]);
        assert_eq!(methods(CANCELLED, Some("held")), []);
        assert_eq!(methods(CHANGED, Some("waitlist")), []);
        assert_eq!(methods("parvis.booking.held", None), []);
    }
}
