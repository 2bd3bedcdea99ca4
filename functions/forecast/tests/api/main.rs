//! The API as its clients see it: HTTP events in, answers out, over a DynamoDB in the process and forecasts that were really made.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod backtests;
mod demand;
mod documents;
mod maintenance;
mod parking;
mod series;
mod support;
