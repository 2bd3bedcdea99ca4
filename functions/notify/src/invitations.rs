//! Invitations to the guests of bookings: who is written to after which event, and what.
//!
//! A calendar takes the message over: its text stands beside the same invitation as iCalendar (iMIP, RFC 6047), with METHOD:REQUEST or
//! METHOD:CANCEL, the same UID over all changes and a SEQUENCE that grows.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_booking::Slot;
use parvis_booking::calendar::{Invitation, Person, Word as Said};
use parvis_events::CloudEvent;
use parvis_events::booking::{ACCEPTED, BookingChanged, CANCELLED, CHANGED, CONFIRMED, Invited, RELEASED};
use parvis_notices::compose::Writer;
use parvis_notices::letter::Calendar;
use parvis_notices::texts::Facts;
use parvis_notices::{Destination, Letter, TextError};
use serde_json::Value;

/// An invitation is of use until what it is for; one that comes later still takes a change over.
const USEFUL: TimeDelta = TimeDelta::days(2);
/// The subject of the log.
const CATEGORY: &str = "invitations";

/// What is said to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Come.
    Invited,
    /// It has changed.
    Changed,
    /// Do not come: it is given up.
    Cancelled,
    /// Do not come: others do.
    Uninvited,
}

impl Word {
    /// The name of its texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invited => "invitation.invited",
            Self::Changed => "invitation.changed",
            Self::Cancelled | Self::Uninvited => "invitation.cancelled",
        }
    }

    const fn said(self) -> Said {
        match self {
            Self::Invited | Self::Changed => Said::Come { certain: true },
            Self::Cancelled => Said::Off,
            Self::Uninvited => Said::Uninvited,
        }
    }
}

/// The e-mails that follow from an event, in an order that is always the same; none when it is nothing to guests.
///
/// # Errors
/// When a text asks for a fact that bookings do not have.
pub fn letters(event: &CloudEvent, from: &str, writer: &Writer) -> Result<Vec<Letter>, TextError> {
    let concerns_guests = [CONFIRMED, ACCEPTED, CHANGED, CANCELLED, RELEASED].contains(&event.kind.as_str());
    if !concerns_guests {
        return Ok(Vec::new());
    }
    let Ok(booking) = serde_json::from_value::<BookingChanged>(event.data.clone()) else {
        tracing::error!(event = %event.id, "not an event of a booking");
        return Ok(Vec::new());
    };
    let mut letters = Vec::new();
    for (guests, word) in words(&event.kind, &booking) {
        for guest in guests {
            // A guest without an address is told by the one who invites.
            let Some(to) = person(guest) else { continue };
            let (method, text) = invitation(&booking, from, to.clone(), event.time).say(word.said());
            let calendar = Calendar { method: method.as_str().to_owned(), text };
            letters.push(letter(event, &booking, to, word, calendar, writer)?);
        }
    }
    Ok(letters)
}

fn letter(
    event: &CloudEvent,
    booking: &BookingChanged,
    to: Person,
    word: Word,
    calendar: Calendar,
    writer: &Writer,
) -> Result<Letter, TextError> {
    let language = writer.house.language;
    let zone: Tz = booking.timezone.parse().unwrap_or(writer.house.timezone);
    let mut facts = Facts::new(&event.data, language, zone);
    facts.set("link", Value::Null);
    let to = Destination::Email {
        address: to.email,
        name: Some(to.name),
        calendar: Some(calendar),
        unsubscribe: None,
        one_click: None,
    };
    Ok(Letter {
        key: Letter::key(&format!("{}|{}", event.id, word.name()), &to),
        at: event.time,
        useful_until: booking.slot.end.max(event.time) + USEFUL,
        person: None,
        category: CATEGORY.to_owned(),
        text: word.name().to_owned(),
        language,
        event: event.id.to_string(),
        to,
        subject: writer.texts.part(word.name(), "subject", &facts)?,
        body: writer.texts.part(word.name(), "email", &facts)?,
    })
}

