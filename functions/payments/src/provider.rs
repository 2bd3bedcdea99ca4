//! The payment provider behind a narrow port.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parvis_money::{Currency, Money};
use parvis_stripe::{Intent, IntentStatus, Order, Page, Refund, RefundOrder, Stripe, StripeError};
use uuid::Uuid;

/// Metadata under which the provider keeps our session's id.
pub const SESSION: &str = "parvis_session";
/// Metadata under which the provider keeps the id of our charge, or the key of our refund.
pub const REFERENCE: &str = "parvis_reference";

/// A payment to be prepared.
#[derive(Debug, Clone)]
pub struct Payment<'a> {
    /// The session that it is for.
    pub session: Uuid,
    /// Our charge: under the same id the same payment is made once.
    pub charge: Uuid,
    /// How much.
    pub amount: Money,
    /// The payer's payment method, if it is known.
    pub method: Option<&'a str>,
}

/// Money to be given back.
#[derive(Debug, Clone)]
pub struct Repayment<'a> {
    /// The session that it is for.
    pub session: Uuid,
    /// The present attempt of our refund: under the same key the same money goes back once.
    pub key: Uuid,
    /// The provider's intent.
    pub intent: &'a str,
    /// How much.
    pub amount: Money,
}

/// What parking needs of a payment provider. Every call may be repeated: what was done is not done again.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// The least that it takes in a currency.
    fn least(&self, currency: Currency) -> Money;
    /// Prepares a payment. No money moves.
    async fn prepare(&self, payment: &Payment<'_>) -> Result<Intent, StripeError>;
    /// Tries to take the money of a prepared payment with its method. A decline is no error: the intent says it.
    async fn confirm(&self, intent: &str, charge: Uuid) -> Result<Intent, StripeError>;
    /// How a payment stands.
    async fn look(&self, intent: &str) -> Result<Intent, StripeError>;
    /// Makes sure that a payment can never be made any more, unless it is made; how it stands then.
    async fn cancel(&self, intent: &str, charge: Uuid) -> Result<Intent, StripeError>;
    /// Gives money back.
    async fn give_back(&self, repayment: &Repayment<'_>) -> Result<Refund, StripeError>;
    /// What was given back of a payment.
    async fn given_back(&self, intent: &str) -> Result<Vec<Refund>, StripeError>;
    /// Payments prepared since an instant, the newest first, from after `after` on.
    async fn since(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<Intent>, StripeError>;
    /// Refunds made since an instant, the newest first, from after `after` on.
    async fn given_back_since(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<Refund>, StripeError>;
}

#[async_trait]
impl Provider for Stripe {
    fn least(&self, currency: Currency) -> Money {
        parvis_stripe::least_charge(currency)
    }

    async fn prepare(&self, payment: &Payment<'_>) -> Result<Intent, StripeError> {
        let metadata = [(SESSION, payment.session.to_string()), (REFERENCE, payment.charge.to_string())];
        let order = Order {
            key: &payment.charge.to_string(),
            amount: payment.amount,
            method: payment.method,
            description: "Stationnement",
            metadata: &metadata,
        };
        self.create_intent(&order).await
    }

    async fn confirm(&self, intent: &str, charge: Uuid) -> Result<Intent, StripeError> {
        match self.confirm_intent(intent, &format!("{charge}-confirm")).await {
            // How it stands is the intent's matter. The code is in the error alone with some versions of the API.
            Err(StripeError::Declined { code }) => {
                let mut intent = self.intent(intent).await?;
                if intent.failure().is_none() {
                    intent.last_payment_error =
                        Some(parvis_stripe::PaymentError { code: Some(code), decline_code: None });
                }
                Ok(intent)
            }
            // It was confirmed before, by us or by the payer's browser.
            Err(StripeError::Refused { .. }) => self.intent(intent).await,
            other => other,
        }
    }

    async fn look(&self, intent: &str) -> Result<Intent, StripeError> {
        self.intent(intent).await
    }

    async fn cancel(&self, intent: &str, charge: Uuid) -> Result<Intent, StripeError> {
        self.cancel_intent(intent, &format!("{charge}-cancel")).await
    }

    async fn give_back(&self, repayment: &Repayment<'_>) -> Result<Refund, StripeError> {
        let metadata = [(SESSION, repayment.session.to_string()), (REFERENCE, repayment.key.to_string())];
        let order = RefundOrder {
            key: &repayment.key.to_string(),
            intent: repayment.intent,
            amount: repayment.amount,
            metadata: &metadata,
        };
        self.refund(&order).await
    }

    async fn given_back(&self, intent: &str) -> Result<Vec<Refund>, StripeError> {
        self.refunds(intent).await
    }

    async fn since(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<Intent>, StripeError> {
        self.intents_since(since, after).await
    }

    async fn given_back_since(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<Refund>, StripeError> {
        self.refunds_since(since, after).await
    }
}

/// Whether a payment still waits for its payer.
#[must_use]
pub fn waits(status: IntentStatus) -> bool {
    matches!(
        status,
        IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation | IntentStatus::RequiresAction
    )
}
