//! Bookings: what happens in the life of one, and in the waitlist.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the types of events about bookings start with.
pub const PREFIX: &str = "parvis.booking.";
/// What the types of events about the waitlist start with.
pub const WAITLIST_PREFIX: &str = "parvis.waitlist.";

/// A place is kept for somebody who has not decided yet.
pub const HELD: &str = "parvis.booking.held";
/// A booking waits for approval.
pub const REQUESTED: &str = "parvis.booking.requested";
/// A booking is certain.
pub const CONFIRMED: &str = "parvis.booking.confirmed";
/// Other times, places or people.
pub const CHANGED: &str = "parvis.booking.changed";
/// Given up, or not approved.
pub const CANCELLED: &str = "parvis.booking.cancelled";
/// Somebody is there.
pub const CHECKED_IN: &str = "parvis.booking.checked_in";
/// Nobody came.
pub const NO_SHOW: &str = "parvis.booking.no_show";
/// A place is given back by the clock or a sensor.
pub const RELEASED: &str = "parvis.booking.released";
/// It is over.
pub const FULFILLED: &str = "parvis.booking.fulfilled";
/// Somebody waits.
pub const JOINED: &str = "parvis.waitlist.joined";
/// Somebody who waits is offered a place until `expires_at`.
pub const OFFERED: &str = "parvis.waitlist.offered";
/// The offer is taken.
pub const ACCEPTED: &str = "parvis.waitlist.accepted";
/// The offer has lapsed, or the wait was in vain.
pub const EXPIRED: &str = "parvis.waitlist.expired";

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First instant.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
}

/// Somebody who is invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// For people.
    pub name: String,
    /// Where the invitation goes.
    pub email: Option<String>,
}

/// A parking space, as the parking context knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedSpace {
    /// Its zone.
    pub zone: String,
    /// Its number in the zone.
    pub space: u32,
}

/// Facts of an event about a booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingChanged {
    /// The booking.
    pub booking: String,
    /// Its state after the event.
    pub state: String,
    /// Its state before; absent when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Whose it is: the subject of the login.
    pub owner: String,
    /// Where.
    pub site: String,
    /// The site's time zone (IANA name).
    pub timezone: String,
    /// What was given; empty while it waits.
    pub resources: Vec<String>,
    /// The parking spaces among them; none of those that the parking context does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spaces: Vec<BookedSpace>,
    /// Names of the places and of the site, for people; told only to those who have guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// When.
    pub slot: Span,
    /// When it was before a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
    /// What it is about.
    pub title: String,
    /// Who is invited.
    #[serde(default)]
    pub guests: Vec<Invited>,
    /// Who is not invited any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uninvited: Vec<Invited>,
    /// Deadline of a hold or offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// From when on one can check in; absent where nobody has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_in_opens_at: Option<DateTime<Utc>>,
    /// The series that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Counts its changes.
    pub version: i32,
}

/// The subject of events about a booking.
#[must_use]
pub fn booking_subject(booking: &str) -> String {
    format!("booking/{booking}")
}
