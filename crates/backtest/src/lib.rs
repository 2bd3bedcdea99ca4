//! `parvis backtest`: what forecasts of a CSV file would have been worth; without the feature `cli`, the tests alone.
//!
//! [`Arguments`] is the command line, [`Arguments::run`] does it all. Reading ([`file`]), testing ([`run`]), the table
//! ([`table`]) and the HTML report ([`report`]) can be used one by one.

#[cfg(feature = "cli")]
mod arguments;
#[cfg(feature = "cli")]
pub mod file;
#[cfg(feature = "cli")]
pub mod report;
pub mod run;
#[cfg(feature = "cli")]
pub mod table;
#[cfg(feature = "cli")]
mod time;

#[cfg(feature = "cli")]
pub use arguments::{Arguments, Length};
