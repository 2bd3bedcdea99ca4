//! The HTTP side: DynamoDB's JSON protocol, straight into the engine.
//!
//! The engine brings a server of its own, but that one can be neither metered nor made to fail, and a proxy before it would cost
//! every request a second trip through HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use dynoxide::errors::CancellationReason;
use dynoxide::types::ConsumedCapacity;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::faults::{Fault, FaultInjector};
use super::streams::Changes;
use super::usage::{Access, Meter};

/// DynamoDB's own limit of a request body.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The engine with what stands around it.
pub(super) struct Service {
    pub(super) database: Database,
    pub(super) meter: Meter,
    pub(super) faults: FaultInjector,
    pub(super) changes: Changes,
}

/// A refusal as it goes to the client.
struct Refusal {
    status: StatusCode,
    body: String,
}

type Answer = Result<String, Refusal>;

impl From<DynoxideError> for Refusal {
    fn from(error: DynoxideError) -> Self {
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, body: error.to_json() }
    }
}

impl Refusal {
    fn of_type(error_type: &str, message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, body: json!({"__type": error_type, "message": message}).to_string() }
    }
}

/// Serves until `stop`.
pub(super) async fn serve(listener: std::net::TcpListener, service: Arc<Service>, stop: CancellationToken) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        // Small answers on kept-alive connections would otherwise wait for the client's delayed acknowledgement.
        Ok(listener) => listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        }),
        Err(error) => return tracing::error!(%error, "DynamoDB cannot listen"),
    };
    let router = Router::new().fallback(handle).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).with_state(service);
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "DynamoDB stopped serving");
    }
}

async fn handle(State(service): State<Arc<Service>>, headers: HeaderMap, body: String) -> Response {
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.split_once('.'))
        .map_or("", |(_, operation)| operation);
    // The engine blocks; this runtime exists for nothing else.
    let (status, body) = match service.dispatch(operation, &body) {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => {
            tracing::debug!(operation, body = refusal.body, "DynamoDB refused a request");
            (refusal.status, refusal.body)
        }
    };
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

/// The consumed capacity of an answer, whether it concerns one table or several.
trait Consumed {
    fn each(&self) -> &[ConsumedCapacity];
}

impl Consumed for Option<ConsumedCapacity> {
    fn each(&self) -> &[ConsumedCapacity] {
        self.as_slice()
    }
}

impl Consumed for Option<Vec<ConsumedCapacity>> {
    fn each(&self) -> &[ConsumedCapacity] {
        self.as_deref().unwrap_or_default()
    }
}

/// Runs one data operation: always asks the engine for the capacity consumed, counts it, and shows it only to who asked.
macro_rules! metered {
    ($service:ident, $body:ident, $access:expr, $method:ident, $request:ident) => {{
        let mut request: dynoxide::actions::$method::$request = parse($body)?;
        let asked = request.return_consumed_capacity.as_deref().is_some_and(|mode| mode != "NONE");
        if !asked {
            request.return_consumed_capacity = Some("TOTAL".to_owned());
        }
        let mut response = $service.database.$method(request)?;
        $service.consumed($access, response.consumed_capacity.each());
        if !asked {
            response.consumed_capacity = None;
        }
        text(&response)
    }};
}

/// Runs one operation that consumes nothing.
macro_rules! plain {
    ($service:ident, $body:ident, $method:ident) => {
        text(&$service.database.$method(parse($body)?)?)
    };
}

impl Service {
    fn dispatch(&self, operation: &str, body: &str) -> Answer {
        match operation {
            "GetItem" => metered!(self, body, Access::Read, get_item, GetItemRequest),
            "Query" => {
                refuse_empty_keys(body)?;
                metered!(self, body, Access::Read, query, QueryRequest)
            }
            "Scan" => metered!(self, body, Access::Read, scan, ScanRequest),
            "BatchGetItem" => metered!(self, body, Access::Read, batch_get_item, BatchGetItemRequest),
            "TransactGetItems" => metered!(self, body, Access::Read, transact_get_items, TransactGetItemsRequest),
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
                self.write(operation, body)
            }
            "CreateTable" => plain!(self, body, create_table),
            "DeleteTable" => plain!(self, body, delete_table),
            "DescribeTable" => plain!(self, body, describe_table),
            "UpdateTable" => plain!(self, body, update_table),
            "ListTables" => plain!(self, body, list_tables),
            "UpdateTimeToLive" => plain!(self, body, update_time_to_live),
            "DescribeTimeToLive" => plain!(self, body, describe_time_to_live),
            "ListStreams" => plain!(self, body, list_streams),
            "DescribeStream" => plain!(self, body, describe_stream),
            "GetShardIterator" => plain!(self, body, get_shard_iterator),
            "GetRecords" => plain!(self, body, get_records),
            unknown => Err(Refusal::of_type(
                "com.amazon.coral.service#UnknownOperationException",
                &format!("{unknown} is not part of the embedded DynamoDB"),
            )),
        }
    }

    fn write(&self, operation: &str, body: &str) -> Answer {
        if let Some(fault) = self.faults.next() {
            return Err(suffer(fault, operation, body));
        }
        let answer = self.perform_write(operation, body);
        if let Err(refusal) = &answer
            && refusal.body.contains("ConditionalCheckFailed")
        {
            tables_of(body).iter().for_each(|table| self.meter.condition_failed(table));
        }
        answer
    }

    fn perform_write(&self, operation: &str, body: &str) -> Answer {
        match operation {
            "PutItem" => metered!(self, body, Access::Write, put_item, PutItemRequest),
            "UpdateItem" => metered!(self, body, Access::Write, update_item, UpdateItemRequest),
            "DeleteItem" => metered!(self, body, Access::Write, delete_item, DeleteItemRequest),
            "BatchWriteItem" => metered!(self, body, Access::Write, batch_write_item, BatchWriteItemRequest),
            _ => metered!(self, body, Access::Write, transact_write_items, TransactWriteItemsRequest),
        }
    }

    fn consumed(&self, access: Access, capacities: &[ConsumedCapacity]) {
        self.meter.consumed(access, capacities);
        if access == Access::Write {
            self.changes.written(capacities.iter().map(|capacity| capacity.table_name.as_str()));
        }
    }

    /// Deletes expired items; the number deleted.
    pub(super) fn sweep_expired(&self) -> dynoxide::Result<usize> {
        let deleted = self.database.sweep_ttl()?;
        if deleted > 0 {
            self.changes.written_somewhere();
        }
        Ok(deleted)
    }
}

