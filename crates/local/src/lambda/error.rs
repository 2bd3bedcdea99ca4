//! Why an invocation failed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

/// Why an invocation failed. Only [`InvokeError::Function`] was decided by the function; after everything else its effects
/// are unknown and the event must be delivered again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// No such function in the template.
    #[error("there is no function {0} in the template")]
    UnknownFunction(String),
    /// An event above Lambda's limit.
    #[error("an event of {0} bytes is larger than Lambda's 6 MB")]
    PayloadTooLarge(usize),
    /// The process could not be started.
    #[error("{function}: cannot start a sandbox: {source}")]
    Spawn {
        /// The function.
        function: String,
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
    /// The function did not come up.
    #[error("{function}: initialisation failed: {detail}")]
    Init {
        /// The function.
        function: String,
        /// What it reported, or how its process ended.
        detail: String,
    },
    /// The function did not answer in its configured time; its sandbox was killed.
    #[error("{function}: task timed out after {:.2} seconds", limit.as_secs_f64())]
    Timeout {
        /// The function.
        function: String,
        /// Its timeout.
        limit: Duration,
    },
    /// The process ended while it was at work.
    #[error("{function}: the sandbox ended during the invocation: {detail}")]
    Crashed {
        /// The function.
        function: String,
        /// How the process ended.
        detail: String,
    },
    /// The function answered with an error.
    #[error("{function}: {error_type}: {message}")]
    Function {
        /// The function.
        function: String,
        /// `errorType` of its answer.
        error_type: String,
        /// `errorMessage` of its answer.
        message: String,
        /// The answer as it came.
        payload: Bytes,
    },
    /// The stack is being stopped.
    #[error("the stack is shutting down")]
    ShuttingDown,
}

impl InvokeError {
    /// The `errorType` that Lambda gives this failure.
    #[must_use]
    pub fn error_type(&self) -> &str {
        match self {
            Self::UnknownFunction(_) => "ResourceNotFoundException",
            Self::PayloadTooLarge(_) => "RequestTooLargeException",
            Self::Spawn { .. } | Self::Init { .. } => "Runtime.InitError",
            Self::Timeout { .. } => "Sandbox.Timedout",
            Self::Crashed { .. } => "Runtime.ExitError",
            Self::Function { error_type, .. } => error_type,
            Self::ShuttingDown => "ServiceException",
        }
    }

    /// The failure as an invocation's error payload.
    #[must_use]
    pub fn payload(&self) -> Bytes {
        match self {
            Self::Function { payload, .. } => payload.clone(),
            other => serde_json::json!({ "errorType": other.error_type(), "errorMessage": other.to_string() })
                .to_string()
                .into(),
        }
    }
}
