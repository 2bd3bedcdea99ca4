//! The API as its clients see it: HTTP events in, answers out, over a DynamoDB in the process.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod alerts;
mod devices;
mod documents;
mod mine;
mod sns;
mod staff;
mod support;
mod webhooks;
