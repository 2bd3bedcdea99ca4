//! Functions that answer HTTP and also read a table's stream: one deployment, one pool of connections.

use aws_lambda_events::{dynamodb, streams::DynamoDbEventResponse};
use axum::Router;
use lambda_http::{Adapter, request::LambdaRequest};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::service;
use super::tasks::{TASK, respond};
use crate::lambda::Failure;

/// The field by which a stream's batch is told from a request.
const RECORDS: &str = "Records";

/// Runs `router` on the HTTP API, `read` for batches of a DynamoDB stream and `task` for the events of schedules, until the service
/// ends the sandbox.
///
/// # Errors
/// When the Runtime API fails.
pub async fn run_http_stream_and_tasks<T, R, H, F, K, G>(
    router: Router,
    read: H,
    task: K,
) -> Result<(), lambda_runtime::Error>
where
    T: DeserializeOwned,
    R: Serialize,
    H: Fn(LambdaEvent<dynamodb::Event>) -> F,
    F: Future<Output = Result<DynamoDbEventResponse, Failure>>,
    K: Fn(T) -> G,
    G: Future<Output = Result<R, Failure>>,
{
    let http = Adapter::from(service(router));
    let (http, read, task) = (&http, &read, &task);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        Box::pin(async move {
            let LambdaEvent { mut payload, context } = event;
            if payload.get(RECORDS).is_some() {
                let batch = serde_json::from_value(payload).map_err(Failure::permanent)?;
                let done = read(LambdaEvent::new(batch, context)).await?;
                return serde_json::to_value(done).map_err(Failure::permanent);
            }
            if let Some(asked) = payload.get_mut(TASK) {
                let asked = serde_json::from_value(asked.take()).map_err(Failure::permanent)?;
                return serde_json::to_value(task(asked).await?).map_err(Failure::permanent);
            }
            let request: LambdaRequest = serde_json::from_value(payload).map_err(Failure::permanent)?;
            let answer = respond(http.clone(), LambdaEvent::new(request, context)).await;
            serde_json::to_value(answer.map_err(Failure::permanent)?).map_err(Failure::permanent)
        })
    }))
    .await
}
