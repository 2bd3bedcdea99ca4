//! A thin client of the Stripe API: PaymentIntents, refunds, signed webhooks.
//!
//! Card data never comes here: intents carry the id of a payment method that the provider's own form has made.

mod client;
mod error;
mod intent;
pub mod webhook;

pub use client::{Order, RefundOrder, Stripe};
pub use error::StripeError;
pub use intent::{Intent, IntentStatus, Page, PaymentError, Refund, RefundStatus, least_charge};
