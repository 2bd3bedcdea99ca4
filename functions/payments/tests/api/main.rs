//! The API as its clients see it: HTTP events in, answers out, over a DynamoDB in the process and a payment provider that
//! speaks HTTP.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod bookings;
mod comparison;
mod demand;
mod documents;
mod events;
mod extend;
mod operators;
mod outages;
mod permits;
mod personal;
mod quotes;
mod refunds;
mod rivals;
mod start;
mod stop;
mod support;
mod tariffs;
mod wallet;
mod webhooks;
