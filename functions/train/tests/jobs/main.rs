//! Jobs over a real PostgreSQL and a DynamoDB in the process.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod backtests;
mod coworking;
mod single;
mod support;
mod upkeep;
