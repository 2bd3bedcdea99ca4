//! The API as its clients see it: HTTP events in, answers out, over a real PostgreSQL and a DynamoDB in the process.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod admin;
mod alerts;
mod documents;
mod events;
mod export;
mod findings;
mod history;
mod import;
mod interfaces;
mod outage;
mod queries;
mod reads;
mod samples;
mod statistics;
mod support;
