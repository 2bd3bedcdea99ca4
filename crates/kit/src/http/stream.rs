//! Functions that answer HTTP and also read a table's stream: one deployment, one pool of connections.

use aws_lambda_events::{dynamodb, streams::DynamoDbEventResponse};
use axum::Router;
use lambda_http::{Adapter, request::LambdaRequest};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use super::{service, tasks::respond};
use crate::lambda::Failure;

/// The field by which a stream's batch is told from a request.
const RECORDS: &str = "Records";

/// Runs `router` on the HTTP API and `read` for batches of a DynamoDB stream until the service ends the sandbox.
///
/// # Errors
/// When the Runtime API fails.
pub async fn run_http_and_stream<H, F>(router: Router, read: H) -> Result<(), lambda_runtime::Error>
where
    H: Fn(LambdaEvent<dynamodb::Event>) -> F,
    F: Future<Output = Result<DynamoDbEventResponse, Failure>>,
{
    let http = Adapter::from(service(router));
    let (http, read) = (&http, &read);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        Box::pin(async move {
            let LambdaEvent { payload, context } = event;
            if payload.get(RECORDS).is_some() {
                let batch = serde_json::from_value(payload).map_err(Failure::permanent)?;
                let done = read(LambdaEvent::new(batch, context)).await?;
                return serde_json::to_value(done).map_err(Failure::permanent);
            }
            let request: LambdaRequest = serde_json::from_value(payload).map_err(Failure::permanent)?;
            let answer = respond(http.clone(), LambdaEvent::new(request, context)).await;
            serde_json::to_value(answer.map_err(Failure::permanent)?).map_err(Failure::permanent)
        })
    }))
    .await
}
