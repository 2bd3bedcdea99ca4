//! iCalendar (RFC 5545, RFC 5546): feeds and invitations out, busy times in.

mod export;
mod import;
mod invitation;

pub use export::{Entry, Method, Person, uid, write};
pub use import::{BusyTime, ImportError, read_busy};
pub use invitation::{Invitation, Word};
