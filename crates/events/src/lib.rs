//! The CloudEvents envelope that contexts exchange and the event types known so far.
//!
//! An event lives in two shapes: [`CloudEvent`], the CloudEvents 1.0 JSON that readers outside see, and [`StoredEvent`],
//! the item of the events table from whose stream every reader inside is fed. The library knows neither AWS nor HTTP.

pub mod alert;
pub mod booking;
mod envelope;
mod id;
pub mod parking_permit;
pub mod parking_session;
pub mod pass;
pub mod sensor;
mod stored;

pub use envelope::{CloudEvent, place_subject};
pub use id::{EventId, Position};
pub use stored::{BadEvent, StoredEvent};
