//! What a call ends with when it does not succeed.

use reqwest::StatusCode;
use serde::Deserialize;

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// The provider was not reached, or its answer was cut off: what it did is not known.
    #[error("the payment provider was not reached")]
    Unreached(#[source] reqwest::Error),
    /// The provider has answered with a fault of its own (5xx), wants fewer requests (429), is at the same request right now (409),
    /// or does not take our key (401, 403): what it did is not known, or is nothing that the payer has to do with.
    #[error("the payment provider answered {0}")]
    Unavailable(StatusCode),
    /// The card was declined (402).
    #[error("the card was declined: {code}")]
    Declined {
        /// Stripe's code of the reason, such as `card_declined`.
        code: String,
    },
    /// The request contradicts the state of what it is about, or is malformed (400, 404): trying again changes nothing.
    #[error("the payment provider refused with {status}: {message}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// Stripe's code, such as `resource_missing`, if it has one for that.
        code: Option<String>,
        /// Stripe's explanation; without card data.
        message: String,
    },
    /// The answer is not what the documentation promises.
    #[error("the payment provider's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl StripeError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreached(_) | Self::Unavailable(_) | Self::Unreadable(_))
    }

    /// Whether something that the request names does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if code == "resource_missing")
    }

    /// The error of a status and a body.
    pub(crate) fn of(status: StatusCode, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(default)]
            error: Details,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Details {
            code: Option<String>,
            decline_code: Option<String>,
            message: Option<String>,
        }
        let details = serde_json::from_slice::<Body>(body).unwrap_or_default().error;
        match status {
            StatusCode::PAYMENT_REQUIRED => {
                let code = details.decline_code.or(details.code).unwrap_or_else(|| "card_declined".to_owned());
                Self::Declined { code }
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
                Self::Refused { status, code: details.code, message: details.message.unwrap_or_default() }
            }
            other => Self::Unavailable(other),
        }
    }
}