/// Refuses a query whose key condition compares a key with an empty value, which DynamoDB does and the engine does not.
fn refuse_empty_keys(body: &str) -> Result<(), Refusal> {
    // Most queries have no empty text at all.
    if !body.contains(r#""""#) {
        return Ok(());
    }
    let body: Value = parse(body)?;
    let condition = body["KeyConditionExpression"].as_str().unwrap_or_default();
    let mut words = condition.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '_')));
    let is_empty = |word: &str| {
        let value = &body["ExpressionAttributeValues"][word];
        [&value["S"], &value["B"]].iter().any(|text| text.as_str() == Some(""))
    };
    if words.any(|word| word.starts_with(':') && is_empty(word)) {
        let message = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value.";
        return Err(DynoxideError::ValidationException(message.to_owned()).into());
    }
    Ok(())
}

/// What the client of a faulted write is told.
fn suffer(fault: Fault, operation: &str, body: &str) -> Refusal {
    match (fault, operation) {
        (Fault::Throttled, _) => DynoxideError::ProvisionedThroughputExceededException(
            "The level of configured provisioned throughput for the table was exceeded (fault on request)".to_owned(),
        )
        .into(),
        (Fault::Conflict, "TransactWriteItems") => {
            let conflict = CancellationReason {
                code: "TransactionConflict".to_owned(),
                message: Some("Transaction is ongoing for the item".to_owned()),
                item: None,
            };
            let untouched = CancellationReason { code: "None".to_owned(), message: None, item: None };
            let actions = tables_of(body).len().max(1);
            let reasons = std::iter::once(conflict).chain(std::iter::repeat_n(untouched, actions - 1)).collect();
            let message =
                "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]";
            DynoxideError::TransactionCanceledException(message.to_owned(), reasons).into()
        }
        (Fault::Conflict, _) => Refusal::of_type(
            "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
            "Transaction is ongoing for the item (fault on request)",
        ),
    }
}

/// The tables that a write names, one entry per action.
fn tables_of(body: &str) -> Vec<String> {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let named = |value: &Value| value.get("TableName").and_then(Value::as_str).map(str::to_owned);
    if let Some(table) = named(&body) {
        return vec![table];
    }
    let actions = body.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
    actions.filter_map(|action| action.as_object()?.values().find_map(named)).collect()
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Refusal> {
    serde_json::from_str(body).map_err(|error| {
        // The engine's readers mark a failed validation in their message; anything else is a malformed body.
        let message = error.to_string();
        match message.split_once(':') {
            Some(("VALIDATION" | "VALIDATION_REQUEST", detail)) => {
                DynoxideError::ValidationException(detail.trim().to_owned()).into()
            }
            _ => DynoxideError::SerializationException(message).into(),
        }
    })
}

fn text<T: Serialize>(response: &T) -> Answer {
    serde_json::to_string(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_compared_with_nothing() {
        let refused = |condition: &str, value: &str| {
            let values = json!({ ":pk": { "S": "log" }, ":from": { "S": value }, ":other": { "S": "" } });
            let body = json!({ "KeyConditionExpression": condition, "ExpressionAttributeValues": values });
            refuse_empty_keys(&body.to_string()).is_err()
        };
        assert!(refused("pk = :pk AND sk BETWEEN :from AND :to", ""));
        assert!(!refused("pk = :pk AND sk BETWEEN :from AND :to", "a"), "filters may compare with nothing");
        assert!(!refused("pk = :pk", ""));
    }
}
