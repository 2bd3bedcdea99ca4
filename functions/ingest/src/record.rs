//! A record of the queue, as far as this function reads it.

use serde::Deserialize;

/// A message of the queue.
///
/// Of a record's ten fields only these are read. The others, with their maps, would be most of the memory of a large batch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The message's id; by it a record is named that must come again.
    #[serde(default)]
    pub message_id: Option<String>,
    /// What the rule has sent.
    #[serde(default)]
    pub body: Option<String>,
}
