//! The calls.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parvis_money::Money;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::StripeError;
use crate::intent::{Intent, Page, Refund};

/// The version of the API that this client is written for.
const VERSION: &str = "2024-06-20";
/// Longest wait for one call: an invocation has 30 s, and makes several.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Waits before a request is sent again that is under way under the same key.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(900)];

/// An intent to be made.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Under the same key the same intent is made once.
    pub key: &'a str,
    /// How much.
    pub amount: Money,
    /// A payment method that the provider's form has made; without one the payer's browser brings it.
    pub method: Option<&'a str>,
    /// What a person reads at the provider; no personal data.
    pub description: &'a str,
    /// Kept with the intent; no personal data.
    pub metadata: &'a [(&'a str, String)],
}

/// A refund to be made.
#[derive(Debug, Clone)]
pub struct RefundOrder<'a> {
    /// Under the same key the same refund is made once.
    pub key: &'a str,
    /// The intent to be paid back.
    pub intent: &'a str,
    /// How much of it.
    pub amount: Money,
    /// Kept with the refund.
    pub metadata: &'a [(&'a str, String)],
}

/// A client of one Stripe account; cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    http: reqwest::Client,
    base: String,
    secret: String,
}

impl fmt::Debug for Stripe {
    /// Without the secret key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stripe").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Stripe {
    /// A client of the account of the secret key (`sk_...`) at `base` (`https://api.stripe.com`).
    ///
    /// # Errors
    /// When no TLS provider is there.
    pub fn new(base: &str, secret: impl Into<String>) -> Result<Self, StripeError> {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(2)).build();
        Ok(Self::over(http.map_err(StripeError::Unreached)?, base, secret))
    }

    /// The same over a client that is there: making one reads the system's certificates.
    #[must_use]
    pub fn over(http: reqwest::Client, base: &str, secret: impl Into<String>) -> Self {
        Self { http, base: base.trim_end_matches('/').to_owned(), secret: secret.into() }
    }

    /// Makes an intent; it is not paid by this.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn create_intent(&self, order: &Order<'_>) -> Result<Intent, StripeError> {
        let mut form = vec![
            ("amount".to_owned(), order.amount.cents.to_string()),
            ("currency".to_owned(), order.amount.currency.code().to_ascii_lowercase()),
            ("payment_method_types[0]".to_owned(), "card".to_owned()),
        ];
        if let Some(method) = order.method {
            form.push(("payment_method".to_owned(), method.to_owned()));
        }
        form.extend(fields(order.metadata));
        if !order.description.is_empty() {
            form.push(("metadata[description]".to_owned(), order.description.to_owned()));
        }
        self.send(self.post("/v1/payment_intents", order.key).form(&form)).await
    }

    /// Confirms an intent: the payment is tried.
    ///
    /// # Errors
    /// [`StripeError::Declined`] when the bank says no; others.
    pub async fn confirm_intent(&self, id: &str, key: &str) -> Result<Intent, StripeError> {
        self.send(self.post(&format!("/v1/payment_intents/{id}/confirm"), key)).await
    }

    /// An intent as it is now.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.send(self.get(&format!("/v1/payment_intents/{id}"))).await
    }

    /// Cancels an intent, unless it is paid: then, and always, the answer is how it stands.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn cancel_intent(&self, id: &str, key: &str) -> Result<Intent, StripeError> {
        match self.send(self.post(&format!("/v1/payment_intents/{id}/cancel"), key)).await {
            // Refused because it is paid, under way, or cancelled already.
            Err(StripeError::Refused { .. }) => self.intent(id).await,
            other => other,
        }
    }

    /// Intents made at or after `since`, the newest first, those after the one named `after`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn intents_since(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<Intent>, StripeError> {
        self.list("/v1/payment_intents", since, after).await
    }

    /// Refunds made at or after `since`, the newest first, those after the one named `after`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn refunds_since(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Page<Refund>, StripeError> {
        self.list("/v1/refunds", since, after).await
    }

    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        since: DateTime<Utc>,
        after: Option<&str>,
    ) -> Result<Page<T>, StripeError> {
        let mut query = vec![("created[gte]", since.timestamp().to_string()), ("limit", "100".to_owned())];
        query.extend(after.map(|after| ("starting_after", after.to_owned())));
        self.send(self.get(path).query(&query)).await
    }

    /// Pays back a part of an intent.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn refund(&self, order: &RefundOrder<'_>) -> Result<Refund, StripeError> {
        let mut form = vec![
            ("payment_intent".to_owned(), order.intent.to_owned()),
            ("amount".to_owned(), order.amount.cents.to_string()),
        ];
        form.extend(fields(order.metadata));
        self.send(self.post("/v1/refunds", order.key).form(&form)).await
    }

    /// The refunds of an intent. A session has few segments, so one page holds them all.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn refunds(&self, intent: &str) -> Result<Vec<Refund>, StripeError> {
        let query = [("payment_intent", intent), ("limit", "100")];
        let page: Page<Refund> = self.send(self.get("/v1/refunds").query(&query)).await?;
        Ok(page.data)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.prepared(self.http.get(format!("{}{path}", self.base)))
    }

    fn post(&self, path: &str, key: &str) -> RequestBuilder {
        // A form, though it be empty: the API reads nothing else.
        let empty: BTreeMap<&str, &str> = BTreeMap::new();
        self.prepared(self.http.post(format!("{}{path}", self.base)).form(&empty)).header("idempotency-key", key)
    }

    fn prepared(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.secret).header("stripe-version", VERSION).timeout(TIMEOUT)
    }

    /// Sends a request; again after a moment if the same request is under way, as when a button is pressed twice.
    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, StripeError> {
        for pause in PAUSES {
            let Some(again) = request.try_clone() else { break };
            match Self::send_once(again).await {
                Err(StripeError::Unavailable(StatusCode::CONFLICT)) => tokio::time::sleep(pause).await,
                other => return other,
            }
        }
        Self::send_once(request).await
    }

    async fn send_once<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, StripeError> {
        let response = request.send().await.map_err(StripeError::Unreached)?;
        let status = response.status();
        let body = response.bytes().await.map_err(StripeError::Unreached)?;
        if !status.is_success() {
            return Err(StripeError::of(status, &body));
        }
        serde_json::from_slice(&body).map_err(StripeError::Unreadable)
    }
}

fn fields<'a>(metadata: &'a [(&'a str, String)]) -> impl Iterator<Item = (String, String)> + 'a {
    metadata.iter().map(|(name, value)| (format!("metadata[{name}]"), value.clone()))
}
