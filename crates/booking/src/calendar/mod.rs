//! iCalendar (RFC 5545, RFC 5546): feeds and invitations out, busy times in.

mod export;
mod import;

pub use export::{Entry, Method, Person, write};
pub use import::{BusyTime, ImportError, read_busy};
