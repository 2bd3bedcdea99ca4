//! Functions that answer HTTP and also do tasks of a schedule: one deployment, one pool of connections.

use axum::Router;
use lambda_http::{Adapter, Request, request::LambdaRequest};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower::Service as _;

use super::service;
use crate::lambda::{BoxError, Failure};

/// The field by which a schedule's event is told from a request: the template's schedules send `{"task": ..}`.
const TASK: &str = "task";

/// Runs `router` on the HTTP API and `task` for the events of schedules until the service ends the sandbox.
///
/// # Errors
/// When the Runtime API fails.
pub async fn run_http_and_tasks<T, R, H, F>(router: Router, task: H) -> Result<(), lambda_runtime::Error>
where
    T: DeserializeOwned,
    R: Serialize,
    H: Fn(T) -> F,
    F: Future<Output = Result<R, Failure>>,
{
    let http = Adapter::from(service(router));
    let (http, task) = (&http, &task);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        Box::pin(async move {
            let LambdaEvent { mut payload, context } = event;
            if let Some(asked) = payload.get_mut(TASK) {
                let asked = serde_json::from_value(asked.take()).map_err(Failure::permanent)?;
                let done = task(asked).await?;
                return serde_json::to_value(done).map_err(Failure::permanent);
            }
            let request: LambdaRequest = serde_json::from_value(payload).map_err(Failure::permanent)?;
            let answer = respond(http.clone(), LambdaEvent::new(request, context)).await;
            serde_json::to_value(answer.map_err(Failure::permanent)?).map_err(Failure::permanent)
        })
    }))
    .await
}

pub(super) async fn respond<S>(
    mut http: Adapter<'static, axum::response::Response, S>,
    event: LambdaEvent<LambdaRequest>,
) -> Result<impl Serialize, BoxError>
where
    S: tower::Service<Request, Response = axum::response::Response, Error = std::convert::Infallible>,
    S::Future: Send + 'static,
{
    Ok(http.call(event).await?)
}
