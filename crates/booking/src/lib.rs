//! The rules of bookings, without AWS, HTTP or SQL. Time and randomness are passed in.
//!
//! | module | for |
//! |---|---|
//! | [`resource`] | what can be booked: rooms, desks, parking spaces, equipment, pools with one resource per seat |
//! | [`booking`] | a booking with its guests, money and place in a waitlist |
//! | [`life`] | the one table of a booking's transitions |
//! | [`policy`] | the rules of a resource as data, and what they refuse |
//! | [`opening`] | opening hours with exceptions and holidays |
//! | [`recurrence`] | series: local start, zone and RRULE, made into instants |
//! | [`pricing`] | prices, quotes that explain themselves and are signed, refunds |
//! | [`suggest`] | the nearest alternatives to a wish that is taken |
//! | [`recommend`] | places and hours from one's own history |
//! | [`sensing`] | what an occupancy sensor says about a booking |
//! | [`calendar`] | iCalendar feeds, invitations and the import of busy times |

pub mod booking;
pub mod calendar;
mod id;
pub mod life;
pub mod opening;
pub mod policy;
pub mod pricing;
pub mod recommend;
pub mod recurrence;
pub mod resource;
pub mod sensing;
mod slot;
pub mod suggest;
mod zone;

pub use id::{InvalidId, PolicyId, PoolId, ResourceId, SiteId};
pub use slot::{EmptySlot, Slot, merged, without};
pub use zone::{local_day, to_utc};
