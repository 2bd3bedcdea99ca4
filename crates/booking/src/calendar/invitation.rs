//! Invitations, of which there is one for each booking however it gets to somebody: by mail or as a file.
//!
//! RFC 5546, section 3.2: a REQUEST has one organizer, the same over all changes, and somebody to ask; a CANCEL has a SEQUENCE
//! that is higher than that of the REQUEST before, and a STATUS only when it ends the event for everybody. Without an organizer to
//! answer to, or anybody to ask, the event is only told (PUBLISH).

use chrono::{DateTime, Utc};

use super::export::{Entry, Method, Person, uid, write};
use crate::Slot;

/// What the house is called where it invites.
const HOUSE: &str = "Parvis";

/// What is said of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Come; `certain` once it is not only held or asked for.
    Come {
        /// Whether it is booked.
        certain: bool,
    },
    /// Nobody is to come.
    Off,
    /// These guests are not to come; the others are.
    Uninvited,
}

/// The invitation to a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Id of the booking.
    pub booking: String,
    /// Its version.
    pub version: i32,
    /// When.
    pub slot: Slot,
    /// What it is about.
    pub title: String,
    /// Where to go.
    pub location: Option<String>,
    /// Address of the house, from which invitations come and to which answers go.
    pub from: Option<String>,
    /// Who is invited, or no longer.
    pub guests: Vec<Person>,
    /// When the booking became what is said here.
    pub at: DateTime<Utc>,
}

impl Invitation {
    /// The iCalendar object that says `word`, and its method.
    #[must_use]
    pub fn say(self, word: Word) -> (Method, String) {
        let asks = self.from.is_some() && !self.guests.is_empty();
        let method = match word {
            _ if !asks => Method::Publish,
            Word::Come { .. } => Method::Request,
            Word::Off | Word::Uninvited => Method::Cancel,
        };
        let entry = Entry {
            uid: uid(&self.booking),
            sequence: self.version,
            slot: self.slot,
            summary: self.title,
            description: None,
            location: self.location,
            tentative: word == Word::Come { certain: false },
            cancelled: word == Word::Off,
            organizer: self.from.map(|email| Person { name: HOUSE.to_owned(), email }),
            guests: if asks { self.guests } else { Vec::new() },
            modified_at: self.at,
        };
        (method, write(HOUSE, method, &[entry]))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn invitation() -> Invitation {
        let start: DateTime<Utc> = "2026-07-13T08:00:00Z".parse().unwrap();
        Invitation {
            booking: "0190b1a2".to_owned(),
            version: 3,
            slot: Slot::lasting(start, TimeDelta::minutes(90)),
            title: "Revue".to_owned(),
            location: Some("Arago, HQ".to_owned()),
            from: Some("bookings@example.org".to_owned()),
            guests: vec![Person { name: "Élise Martin".to_owned(), email: "elise@example.org".to_owned() }],
            at: start - TimeDelta::days(1),
        }
    }

    fn said(invitation: Invitation, word: Word) -> Vec<String> {
        let (_, text) = invitation.say(word);
        let unfolded = text.replace("\r\n ", "");
        let kept = ["METHOD", "ORGANIZER", "ATTENDEE", "STATUS", "SEQUENCE", "UID"];
        let lines = unfolded.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn what_is_said_follows_the_standard() {
        let organizer = "ORGANIZER;CN=Parvis:mailto:bookings@example.org";
        let (sequence, uid) = ("SEQUENCE:3", "UID:0190b1a2@bookings.parvis.dev");
        let asked =
            "ATTENDEE;CN=Élise Martin;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:elise@example.org";
        let come = said(invitation(), Word::Come { certain: true });
        assert_eq!(come, ["METHOD:REQUEST", organizer, sequence, "STATUS:CONFIRMED", uid, asked]);
        assert!(said(invitation(), Word::Come { certain: false }).contains(&"STATUS:TENTATIVE".to_owned()));
        let named = "ATTENDEE;CN=Élise Martin;ROLE=REQ-PARTICIPANT:mailto:elise@example.org";
        let off = said(invitation(), Word::Off);
        assert_eq!(off, ["METHOD:CANCEL", organizer, sequence, "STATUS:CANCELLED", uid, named]);
        let uninvited = said(invitation(), Word::Uninvited);
        assert_eq!(uninvited, ["METHOD:CANCEL", organizer, sequence, uid, named], "the event goes on without them");
    }

    #[test]
    fn without_anybody_to_ask_or_to_answer_to_it_is_only_told() {
        let alone = Invitation { guests: Vec::new(), ..invitation() };
        let (method, _) = alone.clone().say(Word::Come { certain: true });
        assert_eq!(method, Method::Publish);
        assert!(said(alone, Word::Off).contains(&"STATUS:CANCELLED".to_owned()));
        let nobody = said(Invitation { from: None, ..invitation() }, Word::Come { certain: true });
        assert_eq!(nobody[0], "METHOD:PUBLISH");
        assert!(!nobody.iter().any(|line| line.contains("mailto")), "{nobody:?}");
    }
}
