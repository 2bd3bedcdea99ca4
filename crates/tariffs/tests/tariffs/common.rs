//! What the tests of this crate share.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use parvis_tariffs::{Holder, Qualification, Tariffs, VehicleClass, read_book};

pub const PARIS: &str = include_str!("../../files/paris.toml");
pub const EVERY_RULE: &str = include_str!("rules.toml");

/// The book of the file, which must be sound.
pub fn book(text: &str) -> Tariffs {
    read_book(text).map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap().0
}

/// Reading a book takes longer than asking it: each is read once.
pub fn paris() -> &'static Tariffs {
    static BOOK: LazyLock<Tariffs> = LazyLock::new(|| book(PARIS));
    &BOOK
}

pub fn every_rule() -> &'static Tariffs {
    static BOOK: LazyLock<Tariffs> = LazyLock::new(|| book(EVERY_RULE));
    &BOOK
}

/// An instant with its offset, `2026-03-02T10:00+01:00`.
pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z").unwrap().to_utc()
}

pub fn car() -> Holder {
    Holder::visitor(VehicleClass::Car)
}

pub fn with(qualification: Qualification) -> Holder {
    Holder { qualification, ..car() }
}
