//! What handlers fail with: refusals with typed reasons, and failures.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use parvis_booking::policy::Refusal;
use parvis_booking::pricing::QuoteError;
use parvis_booking::recurrence::RecurrenceError;
use parvis_booking::suggest::Suggestion;
use parvis_booking::{ResourceId, life};
pub use parvis_kit::api::Declined;
use parvis_kit::postgres::DatabaseError;
use parvis_kit::problem::{FieldError, Problem};
use parvis_money::MoneyError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::tx::WriteError;
use crate::views::OccurrenceView;

/// One reason of a policy against a booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRefusal {
    /// Whose policy; absent for what is about the person (quotas, credits), or about all places together (room for people).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// Why.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Why a check-in is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckInRefusal {
    /// The policy has no check-in.
    NotWanted,
    /// Before the window.
    TooEarly(DateTime<Utc>),
    /// The code is not that of the door.
    WrongCode,
    /// No booking of the caller is on there now.
    NothingToCheckIn,
}

/// Why a request is refused by the rules.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// There is no such thing, or it is none of the caller's business.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Not for this caller.
    #[error("not for this caller")]
    Forbidden,
    /// The action is not for this state.
    #[error(transparent)]
    State(#[from] life::Refused),
    /// Policies do not allow it.
    #[error("the policy does not allow it")]
    Policy(Vec<PolicyRefusal>),
    /// Somebody else has it.
    #[error("taken")]
    Taken(Vec<Suggestion>),
    /// Some occurrences of a series cannot be had.
    #[error("some occurrences are taken")]
    SeriesTaken(Vec<OccurrenceView>),
    /// The quote does not hold.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// The quote is for something else.
    #[error("the quote is for another wish")]
    QuoteForOther,
    /// Changed meanwhile.
    #[error("the version has changed")]
    VersionChanged,
    /// Wrong values.
    #[error("some values are not valid")]
    Invalid(Vec<FieldError>),
    /// The rule of a series cannot be followed.
    #[error(transparent)]
    Recurrence(#[from] RecurrenceError),
    /// A check-in that cannot be.
    #[error("no check-in")]
    CheckIn(CheckInRefusal),
    /// Something still refers to it.
    #[error("{0}")]
    InUse(&'static str),
    /// Prices that cannot be calculated.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Refused {
    /// One reason of a policy.
    #[must_use]
    pub fn policy(resource: Option<ResourceId>, refusal: Refusal) -> Self {
        Self::Policy(vec![PolicyRefusal { resource, refusal }])
    }

    /// One wrong field.
    #[must_use]
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

fn unprocessable(slug: &str, title: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, slug, title)
}

fn conflict(slug: &str, title: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, slug, title)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::KeyReused => {
                unprocessable("idempotency-key-reused", "This idempotency key was used for another request")
            }
            Refused::NotFound(what) => Self::not_found(what),
            Refused::Forbidden => Self::forbidden(),
            Refused::State(refused) => conflict("wrong-state", "The booking cannot take this action now")
                .detail(refused.to_string())
                .member("state", refused.state)
                .member("action", refused.action),
            Refused::Policy(refusals) => {
                let said: Vec<String> = refusals.iter().map(|one| one.refusal.to_string()).collect();
                unprocessable("policy", "The rules do not allow this booking")
                    .detail(said.join("; "))
                    .member("refusals", refusals)
            }
            Refused::Taken(suggestions) => {
                conflict("taken", "Somebody else has it at that time").member("suggestions", suggestions)
            }
            Refused::SeriesTaken(occurrences) => {
                conflict("taken", "Some occurrences cannot be had").member("occurrences", occurrences)
            }
            Refused::Quote(error) => {
                let slug = match error {
                    QuoteError::Forged => "quote-forged",
                    QuoteError::Expired => "quote-expired",
                    QuoteError::OtherOwner => "quote-other",
                };
                unprocessable(slug, "The quote does not hold").detail(error.to_string())
            }
            Refused::QuoteForOther => unprocessable("quote-other", "The quote is for something else"),
            Refused::VersionChanged => Self::precondition_failed(),
            Refused::Invalid(errors) => Self::invalid(errors),
            Refused::Recurrence(error) => Self::invalid(vec![FieldError::new("/recurrence/rule", error.to_string())]),
            Refused::CheckIn(refusal) => check_in(refusal),
            Refused::InUse(what) => Self::conflict(what),
            Refused::Money(error) => unprocessable("price", "The price cannot be calculated").detail(error.to_string()),
        }
    }
}

fn check_in(refusal: CheckInRefusal) -> Problem {
    let problem = conflict("check-in", "This check-in cannot be");
    match refusal {
        CheckInRefusal::NotWanted => problem.detail("This place needs no check-in."),
        CheckInRefusal::TooEarly(opens_at) => {
            problem.detail("It is too early to check in.").member("opens_at", opens_at)
        }
        CheckInRefusal::WrongCode => problem.detail("The code is not the one on the door."),
        CheckInRefusal::NothingToCheckIn => problem.detail("No booking of yours is on here now."),
    }
}

parvis_kit::api_error!();

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self(refused.into())
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        Self(error.into())
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self(DatabaseError::from(error).into())
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refused) => refused.into(),
            WriteError::Database(error) => error.into(),
        }
    }
}
