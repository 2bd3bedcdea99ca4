//! The queue of letters that are to be sent.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, SdkError};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use parvis_notices::Letter;

/// Messages of one `SendMessageBatch`.
const BATCH: usize = 10;
/// Bytes of one, below the limit of SQS (256 KiB) with room for what stands around the bodies.
const BATCH_BYTES: usize = 200 * 1024;

/// Why letters could not be put into the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A letter could not be written down.
    #[error("a letter could not be written down")]
    Json(#[from] serde_json::Error),
    /// A message could not be built.
    #[error("a letter could not be put into a message")]
    Build(#[from] BuildError),
    /// The queue did not take a batch.
    #[error("the queue of letters did not take a batch")]
    Send(#[from] Box<SdkError<SendMessageBatchError>>),
    /// The queue took a batch in part only.
    #[error("the queue of letters did not take {0} of a batch")]
    Refused(usize),
}

/// The queue.
#[derive(Clone, Debug)]
pub struct LetterQueue {
    client: Client,
    url: String,
}

impl LetterQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Posts letters. Some may have been posted when it fails; posting them again sends nothing twice.
    ///
    /// # Errors
    /// When the queue does not take them all.
    pub async fn post(&self, letters: &[Letter]) -> Result<(), QueueError> {
        let bodies = letters.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        for batch in batches(&bodies) {
            let entry = |(place, body): (usize, &String)| {
                SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body).build()
            };
            let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
            let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
            let refused = request.send().await.map_err(Box::new)?.failed.len();
            if refused > 0 {
                return Err(QueueError::Refused(refused));
            }
        }
        Ok(())
    }
}

/// Cuts bodies into batches that SQS takes, in their order.
fn batches(bodies: &[String]) -> Vec<&[String]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, body) in bodies.iter().enumerate() {
        if index > start && (index - start == BATCH || bytes + body.len() > BATCH_BYTES) {
            batches.push(&bodies[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += body.len();
    }
    if start < bodies.len() {
        batches.push(&bodies[start..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn batches_are_small_enough_and_hold_everything_in_order(sizes in proptest::collection::vec(0_usize..90_000, 0..60)) {
            let bodies: Vec<String> = sizes.iter().map(|size| "x".repeat(*size)).collect();
            let batches = batches(&bodies);
            for batch in &batches {
                prop_assert!(!batch.is_empty() && batch.len() <= BATCH);
                prop_assert!(batch.iter().map(String::len).sum::<usize>() <= BATCH_BYTES);
            }
            prop_assert_eq!(batches.concat(), bodies);
        }
    }
}
