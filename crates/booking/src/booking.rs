//! A booking with its people, places and money.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use parvis_money::{Currency, Money};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::life::State;
use crate::resource::Item;
use crate::{ResourceId, SiteId, Slot};

/// Somebody who is invited.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// For people.
    pub name: String,
    /// Where the invitation goes.
    #[serde(default)]
    pub email: Option<String>,
}

impl Guest {
    /// Whether the name and the address can be used; the address is checked for shape only, the invitation proves it.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let shaped = |email: &String| {
            let plain =
                !email.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';'));
            let parts = email.split_once('@');
            plain && email.len() <= 254 && parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        };
        let named = !self.name.trim().is_empty() && self.name.len() <= 200 && !self.name.chars().any(char::is_control);
        named && self.email.as_ref().is_none_or(shaped)
    }
}

/// How a booking is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PayWith {
    /// With money, on the spot.
    #[default]
    Money,
    /// With credits bought before.
    Credits,
}

/// What a booking costs its owner, as promised by its quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Charge {
    /// How it is paid.
    pub pay_with: PayWith,
    /// The price, VAT included.
    pub total: Money,
    /// The VAT in it.
    pub vat: Money,
    /// Comes back when all is well.
    pub deposit: Money,
    /// Credits taken instead of money.
    pub credits: u32,
    /// Minutes taken from the subscription.
    pub included_minutes: u32,
}

impl Charge {
    /// Free of charge.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            pay_with: PayWith::Money,
            total: Money::zero(Currency::Eur),
            vat: Money::zero(Currency::Eur),
            deposit: Money::zero(Currency::Eur),
            credits: 0,
            included_minutes: 0,
        }
    }
}

/// A wish that can become a booking: for how many, when and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Wish {
    /// What is wanted, all or nothing.
    pub items: Vec<Item>,
    /// When.
    pub slot: Slot,
    /// People who come, the owner included.
    pub participants: u32,
}

/// A place kept for somebody until a deadline: a hold, or an offer from the waitlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hold {
    /// The booking that it can become.
    pub booking: Uuid,
    /// When it lapses.
    pub expires_at: DateTime<Utc>,
}

/// A turn in a waitlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WaitlistEntry {
    /// The booking that waits.
    pub booking: Uuid,
    /// 1 is next, among those who wait for one of the same places at an overlapping time.
    pub position: u32,
    /// How many wait there.
    pub waiting: u32,
}

/// Somebody said that they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckIn {
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the code on the door was read.
    pub by_code: bool,
}

/// A booking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// Its id.
    pub id: Uuid,
    /// Where it is in its life.
    pub state: State,
    /// Whose it is: the subject of the login.
    pub owner: String,
    /// Where it is.
    pub site: SiteId,
    /// The site's clocks.
    pub zone: Tz,
    /// What was wished.
    pub items: Vec<Item>,
    /// What was given; as many as items, unless it waits.
    pub resources: Vec<ResourceId>,
    /// When.
    pub slot: Slot,
    /// What it is about.
    pub title: String,
    /// People who come, the owner included.
    pub participants: u32,
    /// Who is invited.
    pub guests: Vec<Guest>,
    /// What it costs.
    pub charge: Charge,
    /// Until when it is held.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who has arrived, and when.
    pub check_in: Option<CheckIn>,
    /// The series that it belongs to.
    pub series: Option<Uuid>,
    /// The local start that the series gave it, whatever it was moved to.
    pub occurrence: Option<NaiveDateTime>,
    /// Counts its changes; the SEQUENCE of invitations.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub modified_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_cannot_smuggle_headers_into_an_invitation() {
        let guest = |name: &str, email: &str| Guest { name: name.to_owned(), email: Some(email.to_owned()) };
        assert!(guest("Élise Martin", "elise@example.org").is_valid());
        assert!(!guest("Élise", "elise@example.org\r\nBcc: all@example.org").is_valid());
        assert!(!guest("a\nATTENDEE:x", "a@example.org").is_valid());
        assert!(!guest("a", "nobody").is_valid());
    }
}
