//! Requests of SQS's JSON protocol, and messages in its answers.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Attributes, Outgoing, Received, md5_of_attributes, md5_of_body, protocol::Refusal};

/// Most entries of a batch operation and most messages of one ReceiveMessage.
pub const MAX_BATCH: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueRequest {
    pub queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameRequest {
    pub queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRequest {
    pub queue_name_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributesRequest {
    pub queue_url: String,
    pub attribute_names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendRequest {
    pub queue_url: String,
    #[serde(flatten)]
    pub entry: SendEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendEntry {
    pub id: Option<String>,
    pub message_body: String,
    #[serde(default)]
    pub message_attributes: Attributes,
    pub delay_seconds: Option<u64>,
}

impl SendEntry {
    pub fn outgoing(self) -> Result<Outgoing, Refusal> {
        if self.message_body.is_empty() {
            return Err(Refusal::client(
                "MissingParameter",
                "MissingParameter",
                "The request must contain the parameter MessageBody.",
            ));
        }
        Ok(Outgoing {
            body: self.message_body,
            attributes: self.message_attributes,
            delay: self.delay_seconds.map(Duration::from_secs),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReceiptRequest {
    pub queue_url: String,
    #[serde(flatten)]
    pub entry: ReceiptEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReceiptEntry {
    pub id: Option<String>,
    pub receipt_handle: String,
    pub visibility_timeout: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Batch<T> {
    pub queue_url: String,
    pub entries: Vec<T>,
}

impl<T> Batch<T> {
    pub fn check(&self, id: impl Fn(&T) -> Option<&str>) -> Result<(), Refusal> {
        let query = |shape, name: &'static str, message: &str| Err(Refusal::client(shape, name, message));
        if self.entries.is_empty() {
            return query(
                "EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
                "There should be at least one entry in the batch",
            );
        }
        if self.entries.len() > MAX_BATCH {
            return query(
                "TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                "Maximum number of entries per request are 10",
            );
        }
        let mut ids: Vec<_> = self.entries.iter().filter_map(id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < self.entries.len() {
            return query(
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                "Ids of a batch must be there and distinct",
            );
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReceiveRequest {
    pub queue_url: String,
    pub max_number_of_messages: Option<usize>,
    pub wait_time_seconds: Option<u64>,
    pub visibility_timeout: Option<u64>,
    #[serde(default)]
    pub message_attribute_names: Vec<String>,
    #[serde(default)]
    pub attribute_names: Vec<String>,
    #[serde(default)]
    pub message_system_attribute_names: Vec<String>,
}

impl ReceiveRequest {
    /// A message with the attributes asked for.
    pub fn shape(&self, message: &Received) -> Value {
        let mut shape = json!({
            "MessageId": message.message_id,
            "ReceiptHandle": message.receipt_handle,
            "MD5OfBody": md5_of_body(&message.body),
            "Body": message.body,
        });
        let mut system = message.system_attributes();
        let wanted = || self.attribute_names.iter().chain(&self.message_system_attribute_names);
        system.retain(|name, _| wanted().any(|wanted| wanted == "All" || wanted == name));
        if !system.is_empty() {
            shape["Attributes"] = json!(system);
        }
        let mut attributes = message.attributes.clone();
        attributes.retain(|name, _| self.message_attribute_names.iter().any(|wanted| selects(wanted, name)));
        if let Some(sum) = md5_of_attributes(&attributes) {
            shape["MD5OfMessageAttributes"] = json!(sum);
            shape["MessageAttributes"] = json!(attributes);
        }
        shape
    }
}

/// `All`, `.*`, a prefix with `.*`, or a name.
fn selects(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => wanted == "All" || wanted == name,
    }
}
