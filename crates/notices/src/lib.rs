//! The rules of notifications: what is said to whom, when, how, and in which words. No AWS, no HTTP.
//!
//! | module | for |
//! |---|---|
//! | [`catalog`] | the types of events and what follows from each: their schemas in `events/schemas` say it under `x-notify` |
//! | [`compose`] | an event and a reader become letters |
//! | [`due`] | reminders, and the buckets of minutes in which they wait |
//! | [`texts`], [`sms`] | words, by files in `texts/<language>`; the length of an SMS |
//! | [`person`], [`address`] | preferences, quiet hours, addresses and their codes |
//! | [`letter`], [`limits`] | one message to one address, and how many there may be |
//! | [`watch`] | who wants to hear of a place or of anything else that events are about |
//! | [`webhook`], [`public_web`] | signed deliveries to other systems, and where these may stand |
//! | [`token`] | signed links |
//!
//! A new type of event needs a schema and texts, no code.

pub mod address;
pub mod catalog;
pub mod compose;
pub mod due;
pub mod letter;
pub mod limits;
pub mod person;
pub mod public_web;
pub mod sms;
pub mod span;
pub mod texts;
pub mod token;
pub mod watch;
pub mod webhook;

pub use catalog::{Catalog, Kind};
pub use letter::{Destination, Letter};
pub use person::{Channel, Language, Person, Preferences};
pub use texts::{Message, TextError, Texts};

/// The schemas and texts of the repository, put in by `build.rs`.
mod files {
    include!(concat!(env!("OUT_DIR"), "/files.rs"));

    /// Schemas by type of event.
    pub(crate) fn schemas() -> &'static [(&'static str, &'static str)] {
        SCHEMAS
    }

    /// Texts by `<language>/<text>.<channel>`.
    pub(crate) fn texts() -> &'static [(&'static str, &'static str)] {
        TEXTS
    }
}
