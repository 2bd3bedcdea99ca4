//! PaymentIntents and refunds, with the fields that we read.

use std::collections::BTreeMap;

use parvis_money::{Currency, Money};
use serde::{Deserialize, Serialize};

/// The least that Stripe charges (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>). For a currency without
/// a least of its own, what it takes half a euro for.
#[must_use]
pub fn least_charge(currency: Currency) -> Money {
    let cents = match currency {
        Currency::Eur | Currency::Usd | Currency::Chf | Currency::Cad => 50,
        Currency::Gbp => 30,
        // Bound to the euro: 1000 F are 8.38 EUR.
        Currency::Xpf => 60,
    };
    Money::new(cents, currency)
}

/// Where an intent is in its life (<https://docs.stripe.com/payments/paymentintents/lifecycle>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// No payment method yet, or the last one was declined.
    RequiresPaymentMethod,
    /// Ready to be confirmed.
    RequiresConfirmation,
    /// The payer must do something, such as strong authentication.
    RequiresAction,
    /// Under way at the bank.
    Processing,
    /// Authorised and not captured; we never ask for that.
    RequiresCapture,
    /// Paid.
    Succeeded,
    /// Cancelled: it can never be paid any more.
    Canceled,
}

/// Why the last attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PaymentError {
    /// Stripe's code.
    #[serde(default)]
    pub code: Option<String>,
    /// The bank's code.
    #[serde(default)]
    pub decline_code: Option<String>,
}

/// A PaymentIntent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its id (`pi_...`).
    pub id: String,
    /// How much, in minor units.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Where it is in its life.
    pub status: IntentStatus,
    /// With what the payer's browser may confirm it.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Ours.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Why the last attempt failed.
    #[serde(default)]
    pub last_payment_error: Option<PaymentError>,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub created: i64,
}

impl Intent {
    /// The code of the last failure.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        let error = self.last_payment_error.as_ref()?;
        error.decline_code.as_deref().or(error.code.as_deref())
    }
}

/// Where a refund is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Accepted and on its way.
    Pending,
    /// The payer must do something.
    RequiresAction,
    /// Done.
    Succeeded,
    /// The bank sent it back.
    Failed,
    /// Withdrawn.
    Canceled,
}

impl RefundStatus {
    /// Whether money has gone back, or is on its way.
    #[must_use]
    pub fn moves_money(self) -> bool {
        !matches!(self, Self::Failed | Self::Canceled)
    }
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id (`re_...`).
    pub id: String,
    /// How much, in minor units.
    pub amount: i64,
    /// Where it is in its life.
    pub status: RefundStatus,
    /// The intent that it pays back.
    #[serde(default)]
    pub payment_intent: Option<String>,
    /// Ours.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub created: i64,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// What is on it.
    pub data: Vec<T>,
    /// Whether there are more.
    #[serde(default)]
    pub has_more: bool,
}
