//! `parvis backtest`: what forecasts of a CSV file would have been worth.
//!
//! [`Arguments`] is the command line, [`Arguments::run`] does it all. Reading ([`file`]), testing ([`run`]), the table
//! ([`table`]) and the HTML report ([`report`]) can be used one by one.

mod arguments;
pub mod file;
pub mod report;
pub mod run;
pub mod table;
mod time;

pub use arguments::{Arguments, Length};
