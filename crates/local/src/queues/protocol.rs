//! SQS's JSON protocol (AWS JSON 1.0) over the queues, for SDK clients: the functions, `parvis dlq`, tests.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Error, Queues, Receive, md5_of_attributes, md5_of_body,
    shapes::{
        AttributesRequest, Batch, ListRequest, MAX_BATCH, NameRequest, QueueRequest, ReceiptEntry, ReceiptRequest,
        ReceiveRequest, SendEntry, SendRequest,
    },
};

/// Longest long poll and longest delay of a message, seconds.
const MAX_WAIT_SECONDS: u64 = 20;

/// The service: one route, dispatched by `X-Amz-Target`. `endpoint` is what its queue URLs start with.
pub fn router(queues: Queues, endpoint: String, shutdown: CancellationToken) -> Router {
    let service = Service { queues, endpoint, shutdown };
    Router::new().route("/", post(handle)).layer(DefaultBodyLimit::max(16 * 1024 * 1024)).with_state(service)
}

#[derive(Clone)]
struct Service {
    queues: Queues,
    endpoint: String,
    shutdown: CancellationToken,
}

async fn handle(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix("AmazonSQS.").unwrap_or(target).to_owned();
    match service.dispatch(&operation, &body).await {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(refusal) => refusal.into_response(),
    }
}

fn answer(status: StatusCode, value: &Value) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"))], value.to_string())
        .into_response()
}

/// An error as SQS puts it: the shape's name, and the name that query-protocol clients still look for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    shape: &'static str,
    query_code: &'static str,
    message: String,
}

impl Refusal {
    pub fn client(shape: &'static str, query_code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, shape, query_code, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::client("InvalidParameterValueException", "InvalidParameterValue", message)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::UnknownQueue(_) => {
                Self::client("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", message)
            }
            Error::TooLarge(_) => Self::invalid(message),
            Error::NotText => Self::client("InvalidMessageContents", "InvalidMessageContents", message),
            Error::InvalidReceipt => Self::client("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", message),
            Error::NotInFlight => {
                Self::client("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", message)
            }
            Error::Storage(_) | Error::Closed => {
                tracing::error!(error = %message, "queue operation failed");
                Self {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    shape: "InternalError",
                    query_code: "InternalError",
                    message,
                }
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let side = if self.status.is_client_error() { "Sender" } else { "Receiver" };
        let mut response = answer(
            self.status,
            &json!({ "__type": format!("com.amazonaws.sqs#{}", self.shape), "message": self.message }),
        );
        if let Ok(value) = HeaderValue::from_str(&format!("{};{side}", self.query_code)) {
            response.headers_mut().insert("x-amzn-query-error", value);
        }
        response
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid(format!("malformed request: {error}")))
}

impl Service {
    async fn dispatch(&self, operation: &str, body: &[u8]) -> Result<Value, Refusal> {
        match operation {
            "SendMessage" => self.send(parse(body)?).await,
            "SendMessageBatch" => self.send_batch(parse(body)?).await,
            "ReceiveMessage" => self.receive(parse(body)?).await,
            "DeleteMessage" => self.delete(parse(body)?).await,
            "DeleteMessageBatch" => self.delete_batch(parse(body)?).await,
            "ChangeMessageVisibility" => self.change_visibility(parse(body)?).await,
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(parse(body)?).await,
            "GetQueueAttributes" => self.attributes(parse(body)?).await,
            "GetQueueUrl" => self.url(&parse::<NameRequest>(body)?),
            "ListDeadLetterSourceQueues" => self.sources(&parse::<QueueRequest>(body)?),
            "ListQueues" => Ok(self.list(&parse::<ListRequest>(body)?)),
            "PurgeQueue" => {
                self.queues.purge(&parse::<QueueRequest>(body)?.queue_url).await?;
                Ok(json!({}))
            }
            other => Err(Refusal::client(
                "UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
                format!("the local SQS does not implement {other:?}; queues are made by the template"),
            )),
        }
    }

    async fn send(&self, request: SendRequest) -> Result<Value, Refusal> {
        let sums = Checksums::of(&request.entry);
        let outgoing = request.entry.outgoing()?;
        let ids = self.queues.send_batch(&request.queue_url, vec![outgoing]).await?;
        Ok(sums.answer(&ids[0], None))
    }

    async fn send_batch(&self, request: Batch<SendEntry>) -> Result<Value, Refusal> {
        request.check(|entry| entry.id.as_deref())?;
        let (mut outcome, mut sums, mut outgoing) = (Outcome::default(), Vec::new(), Vec::new());
        for entry in request.entries {
            let (id, sum, message) = (entry.id.clone(), Checksums::of(&entry), entry.outgoing()?);
            if message.is_text() {
                sums.push((id, sum));
                outgoing.push(message);
            } else {
                outcome.add(id, Err(Error::NotText));
            }
        }
        let ids = self.queues.send_batch(&request.queue_url, outgoing).await?;
        outcome.successful =
            sums.iter().zip(&ids).map(|((entry, sums), id)| sums.answer(id, entry.as_deref())).collect();
        Ok(outcome.into())
    }

    async fn receive(&self, request: ReceiveRequest) -> Result<Value, Refusal> {
        let most = request.max_number_of_messages.unwrap_or(1);
        if !(1..=MAX_BATCH).contains(&most) {
            return Err(Refusal::invalid("MaxNumberOfMessages must be between 1 and 10"));
        }
        let wait = Duration::from_secs(request.wait_time_seconds.unwrap_or(0).min(MAX_WAIT_SECONDS));
        let visibility = request.visibility_timeout.map(Duration::from_secs);
        let receive = self.queues.receive(&request.queue_url, Receive { most, wait, visibility });
        let messages = tokio::select! {
            messages = receive => messages?,
            // A long poll must not hold up the end of the stack.
            () = self.shutdown.cancelled() => Vec::new(),
        };
        let messages: Vec<_> = messages.iter().map(|message| request.shape(message)).collect();
        Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
    }

