//! Rights to park, and which of them covers a vehicle. Pure: time is passed in, and plates are hashes.

mod booking;
mod coverage;
mod permit;
mod right;
mod series;
mod session;

pub use booking::{BookingFacts, RightChange, SpaceBooking};
pub use coverage::{Coverage, Covered, coverage};
pub use permit::{Activation, Permit, PermitError};
pub use right::{AssignedRight, PermitKind, RightKind, Segment, Space, Where};
pub use series::{Replacement, SeriesError, SeriesId, SeriesRegister};
pub use session::{Command, Session, SessionRefusal, SessionSegment, SessionSource, SessionState};
