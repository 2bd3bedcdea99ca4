//! The queues of letters that are to be sent: to people and the topic, and to other systems, whose slowness is to hold up nobody else.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata as _, SdkError};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::operation::send_message_batch::builders::SendMessageBatchFluentBuilder;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use parvis_notices::Letter;

/// Messages of one `SendMessageBatch`.
const BATCH: usize = 10;
/// Bytes of one, below the limit of SQS (256 KiB) with room for what stands around the bodies.
const BATCH_BYTES: usize = 200 * 1024;
/// Bytes of the largest letter that is posted.
const LETTER_BYTES: usize = 256 * 1024;
/// What SQS answers to a batch that no further attempt would make good.
const FOR_GOOD: [&str; 2] = ["BatchRequestTooLong", "InvalidMessageContents"];

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

impl QueueError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Json(_) | Self::Build(_) => false,
            Self::Send(error) => {
                let code = error.as_service_error().and_then(|error| error.code());
                !code.is_some_and(|code| FOR_GOOD.iter().any(|known| code.ends_with(known)))
            }
            Self::Refused(_) => true,
        }
    }
}

/// The queue of what goes to people and to the topic.
#[derive(Clone, Debug)]
pub struct LetterQueue {
    client: Client,
    url: String,
}

/// The queue of what goes to other systems.
#[derive(Clone, Debug)]
pub struct WebhookQueue {
    client: Client,
    url: String,
}

impl LetterQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Posts letters; how many the queue will never take. Some may have been posted when it fails; posting them again sends nothing twice.
    ///
    /// # Errors
    /// When the queue does not take them now.
    pub async fn post(&self, letters: &[Letter]) -> Result<u64, QueueError> {
        send(letters, || self.client.send_message_batch().queue_url(&self.url)).await
    }
}

impl WebhookQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Posts letters, as [`LetterQueue::post`] does.
    ///
    /// # Errors
    /// When the queue does not take them now.
    pub async fn post(&self, letters: &[Letter]) -> Result<u64, QueueError> {
        send(letters, || self.client.send_message_batch().queue_url(&self.url)).await
    }
}

/// Sends letters in batches; how many of them no attempt would bring into the queue.
async fn send(letters: &[Letter], request: impl Fn() -> SendMessageBatchFluentBuilder) -> Result<u64, QueueError> {
    let bodies = letters.iter().map(written).collect::<Result<Vec<_>, _>>()?;
    let (bodies, too_large): (Vec<_>, Vec<_>) = bodies.into_iter().partition(|body| body.len() <= LETTER_BYTES);
    if !too_large.is_empty() {
        tracing::error!(count = too_large.len(), "letters are too large to be posted");
    }
    let mut never = too_large.len();
    for batch in batches(&bodies) {
        let entry = |(place, body): (usize, &String)| {
            SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body).build()
        };
        let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
        let failed = request().set_entries(Some(entries)).send().await.map_err(Box::new)?.failed;
        let (ours, theirs): (Vec<_>, Vec<_>) = failed.into_iter().partition(|entry| entry.sender_fault);
        for entry in &ours {
            tracing::error!(code = entry.code, "the queue will never take a letter");
        }
        never += ours.len();
        if !theirs.is_empty() {
            return Err(QueueError::Refused(theirs.len()));
        }
    }
    Ok(never as u64)
}

/// A letter as the body of a message. SQS takes the characters of XML 1.0 only: JSON escapes all others but these two, which no text needs.
fn written(letter: &Letter) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(letter)?.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"))
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
        /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
        #[test]
        fn a_letter_of_any_characters_is_one_that_the_queue_takes(title in proptest::collection::vec(any::<char>(), 0..40), odd in "[\u{0}-\u{1f}\u{fffd}-\u{ffff}]{0,5}") {
            let at = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
            let letter = Letter {
                key: "k".to_owned(), at, useful_until: at, person: None, category: "c".to_owned(), text: "t".to_owned(),
                language: parvis_notices::Language::French, event: String::new(),
                to: parvis_notices::Destination::Sms { number: "+33612345678".to_owned() },
                subject: title.iter().collect(), body: odd,
            };
            let body = written(&letter).unwrap();
            let taken = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(body.chars().all(taken), "{}", body);
            prop_assert!(serde_json::from_str::<Letter>(&body).is_ok());
        }

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
