//! What handlers fail with.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use parvis_kit::problem::{FieldError, Problem};
use parvis_money::Money;
use parvis_rights::SessionRefusal;
use parvis_stripe::StripeError;
use parvis_tariffs::{Quote, QuoteError, Refusal as TariffRefusal, RefusalReason};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::record::RecordError;
use crate::store::StoreError;

/// The code of a payment that failed because the provider does not know its payment method.
pub const UNKNOWN_METHOD: &str = "unknown_payment_method";

/// What a route refuses, with what a page needs to go on.
#[derive(Debug)]
pub enum ApiError {
    /// A refusal without more, or a failure.
    Problem(Box<Problem>),
    /// The table: a conflict may be decided again, before it becomes an answer.
    Store(StoreError),
    /// The tariff says no.
    Tariff(TariffRefusal),
    /// The session's state says no.
    Session(SessionRefusal),
    /// The plate stands in the zone under a session of somebody else.
    ParkedByAnother,
    /// The vehicle comes back too soon after a stay of somebody else.
    BackTooSoon,
    /// The price has changed since the client has seen it.
    PriceChanged(Box<Quote>),
    /// The bank says no.
    Declined {
        /// The session.
        session: Uuid,
        /// The provider's code.
        code: String,
    },
    /// The payment provider takes no amount that is so small.
    TooLittle {
        /// What is due.
        due: Money,
        /// The least that it takes.
        least: Money,
        /// The end of the shortest stay that costs so much, if there is one.
        until: Option<DateTime<Utc>>,
    },
    /// Another payment of the session is under way.
    PaymentUnderWay {
        /// Until when it may last.
        until: DateTime<Utc>,
    },
}

/// How every route may end otherwise, for the OpenAPI document.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Refusal {
    /// The request is refused; `type` and `reason` say why.
    #[response(status = "4XX", content_type = "application/problem+json")]
    Refused(Problem),
    /// The service has failed, or part of it, such as the payment provider, cannot be reached.
    #[response(status = "5XX", content_type = "application/problem+json")]
    Failed(Problem),
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Store(error) => store_problem(error).into_response(),
            Self::Tariff(refusal) => {
                with_members(tariff_problem().detail(refusal.to_string()), &refusal).into_response()
            }
            Self::Session(refusal) => {
                with_members(session_problem().detail(refusal.to_string()), &refusal).into_response()
            }
            Self::ParkedByAnother => {
                let problem = session_problem().detail("The vehicle is parked here already.");
                problem.member("reason", "already_parked").into_response()
            }
            Self::BackTooSoon => {
                let problem = tariff_problem().detail("The vehicle may not come back so soon.");
                problem.member("reason", RefusalReason::NoReturnPeriod.as_str()).into_response()
            }
            Self::PriceChanged(quote) => {
                let problem = Problem::new(StatusCode::CONFLICT, "price-changed", "The price has changed");
                problem.member("quote", quote).into_response()
            }
            Self::Declined { session, code } if code == UNKNOWN_METHOD => {
                let title = "The payment provider does not know this payment method";
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-payment-method", title)
                    .detail("Have its form make a new one, and ask again under a new id.")
                    .errors(vec![FieldError::new("/pay/id", "no such payment method at the provider")]);
                problem.member("session", session).member("code", code).into_response()
            }
            Self::Declined { session, code } => {
                let problem =
                    Problem::new(StatusCode::PAYMENT_REQUIRED, "payment-declined", "The payment was declined");
                problem.member("session", session).member("code", code).into_response()
            }
            Self::TooLittle { due, least, until } => {
                let title = "The amount is too small to be paid by card";
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "amount-too-small", title);
                problem.member("due", due).member("least", least).member("until", until).into_response()
            }
            Self::PaymentUnderWay { until } => {
                let problem = Problem::new(StatusCode::CONFLICT, "payment-under-way", "Another payment is under way");
                problem.member("until", until).into_response()
            }
        }
    }
}

fn tariff_problem() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "tariff-refusal", "The tariff does not allow this")
}

fn session_problem() -> Problem {
    Problem::new(StatusCode::CONFLICT, "session-refusal", "The session does not allow this")
}

/// A problem that tells a typed refusal: its `reason` and what belongs to it.
fn with_members(problem: Problem, refusal: &impl Serialize) -> Problem {
    let members = match serde_json::to_value(refusal) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    // The detail of the problem is the refusal in words already.
    members
        .into_iter()
        .filter(|(name, _)| name != "detail")
        .fold(problem, |problem, (name, value)| problem.member(&name, value))
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<TariffRefusal> for ApiError {
    fn from(refusal: TariffRefusal) -> Self {
        Self::Tariff(refusal)
    }
}

impl From<SessionRefusal> for ApiError {
    fn from(refusal: SessionRefusal) -> Self {
        Self::Session(refusal)
    }
}

impl From<QuoteError> for ApiError {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::Refused(refusal) => Self::Tariff(refusal),
            QuoteError::BadInterval => {
                Problem::bad_request("The end lies after the beginning, and within a year.").into()
            }
            QuoteError::Money(error) => Problem::internal(error).into(),
        }
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Refused(refusal) => Self::Session(refusal),
            other => Problem::internal(other).into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn store_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict => Problem::conflict("It was changed in the meantime; read it again and repeat."),
        StoreError::Unavailable(_) => Problem::unavailable(error),
        StoreError::Shape(_) | StoreError::Event(_) | StoreError::Build(_) => Problem::internal(error),
    }
}

impl From<StripeError> for ApiError {
    fn from(error: StripeError) -> Self {
        if error.is_transient() {
            return Problem::unavailable(error).into();
        }
        // Such as a payment method that does not exist.
        if matches!(&error, StripeError::Refused { .. }) {
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "payment-refused", "The payment cannot be made")
                .cause(error)
                .into();
        }
        Problem::internal(error).into()
    }
}
