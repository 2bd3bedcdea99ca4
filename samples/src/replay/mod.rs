//! Replays real occupancy files as the counters of their car parks would have sent them.

mod file;
mod run;

pub use file::{CarPark, Columns, OccupancyFile, Reading};
pub use run::{Finding, Options, Speed, Summary, run};
