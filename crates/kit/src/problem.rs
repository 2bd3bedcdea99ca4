//! Refusals and failures as problem+json (RFC 9457).
//!
//! Three layers, never mixed: the domain says what went wrong (its own enums, turned into a [`Problem`] by `From`), the
//! client is told a stable type, a status and what it can do about it, and the operator gets the cause in the log. The
//! cause travels beside the response and is logged once by [`crate::http`]; it is never part of a body.

use std::{collections::BTreeMap, error::Error as StdError, num::NonZeroU32, sync::Arc};

use axum::{
    extract::rejection::{JsonDataError, JsonRejection, PathRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::lambda::BoxError;

/// What the `type` URIs of all problems start with.
pub const TYPE_BASE: &str = "https://parvis.dev/problems/";

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The field as a JSON pointer (`/zones/0/capacity`) or the name of a query parameter.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// `message` about `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A problem as the client sees it, and, beside it, its cause for the log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// URI of the problem's type; clients decide by it.
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "https://parvis.dev/problems/not-found")]
    kind: String,
    /// The type in words.
    title: String,
    /// HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What went wrong this time and what can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    detail: Option<Box<str>>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// What this type of problem tells besides (RFC 9457, section 3.2).
    #[serde(flatten)]
    #[schema(ignore)]
    members: Option<Box<Members>>,
    #[serde(skip)]
    retry_after: Option<NonZeroU32>,
    #[serde(skip)]
    cause: Option<Cause>,
}

/// Facts of a type of problem by name; boxed, so that a refusal stays small on its way.
#[derive(Clone, Debug, Default, Serialize)]
struct Members(BTreeMap<String, Value>);

/// The inner cause of a failed request; an extension of the response, for the log.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<dyn StdError + Send + Sync>);

impl Problem {
    /// A problem of the type `slug` with its status and title.
    pub fn new(status: StatusCode, slug: &str, title: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_BASE}{slug}"),
            title: title.into(),
            status: status.as_u16(),
            detail: None,
            errors: Vec::new(),
            members: None,
            retry_after: None,
            cause: None,
        }
    }

    /// Says what went wrong this time. The text goes to the client: no words from inside.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into().into_boxed_str());
        self
    }

    /// Names the wrong fields.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Tells a fact that belongs to this type of problem, under a name of its own.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Serialize) -> Self {
        let Members(members) = &mut **self.members.get_or_insert_default();
        members.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Says in `Retry-After` in how many seconds the same request may succeed.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = NonZeroU32::new(seconds);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(Cause(Arc::from(cause.into())));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be understood").detail(detail)
    }

    /// 422: the request is understood, but fields of it are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Some values are not valid").errors(errors)
    }

    /// 401: a login is needed.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A login is needed")
    }

    /// 403: the login does not have the role.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Your role does not allow this")
    }

    /// 404: `what` (such as "place") does not exist.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found").detail(format!("There is no such {what}."))
    }

    /// 409: the request contradicts the present state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "The request contradicts the present state").detail(detail)
    }

    /// 412: the version in `If-Match` is not the present one.
    #[must_use]
    pub fn precondition_failed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "version-changed", "It was changed in the meantime").detail(
            "If-Match names no present version. Read it again and repeat your change on the `version` that it has now.",
        )
    }

    /// 428: the request needs an `If-Match` header.
    #[must_use]
    pub fn precondition_required() -> Self {
        Self::new(StatusCode::PRECONDITION_REQUIRED, "version-required", "Say which version you change")
            .detail("Send the `version` that you read, in quotes, in the If-Match header.")
    }

    /// 503: something needed is away; the same request may succeed later.
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Part of the service cannot be reached")
            .detail("Please try again in a moment.")
            .retry_after(2)
            .cause(cause)
    }

    /// 500: a fault of ours.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service has failed").cause(cause)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.get()));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

impl From<crate::postgres::DatabaseError> for Problem {
    fn from(error: crate::postgres::DatabaseError) -> Self {
        if error.is_transient() { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(error) => Self::invalid(vec![wrong_field(&error)]),
            JsonRejection::JsonSyntaxError(error) => Self::bad_request(error.body_text()),
            JsonRejection::MissingJsonContentType(_) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body must be JSON")
                    .detail("Send Content-Type: application/json.")
            }
            other => Self::new(other.status(), "bad-request", "The body cannot be read"),
        }
    }
}

/// The field that serde could not read, and what it expected; the text is serde's, nothing of ours.
fn wrong_field(error: &JsonDataError) -> FieldError {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<serde_path_to_error::Error<serde_json::Error>>() {
            let text = error.inner().to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
            return FieldError::new(pointer(error.path(), missing), message);
        }
        source = error.source();
    }
    FieldError::new("", error.body_text())
}

/// A path as a JSON pointer (RFC 6901), with the name of what is missing at its end.
fn pointer(path: &Path, missing: Option<&str>) -> String {
    let known = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let names = known.chain(missing.map(str::to_owned));
    names.map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect()
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::not_found("resource")
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn body(response: Response) -> serde_json::Value {
        serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_client_sees_the_type_and_never_the_cause() {
        let response = Problem::unavailable("password authentication failed for user parvis_app").into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let cause = response.extensions().get::<Cause>().expect("the cause is kept for the log");
        assert!(cause.0.to_string().contains("parvis_app"));
        insta::assert_json_snapshot!(body(response).await, @r#"
        {
          "detail": "Please try again in a moment.",
          "status": 503,
          "title": "Part of the service cannot be reached",
          "type": "https://parvis.dev/problems/unavailable"
        }
        "#);
    }

    #[tokio::test]
    async fn what_serde_cannot_read_is_named_as_well() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Zone {
            #[serde(rename = "capacity")]
            _capacity: u32,
        }
        let wrong = async |body: &'static str| {
            let request = axum::http::Request::post("/").header(header::CONTENT_TYPE, "application/json");
            let request = request.body(axum::body::Body::from(body)).unwrap();
            let read =
                <axum::Json<BTreeMap<String, Vec<Zone>>> as axum::extract::FromRequest<()>>::from_request(request, &());
            let problem = Problem::from(read.await.unwrap_err());
            (problem.errors[0].field.clone(), problem.errors[0].message.clone())
        };
        let told = |field: &str, message: &str| (field.to_owned(), message.to_owned());
        let text = r#"invalid type: string "x", expected u32"#;
        assert_eq!(wrong(r#"{"a/b": [{"capacity": 1}, {"capacity": "x"}]}"#).await, told("/a~1b/1/capacity", text));
        assert_eq!(wrong(r#"{"zones": [{}]}"#).await, told("/zones/0/capacity", "missing field `capacity`"));
        let unknown = "unknown field `size`, expected `capacity`";
        assert_eq!(wrong(r#"{"zones": [{"size": 1}]}"#).await, told("/zones/0/size", unknown));
    }

    #[tokio::test]
    async fn wrong_fields_are_named() {
        let response = Problem::invalid(vec![FieldError::new("/capacity", "must be above 0")]).into_response();
        insta::assert_json_snapshot!(body(response).await, @r#"
        {
          "errors": [
            {
              "field": "/capacity",
              "message": "must be above 0"
            }
          ],
          "status": 422,
          "title": "Some values are not valid",
          "type": "https://parvis.dev/problems/invalid"
        }
        "#);
    }
}
