//! What the APIs of all functions have in common: how handlers fail, and the document that describes them.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::problem::Problem;

/// How every route may end otherwise, for the OpenAPI document.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Declined {
    /// The request is refused.
    #[response(status = "4XX", content_type = "application/problem+json")]
    Refused(Problem),
    /// The service has failed, or part of it cannot be reached.
    #[response(status = "5XX", content_type = "application/problem+json")]
    Failed(Problem),
}

/// Defines `ApiError`, a [`Problem`] on its way to the client as problem+json and to the log, and `ApiResult`, what handlers
/// return. The type is the function's own, so that it can say for each error of its stores what the client is told
/// (`impl From<StoreError> for ApiError`).
#[macro_export]
macro_rules! api_error {
    () => {
        /// A refusal or a failure, on its way to the client as problem+json and to the log.
        #[derive(Debug)]
        pub struct ApiError(pub $crate::problem::Problem);

        /// What handlers return.
        pub type ApiResult<T> = Result<T, ApiError>;

        impl axum::response::IntoResponse for ApiError {
            fn into_response(self) -> axum::response::Response {
                self.0.into_response()
            }
        }

        impl From<$crate::problem::Problem> for ApiError {
            fn from(problem: $crate::problem::Problem) -> Self {
                Self(problem)
            }
        }
    };
}

/// The OpenAPI 3.1 document of an API as JSON, with the logins that its routes name, all by bearer tokens: `login` for people,
/// others for machines.
#[must_use]
pub fn document(mut api: OpenApi, logins: &[&str]) -> String {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = api.components.get_or_insert_default();
    for login in logins {
        components.add_security_scheme(*login, SecurityScheme::Http(bearer.clone()));
    }
    // The types are ours and serialise; an empty document would be caught by the snapshot tests of the functions.
    api.to_json().unwrap_or_default()
}