    async fn delete(&self, request: ReceiptRequest) -> Result<Value, Refusal> {
        self.queues.delete(&request.queue_url, &[request.entry.receipt_handle]).await?;
        Ok(json!({}))
    }

    async fn delete_batch(&self, request: Batch<ReceiptEntry>) -> Result<Value, Refusal> {
        request.check(|entry| entry.id.as_deref())?;
        let mut outcome = Outcome::default();
        for entry in request.entries {
            outcome.add(entry.id, self.queues.delete(&request.queue_url, &[entry.receipt_handle]).await);
        }
        Ok(outcome.into())
    }

    async fn change_visibility(&self, request: ReceiptRequest) -> Result<Value, Refusal> {
        self.hide(&request.queue_url, &request.entry).await?;
        Ok(json!({}))
    }

    async fn change_visibility_batch(&self, request: Batch<ReceiptEntry>) -> Result<Value, Refusal> {
        request.check(|entry| entry.id.as_deref())?;
        let mut outcome = Outcome::default();
        for entry in request.entries {
            outcome.add(entry.id.clone(), self.hide(&request.queue_url, &entry).await);
        }
        Ok(outcome.into())
    }

    async fn hide(&self, queue: &str, entry: &ReceiptEntry) -> Result<(), Error> {
        let change = (entry.receipt_handle.clone(), Duration::from_secs(entry.visibility_timeout.unwrap_or(0)));
        let changed = self.queues.change_visibility(queue, &[change]).await?;
        if changed == [true] { Ok(()) } else { Err(Error::NotInFlight) }
    }

    async fn attributes(&self, request: AttributesRequest) -> Result<Value, Refusal> {
        let definition = self.queues.definition(&request.queue_url)?;
        let counts = self.queues.counts(&request.queue_url).await?;
        let mut all = BTreeMap::from([
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
            ("DelaySeconds", definition.delay.as_secs().to_string()),
            ("MaximumMessageSize", super::MAX_MESSAGE_BYTES.to_string()),
            ("MessageRetentionPeriod", definition.retention.as_secs().to_string()),
            ("QueueArn", definition.arn.clone()),
            ("VisibilityTimeout", definition.visibility.as_secs().to_string()),
        ]);
        if let Some((target, most)) = &definition.redrive {
            let target = &self.queues.definition(target)?.arn;
            all.insert("RedrivePolicy", json!({ "deadLetterTargetArn": target, "maxReceiveCount": most }).to_string());
        }
        let wanted = request.attribute_names.unwrap_or_default();
        all.retain(|name, _| wanted.iter().any(|wanted| wanted == "All" || wanted == name));
        Ok(json!({ "Attributes": all }))
    }

    fn url(&self, request: &NameRequest) -> Result<Value, Refusal> {
        Ok(json!({ "QueueUrl": self.url_of(self.queues.definition(&request.queue_name)?) }))
    }

    fn list(&self, request: &ListRequest) -> Value {
        let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
        let queues = self.queues.definitions().iter().filter(|definition| definition.name.starts_with(prefix));
        json!({ "QueueUrls": queues.map(|definition| self.url_of(definition)).collect::<Vec<_>>() })
    }

    fn sources(&self, request: &QueueRequest) -> Result<Value, Refusal> {
        let target = &self.queues.definition(&request.queue_url)?.name;
        let sources = self
            .queues
            .definitions()
            .iter()
            .filter(|definition| definition.redrive.as_ref().is_some_and(|(name, _)| name == target));
        Ok(json!({ "queueUrls": sources.map(|definition| self.url_of(definition)).collect::<Vec<_>>() }))
    }

    /// `{endpoint}/{account}/{name}`, the account being the ARN's.
    fn url_of(&self, definition: &super::Definition) -> String {
        let account = definition.arn.split(':').nth(4).unwrap_or_default();
        format!("{}/{account}/{}", self.endpoint, definition.name)
    }
}

/// The checksums an SDK verifies in the answer to a send.
struct Checksums {
    body: String,
    attributes: Option<String>,
}

impl Checksums {
    fn of(entry: &SendEntry) -> Self {
        Self { body: md5_of_body(&entry.message_body), attributes: md5_of_attributes(&entry.message_attributes) }
    }

    fn answer(&self, message_id: &str, entry: Option<&str>) -> Value {
        let mut answer = json!({ "MessageId": message_id, "MD5OfMessageBody": self.body });
        if let Some(sum) = &self.attributes {
            answer["MD5OfMessageAttributes"] = json!(sum);
        }
        if let Some(entry) = entry {
            answer["Id"] = json!(entry);
        }
        answer
    }
}

/// The answer to a batch of deletions or changes.
#[derive(Default, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Outcome {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl Outcome {
    fn add(&mut self, id: Option<String>, result: Result<(), Error>) {
        match result.map_err(Refusal::from) {
            Ok(()) => self.successful.push(json!({ "Id": id })),
            Err(refusal) => self.failed.push(json!({
                "Id": id, "Code": refusal.query_code, "Message": refusal.message, "SenderFault": refusal.status.is_client_error(),
            })),
        }
    }
}

impl From<Outcome> for Value {
    fn from(outcome: Outcome) -> Self {
        json!(outcome)
    }
}
