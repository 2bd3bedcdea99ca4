//! The Lambda Runtime API, as documented for custom runtimes (version 2018-06-01).
//!
//! One loopback listener serves all sandboxes: `AWS_LAMBDA_RUNTIME_API` may carry a path, so each has its own prefix.

use std::sync::{Arc, PoisonError};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{
    host::Registry,
    sandbox::{Invocation, Reply, Sandbox},
};

pub(super) fn router(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/{sandbox}/2018-06-01/runtime/invocation/next", get(next))
        .route("/{sandbox}/2018-06-01/runtime/invocation/{request}/response", post(response))
        .route("/{sandbox}/2018-06-01/runtime/invocation/{request}/error", post(error))
        .route("/{sandbox}/2018-06-01/runtime/init/error", post(init_error))
        .with_state(registry)
}

fn unknown_sandbox() -> Response {
    refusal(StatusCode::FORBIDDEN, "InvalidSandbox", "no such sandbox")
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, axum::Json(json!({ "errorType": error_type, "errorMessage": message }))).into_response()
}

async fn next(State(registry): State<Arc<Registry>>, Path(id): Path<String>) -> Response {
    let Some(sandbox) = registry.get(&id) else { return unknown_sandbox() };
    let Some(invocation) = sandbox.next.lock().await.recv().await else {
        return refusal(StatusCode::GONE, "SandboxEnded", "the sandbox is being stopped");
    };
    deliver(&sandbox, invocation)
}

/// The answer to `next`: the event, and what the runtime makes its context from.
fn deliver(sandbox: &Sandbox, invocation: Invocation) -> Response {
    let Invocation { request_id, payload, deadline_ms, function_arn, reply, taken } = invocation;
    *sandbox.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((request_id.clone(), reply));
    let mut response = Response::new(Body::from(payload));
    let headers = response.headers_mut();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", request_id.as_str()),
        ("lambda-runtime-deadline-ms", &deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", &function_arn),
        ("content-type", "application/json"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    // The caller may have given up; then the function works for nothing, as in AWS.
    let _ = taken.send(());
    response
}

async fn response(
    State(registry): State<Arc<Registry>>,
    Path((id, request)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    complete(&registry, &id, &request, Reply::Response(body))
}

async fn error(
    State(registry): State<Arc<Registry>>,
    Path((id, request)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    complete(&registry, &id, &request, Reply::Error(body))
}

fn complete(registry: &Registry, id: &str, request: &str, reply: Reply) -> Response {
    let Some(sandbox) = registry.get(id) else { return unknown_sandbox() };
    let mut current = sandbox.current.lock().unwrap_or_else(PoisonError::into_inner);
    match current.take_if(|(current, _)| current == request) {
        Some((_, sender)) => {
            drop(sender.send(reply));
            (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
        }
        None => {
            refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "this invocation is not under way in this sandbox")
        }
    }
}

async fn init_error(
    State(registry): State<Arc<Registry>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(sandbox) = registry.get(&id) else { return unknown_sandbox() };
    let kind = headers
        .get("lambda-runtime-function-error-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("Runtime.InitError");
    sandbox.set_init_error(format!("{kind}: {}", String::from_utf8_lossy(&body)));
    (StatusCode::ACCEPTED, axum::Json(json!({ "status": "OK" }))).into_response()
}
