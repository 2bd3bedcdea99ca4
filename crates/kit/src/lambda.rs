//! Running a handler on the Lambda Runtime API.

use std::error::Error as StdError;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};

/// Any error, boxed.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why an invocation failed, with a type that stays the same over releases, so that alarms and retries can rely on it.
///
/// The runtime logs it once; do not log it before.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Trying again later can help: a store was away or throttled.
    #[error("a dependency failed; the invocation may be retried")]
    Retryable(#[source] BoxError),
    /// Trying again changes nothing: the event or the configuration is wrong.
    #[error("the event cannot be processed; a retry changes nothing")]
    Permanent(#[source] BoxError),
}

impl Failure {
    /// A failure that a retry can cure.
    pub fn retryable(error: impl Into<BoxError>) -> Self {
        Self::Retryable(error.into())
    }

    /// A failure that a retry cannot cure.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self::Permanent(error.into())
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match &failure {
            Failure::Retryable(_) => "Parvis.Retryable",
            Failure::Permanent(_) => "Parvis.Permanent",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}

/// Runs `handler` for every invocation until the service ends the sandbox. A panic fails one invocation.
///
/// # Errors
/// When the Runtime API fails.
pub async fn run<E, R, H, F>(handler: H) -> Result<(), lambda_runtime::Error>
where
    E: DeserializeOwned,
    R: Serialize,
    H: Fn(LambdaEvent<E>) -> F,
    F: Future<Output = Result<R, Failure>>,
{
    // Boxed, since the handler's future holds the state machines of a whole context: without this the compiler gives up on the
    // layout of a `main`.
    lambda_runtime::run(service_fn(move |event| Box::pin(handler(event)))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_failure_is_stable_and_its_cause_stays_inside() {
        let diagnostic = Diagnostic::from(Failure::retryable("connection refused by 10.0.0.7"));
        assert_eq!(diagnostic.error_type, "Parvis.Retryable");
        assert!(!diagnostic.error_message.contains("10.0.0.7"));
    }
}
