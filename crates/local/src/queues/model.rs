//! What queues and messages are, and the checksums that SQS clients verify.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

/// Most bytes of a message: body and attributes together (SQS quota since August 2025).
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// A queue as the template describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Physical name, the last part of its URL and ARN.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Time a received message stays invisible.
    pub visibility: Duration,
    /// Time after which a message is dropped.
    pub retention: Duration,
    /// Time before a sent message becomes visible.
    pub delay: Duration,
    /// Where messages go that were received too often: name of the dead-letter queue and the most receives.
    pub redrive: Option<(String, u32)>,
}

impl Definition {
    /// The definitions of all queues of a template.
    pub fn of(template: &parvis_sam::Stack) -> Vec<Self> {
        let name = |id: &parvis_sam::LogicalId| {
            template.queues.get(id).map_or_else(|| id.to_string(), |queue| queue.name.clone())
        };
        let definition = |queue: &parvis_sam::Queue| Self {
            name: queue.name.clone(),
            arn: queue.arn.clone(),
            visibility: queue.visibility,
            retention: queue.retention,
            delay: queue.delay,
            redrive: queue.redrive.as_ref().map(|redrive| (name(&redrive.target), redrive.maximum_receives)),
        };
        template.queues.values().map(definition).collect()
    }
}

/// The name at the end of a queue's URL or ARN; a bare name is itself.
#[must_use]
pub fn queue_name(reference: &str) -> &str {
    reference.rsplit(['/', ':']).next().unwrap_or(reference)
}

/// A message attribute in SQS's JSON shape; binary values stay in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, with an optional suffix (`Number.int`).
    pub data_type: String,
    /// Value of strings and numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// Value of binaries, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

impl Attribute {
    /// A string attribute.
    #[must_use]
    pub fn string(value: impl Into<String>) -> Self {
        Self { data_type: "String".into(), string_value: Some(value.into()), binary_value: None }
    }

    fn bytes(&self) -> usize {
        self.data_type.len()
            + self.string_value.as_ref().map_or(0, String::len)
            + self.binary_value.as_ref().map_or(0, String::len)
    }
}

/// The attributes of a message by name, in the order in which SQS computes their checksum.
pub type Attributes = BTreeMap<String, Attribute>;

/// A message to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Body.
    pub body: String,
    /// Attributes.
    pub attributes: Attributes,
    /// Time before it becomes visible; the queue's when none.
    pub delay: Option<Duration>,
}

impl Outgoing {
    /// Whether SQS takes its characters: those of XML 1.0
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
    #[must_use]
    pub fn is_text(&self) -> bool {
        let taken = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
        let values = self.attributes.values().filter_map(|attribute| attribute.string_value.as_deref());
        values.chain([self.body.as_str()]).all(|text| text.chars().all(taken))
    }

    /// Size as SQS counts it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.body.len() + self.attributes.iter().map(|(name, attribute)| name.len() + attribute.bytes()).sum::<usize>()
    }
}

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Id given when it was sent; a duplicate delivery has the same.
    pub message_id: String,
    /// What deletes this receive of the message.
    pub receipt_handle: String,
    /// Body.
    pub body: String,
    /// Attributes.
    pub attributes: Attributes,
    /// When it was sent, ms since the epoch.
    pub sent_at: i64,
    /// When it was first received, ms since the epoch.
    pub first_received_at: i64,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// ARN of the queue it came from, in a dead-letter queue.
    pub dead_letter_source: Option<String>,
}

impl Received {
    /// The system attributes, as SQS names them.
    #[must_use]
    pub fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let mut attributes = BTreeMap::from([
            ("ApproximateFirstReceiveTimestamp", self.first_received_at.to_string()),
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            ("SenderId", "AIDAPARVISLOCAL".to_owned()),
            ("SentTimestamp", self.sent_at.to_string()),
        ]);
        if let Some(source) = &self.dead_letter_source {
            attributes.insert("DeadLetterQueueSourceArn", source.clone());
        }
        attributes
    }
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ready to be received.
    pub visible: u64,
    /// Received and not yet deleted.
    pub in_flight: u64,
    /// Sent with a delay that has not passed.
    pub delayed: u64,
}

/// A receipt handle: the row, and which receive of it. Only the newest handle of a message deletes it, so a consumer that
/// outlived its visibility timeout cannot delete what another one is working on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub row: i64,
    pub receive_count: u32,
}

impl Receipt {
    pub fn encode(self) -> String {
        format!("parvis-{}-{}", self.row, self.receive_count)
    }

    pub fn decode(handle: &str) -> Option<Self> {
        let (row, receive_count) = handle.strip_prefix("parvis-")?.split_once('-')?;
        Some(Self { row: row.parse().ok()?, receive_count: receive_count.parse().ok()? })
    }
}

/// MD5 of a body, as SQS answers it.
#[must_use]
pub fn md5_of_body(body: &str) -> String {
    hex::encode(Md5::digest(body.as_bytes()))
}

/// MD5 of attributes: names in order, each as length-prefixed name and type, a transport byte, and the length-prefixed value
/// (Amazon SQS developer guide, "Calculating the MD5 message digest for message attributes"). None without attributes.
#[must_use]
pub fn md5_of_attributes(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in attributes {
        let (transport, value) = match &attribute.binary_value {
            Some(binary) => (2, STANDARD.decode(binary).unwrap_or_default()),
            None => (1, attribute.string_value.clone().unwrap_or_default().into_bytes()),
        };
        for text in [name.as_bytes(), attribute.data_type.as_bytes()] {
            digest.update(length(text));
            digest.update(text);
        }
        digest.update([transport]);
        digest.update(length(&value));
        digest.update(&value);
    }
    Some(hex::encode(digest.finalize()))
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_sqs() {
        // Computed in Python from the algorithm in the SQS developer guide.
        assert_eq!(md5_of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
        let attributes = Attributes::from([
            (
                "b".to_owned(),
                Attribute { data_type: "Binary".into(), string_value: None, binary_value: Some("AAEC".into()) },
            ),
            ("a".to_owned(), Attribute::string("x")),
        ]);
        assert_eq!(md5_of_attributes(&attributes).as_deref(), Some("c7b075151a8e2e09ccb36b393bdb284a"));
        assert_eq!(md5_of_attributes(&Attributes::new()), None);
    }

    #[test]
    fn a_queue_is_named_by_the_end_of_its_url_or_arn() {
        for reference in [
            "IngestQueue",
            "http://127.0.0.1:1/000000000000/IngestQueue",
            "arn:aws:sqs:eu-west-3:000000000000:IngestQueue",
        ] {
            assert_eq!(queue_name(reference), "IngestQueue");
        }
    }

    #[test]
    fn receipts_round_trip_and_foreign_ones_are_refused() {
        let receipt = Receipt { row: 12, receive_count: 3 };
        assert_eq!(Receipt::decode(&receipt.encode()), Some(receipt));
        for foreign in ["", "parvis-1", "parvis-x-1", "AQEB-1-2"] {
            assert_eq!(Receipt::decode(foreign), None, "{foreign}");
        }
    }
}
