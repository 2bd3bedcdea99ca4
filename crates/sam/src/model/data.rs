//! Queues, tables and secrets.

use std::time::Duration;

use super::LogicalId;

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its physical name.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// Time a received message stays invisible.
    pub visibility: Duration,
    /// Time after which a message is dropped.
    pub retention: Duration,
    /// Time before a sent message becomes visible.
    pub delay: Duration,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// A queue's redrive policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The dead-letter queue.
    pub target: LogicalId,
    /// Receives after which a message moves there.
    pub maximum_receives: u32,
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Partition key.
    pub hash: Attribute,
    /// Sort key.
    pub range: Option<Attribute>,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// What its stream carries; no stream when none.
    pub stream: Option<StreamView>,
    /// Attribute (epoch seconds) after which an item dies.
    pub ttl_attribute: Option<String>,
}

/// A key attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Type.
    pub kind: AttributeType,
}

/// The type of a key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// `S`
    String,
    /// `N`
    Number,
    /// `B`
    Binary,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name.
    pub name: String,
    /// Partition key.
    pub hash: Attribute,
    /// Sort key.
    pub range: Option<Attribute>,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// Attributes carried along with `INCLUDE`.
    pub non_key_attributes: Vec<String>,
}

/// What a stream record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamView {
    /// Keys.
    KeysOnly,
    /// The item after the write.
    NewImage,
    /// The item before the write.
    OldImage,
    /// Both.
    NewAndOldImages,
}

/// A secret.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its ARN.
    pub arn: String,
    /// How its value is generated.
    pub generate: Option<GenerateSecret>,
}

/// How a secret's value is generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateSecret {
    /// Number of characters.
    pub length: u32,
    /// Whether punctuation is left out.
    pub exclude_punctuation: bool,
    /// Characters left out.
    pub exclude_characters: String,
}
