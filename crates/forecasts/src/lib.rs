//! Observations, models and forecasts of series in DynamoDB.
//!
//! Reads must be quick and must not wake the database of the history, so everything that a reader or a trainer needs lies
//! here, packed: one item per day of observations, one for the model, one for the forecast.
//!
//! | module | |
//! |---|---|
//! | [`subject`] | what is forecast: a place, a zone, bookings of a site, a series that is fed over HTTP |
//! | [`job`] | what the planner asks of the trainer |
//! | [`records`] | what is kept |
//! | [`days`] | a day of observations |
//! | [`demand`] | what prices go by |
//! | [`upkeep`] | what is likely to fail, and work orders |
//! | [`store`] | the table |

pub mod days;
pub mod demand;
pub mod job;
mod observed;
mod packed;
pub mod records;
pub mod store;
pub mod subject;
pub mod upkeep;
mod warnings;

pub use days::Day;
pub use job::{Area, Asked, Inspection, Job, Message, Survey, Target, Task, Trial};
pub use packed::PackedError;
pub use records::{
    Definition, Entry, Issued, Known, Outcome, Outlook, Scored, ScoredPoint, StoredBacktest, StoredModel, Tested,
    Tried, Warning,
};
pub use store::{ForecastStore, StoreError};
pub use subject::{InvalidSubject, Measure, Subject};
pub use upkeep::{Batteries, PastLife, StoredOrder, Thing, Watched};
