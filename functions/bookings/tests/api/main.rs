//! The API as its clients see it: HTTP events in, answers out, over a real PostgreSQL and a DynamoDB in the process.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod attendance;
mod availability;
mod booking;
mod calendars;
mod catalog;
mod clock_changes;
mod contention;
mod crash;
mod demand;
mod documents;
mod model;
mod money;
mod outbox;
mod past;
mod samples;
mod series;
mod spaces;
mod support;
mod waitlist;
