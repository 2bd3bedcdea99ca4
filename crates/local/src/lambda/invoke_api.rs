//! Lambda's own Invoke operation, so that the AWS CLI, SDKs and `cargo lambda`-style clients can call local functions.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use super::{Host, InvokeError};

pub(super) fn router(host: Host) -> Router {
    Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke)).with_state(host)
}

async fn invoke(State(host): State<Host>, Path(name): Path<String>, headers: HeaderMap, payload: Bytes) -> Response {
    let Some(function) = host.find(&name) else {
        return refusal(&InvokeError::UnknownFunction(name), StatusCode::NOT_FOUND);
    };
    let payload = if payload.is_empty() { Bytes::from_static(b"null") } else { payload };
    let kind = headers.get("x-amz-invocation-type").and_then(|value| value.to_str().ok()).unwrap_or("RequestResponse");
    match kind {
        "DryRun" => StatusCode::NO_CONTENT.into_response(),
        "Event" => {
            tokio::spawn(async move {
                if let Err(error) = host.invoke(&function, payload).await {
                    tracing::error!(function = %function, %error, "asynchronous invocation failed");
                }
            });
            StatusCode::ACCEPTED.into_response()
        }
        _ => match host.invoke(&function, payload).await {
            Ok(answer) => ([("x-amz-executed-version", "$LATEST")], answer).into_response(),
            Err(error @ InvokeError::PayloadTooLarge(_)) => refusal(&error, StatusCode::PAYLOAD_TOO_LARGE),
            Err(error @ InvokeError::ShuttingDown) => refusal(&error, StatusCode::INTERNAL_SERVER_ERROR),
            Err(error) => {
                ([("x-amz-executed-version", "$LATEST"), ("x-amz-function-error", "Unhandled")], error.payload())
                    .into_response()
            }
        },
    }
}

fn refusal(error: &InvokeError, status: StatusCode) -> Response {
    let body = axum::Json(json!({ "Type": "User", "Message": error.to_string() }));
    (status, [("x-amzn-errortype", error.error_type().to_owned())], body).into_response()
}
