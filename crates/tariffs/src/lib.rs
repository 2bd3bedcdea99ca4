//! Parking tariffs: dated rate tables, quotes, extensions, refunds and the FPS. Pure: time is passed in.
//!
//! A tariff book is a readable file ([`TariffBook`], TOML). [`read_book`] checks it and reports every [`Problem`] with
//! its place; [`Tariffs`] is the checked book, ready to calculate. [`Tariffs::quote`] answers what an interval costs,
//! with lines that say why, or a typed [`Refusal`]. Terms are those of APDS (ISO TS 5206-1).
//!
//! # How a stay is charged
//!
//! 1. Chargeable time is the time of the stay inside the operating hours, in real seconds: a day of 25 hours has 25.
//! 2. Chargeable time is rounded up to the billing unit, as far as the hours go on without a pause.
//! 3. Its position within the stay selects the rate lines (tiers), across nights and changes of tariff.
//! 4. Modifiers, expected demand, daily cap, stay cap, minimum and the coin follow in this order, in exact fractions of a
//!    cent until the last step.
//!
//! Free minutes, unit, minimum, coin, extension, refund and no-return rule are those of the tariff at the start of the
//! stay; prices, modifiers, bounds of demand, caps and maximum stay are those of the tariff in force at each moment. Which
//! demand is expected is asked once, for the beginning of the stay.

pub mod book;
mod clock;
mod curve;
mod days;
mod demand;
mod engine;
mod exact;
mod explain;
mod file;
pub mod fps;
mod holder;
mod holidays;
mod points;
pub mod problem;
pub mod quote;
pub mod refusal;
mod schedule;
pub mod session;
mod tariffs;
mod validate;

pub use book::TariffBook;
pub use clock::{ClockTime, Length};
pub use days::{DayKind, DaySet};
pub use demand::ExpectedDemand;
pub use file::{read_book, read_rules};
pub use holder::{CritAir, Eligibility, Holder, Qualification, VehicleClass};
pub use holidays::{Holiday, HolidayRule, easter};
pub use points::PricePoint;
pub use problem::{Location, Problem, Severity};
pub use quote::{Quote, QuoteLine, QuoteRequest};
pub use refusal::{QuoteError, Refusal, RefusalReason};
pub use session::{PaidSegment, PaidSession};
pub use tariffs::Tariffs;