/// Who hears what. Of what was never certain nobody has heard yet.
fn words<'a>(kind: &str, booking: &'a BookingChanged) -> Vec<(&'a [Invited], Word)> {
    let was_certain = matches!(booking.was.as_deref(), Some("booked" | "arrived"));
    match kind {
        CONFIRMED | ACCEPTED => vec![(booking.guests.as_slice(), Word::Invited)],
        CHANGED if was_certain => {
            vec![(booking.uninvited.as_slice(), Word::Uninvited), (booking.guests.as_slice(), Word::Changed)]
        }
        CANCELLED | RELEASED if was_certain => vec![(booking.guests.as_slice(), Word::Cancelled)],
        _ => Vec::new(),
    }
}

fn person(guest: &Invited) -> Option<Person> {
    Some(Person { name: guest.name.clone(), email: guest.email.clone()? })
}

fn invitation(booking: &BookingChanged, from: &str, to: Person, at: DateTime<Utc>) -> Invitation {
    Invitation {
        booking: booking.booking.clone(),
        version: booking.version,
        // The times of an event are those of a booking, which has a beginning before its end.
        slot: Slot { start: booking.slot.start, end: booking.slot.end },
        title: booking.title.clone(),
        location: booking.location.clone(),
        from: Some(from.to_owned()),
        guests: vec![to],
        at,
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::dynamodb::Event;
    use parvis_kit::event_store;
    use parvis_notices::compose::House;
    use parvis_notices::token::LinkKey;
    use parvis_notices::{Catalog, Language, Texts};
    use serde_json::json;

    use super::*;

    fn writer() -> Writer {
        let links = LinkKey::new("0123456789abcdef").unwrap();
        let house = House { language: Language::French, timezone: Tz::UTC, web_url: None, api_url: None, links };
        Writer { catalog: Catalog::load().unwrap(), texts: Texts::load().unwrap(), house }
    }

    fn confirmed() -> CloudEvent {
        let sample: Event =
            serde_json::from_str(include_str!("../../../events/notify/booking-confirmed.json")).unwrap();
        event_store::from_image(sample.records[0].change.new_image.clone()).unwrap()
    }

    fn sent(event: &CloudEvent) -> Vec<Letter> {
        letters(event, "noreply@parvis.example", &writer()).unwrap()
    }

    fn calendar(letter: &Letter) -> &Calendar {
        let Destination::Email { calendar: Some(calendar), .. } = &letter.to else { panic!("{letter:?}") };
        calendar
    }

    #[test]
    fn a_guest_with_an_address_is_invited_in_words_and_for_the_calendar() {
        let sent = sent(&confirmed());
        assert_eq!(sent.len(), 1, "the other guest has no address");
        let Letter { to, subject, body, .. } = &sent[0];
        assert_eq!(to.address(), "elise.moreau@example.org");
        assert_eq!(subject, "Invitation : Point projet, 13/07/2026 à 10:00");
        assert!(body.contains("13/07/2026 de 10:00 à 11:00 (Europe/Paris)") && body.contains("Salle Arago"), "{body}");
        // Long lines are folded (RFC 5545, section 3.1).
        let calendar = calendar(&sent[0]).text.replace("\r\n ", "");
        for line in ["METHOD:REQUEST", "SEQUENCE:0", "mailto:elise.moreau@example.org", "mailto:noreply@parvis.example"]
        {
            assert!(calendar.contains(line), "{line} is not in {calendar}");
        }
    }

    #[test]
    fn guests_hear_of_what_was_certain_only() {
        let methods = |kind: &str, was: Option<&str>| -> Vec<String> {
            let mut event = confirmed();
            event.kind = kind.to_owned();
            event.data["was"] = json!(was);
            event.data["uninvited"] = json!([{ "name": "Cléo", "email": "cleo@example.org" }]);
            sent(&event).iter().map(|letter| calendar(letter).method.clone()).collect()
        };
        assert_eq!(methods(CONFIRMED, Some("held")), ["REQUEST"]);
        assert_eq!(methods(CHANGED, Some("booked")), ["CANCEL", "REQUEST"], "who is left out, who stays");
        assert_eq!(methods(CANCELLED, Some("booked")), ["CANCEL"]);
        assert_eq!(methods(CANCELLED, Some("held")), [""; 0]);
        assert_eq!(methods(CHANGED, Some("waitlist")), [""; 0]);
        assert_eq!(methods("parvis.booking.held", None), [""; 0]);
    }
}
