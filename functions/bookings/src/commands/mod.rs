//! The writes on bookings. Each is a [`crate::store::tx::Command`]: it looks, then acts in one transaction.

mod act;
mod allocate;
mod book;
mod change;
mod member;
mod money;
mod offer;
mod promise;
mod series;
mod series_change;

pub use act::Act;
pub use book::Book;
pub use change::Change;
pub use member::{SetMember, SetMembers};
pub use promise::{PromiseAsk, promise};
pub use series::{BookSeries, Mode, SeriesAnswer};
pub use series_change::{CancelSeries, ChangeSeries};
