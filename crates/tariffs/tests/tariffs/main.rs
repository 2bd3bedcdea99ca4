//! The rules of tariffs, from files to prices: one binary, so that the books are read once.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;
mod problems;
mod properties;
mod quotes;
mod sessions;
