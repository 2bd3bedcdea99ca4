//! Sending refused messages to the dead-letter queue.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, SdkError};
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::{StreamExt, stream};
use parvis_kit::telemetry::chain;
use parvis_parking::Refusal;
use parvis_parking::plate::{PlateKey, speaks_of_plates, without_plates};
use tokio::time::{Instant, timeout_at};

use crate::dead_letter::{DETAIL, MESSAGE_ID, REASON, REFUSED_AT};
use crate::envelope::Envelope;
use crate::outcome::Index;
use crate::record::Record;

/// Limits of one `SendMessageBatch`; the size is 256 KiB less what the attributes may take.
const BATCH_ENTRIES: usize = 10;
const BATCH_BYTES: usize = 240 * 1024;
const CONCURRENT_SENDS: usize = 4;
/// An explanation longer than this explains nothing.
const DETAIL_CHARS: usize = 256;

/// What is kept of a body that is no envelope and speaks of plates.
const WITHHELD: &str = "{\"withheld\":\"the body names plates\"}";

/// The dead-letter queue.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetterQueue {
    client: Client,
    url: String,
    plate_key: PlateKey,
}

/// A refused message as it goes to the queue.
struct Letter<'a> {
    index: Index,
    message_id: &'a str,
    body: Cow<'a, str>,
    refusal: &'a Refusal,
}

#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("sending to the dead-letter queue failed")]
    Send(#[from] Box<SdkError<SendMessageBatchError>>),
    #[error("an entry of the dead-letter queue could not be built")]
    Build(#[from] BuildError),
    #[error("the dead-letter queue did not answer in time")]
    OutOfTime,
}

impl DeadLetterQueue {
    pub(crate) fn new(client: Client, url: String, plate_key: PlateKey) -> Self {
        Self { client, url, plate_key }
    }

    /// Sends refused records with their original bodies, though without plates, and returns those of which it is not known that
    /// they were sent.
    pub(crate) async fn send(
        &self,
        records: &[Record],
        refused: &[(Index, Refusal)],
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> BTreeSet<Index> {
        let letters: Vec<_> =
            refused.iter().map(|(index, refusal)| self.letter(*index, &records[*index], refusal)).collect();
        stream::iter(batches(&letters, |letter| letter.body.len()))
            .map(|batch| async move {
                let sent = timeout_at(deadline, self.send_batch(batch, now)).await;
                let sent = sent.unwrap_or(Err(SendError::OutOfTime));
                sent.unwrap_or_else(|error| {
                    tracing::error!(
                        error = %chain(&error),
                        messages = batch.len(),
                        "refusals not sent"
                    );
                    batch.iter().map(|letter| letter.index).collect()
                })
            })
            .buffer_unordered(CONCURRENT_SENDS)
            .concat()
            .await
            .into_iter()
            .collect()
    }

    fn letter<'a>(&self, index: Index, record: &'a Record, refusal: &'a Refusal) -> Letter<'a> {
        let message_id = record.message_id.as_deref().unwrap_or("unknown");
        let body = record.body.as_deref().unwrap_or_default();
        Letter { index, message_id, body: lawful(body, &self.plate_key), refusal }
    }

    /// Sends one batch and returns the records that the queue did not take.
    async fn send_batch(&self, batch: &[Letter<'_>], now: DateTime<Utc>) -> Result<Vec<Index>, SendError> {
        let entries = batch.iter().map(|letter| entry(letter, now)).collect::<Result<Vec<_>, _>>()?;
        let output = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(Box::new)?;
        for failed in output.failed() {
            tracing::error!(code = failed.code(), reason = failed.message(), "a refusal was not taken");
        }
        Ok(output.failed().iter().filter_map(|failed| failed.id().parse().ok()).collect())
    }
}

/// The body as it may be kept for as long as the queue keeps it: plates in clear may not.
fn lawful<'a>(body: &'a str, key: &PlateKey) -> Cow<'a, str> {
    match Envelope::read(body) {
        Ok(envelope) => match without_plates(&envelope.topic, &envelope.payload, key) {
            Some(payload) => Envelope { payload, ..envelope }.to_body().into(),
            None => body.into(),
        },
        // Where the plate is cannot be told.
        Err(_) if speaks_of_plates(body.as_bytes()) => WITHHELD.into(),
        Err(_) => body.into(),
    }
}

fn entry(letter: &Letter<'_>, now: DateTime<Utc>) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let refused_at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    SendMessageBatchRequestEntry::builder()
        .id(letter.index.to_string())
        .message_body(letter.body.as_ref())
        .message_attributes(REASON, text(letter.refusal.code.as_str())?)
        .message_attributes(DETAIL, text(&printable(&letter.refusal.detail))?)
        .message_attributes(MESSAGE_ID, text(letter.message_id)?)
        .message_attributes(REFUSED_AT, text(&refused_at)?)
        .build()
}

fn text(value: &str) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}

/// Attributes take no control characters, no noncharacters and no empty text, and a refusal may quote a topic.
fn printable(detail: &str) -> String {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    let detail: String = detail.chars().take(DETAIL_CHARS).map(|c| if is_plain(c) { c } else { '\u{fffd}' }).collect();
    if detail.is_empty() { "-".to_owned() } else { detail }
}

/// Cuts items into batches within the limits. One that is alone above the size goes alone, for the queue to judge.
fn batches<T>(items: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (position, item) in items.iter().enumerate() {
        let length = size(item);
        if position > start && (position - start == BATCH_ENTRIES || bytes + length > BATCH_BYTES) {
            batches.push(&items[start..position]);
            (start, bytes) = (position, 0);
        }
        bytes += length;
    }
    if start < items.len() {
        batches.push(&items[start..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_that_is_no_envelope_is_kept_unless_it_names_plates() {
        let key = PlateKey::new(b"secret");
        assert_eq!(lawful("what is this", &key), "what is this");
        let body = r#"{"topic":"parking/a/gate/plate","received_at":"now","payload":"eyJwbGF0ZSI6IkFBMTIzQUEifQ=="}"#;
        assert_eq!(lawful(body, &key), WITHHELD);
    }

    #[test]
    fn a_detail_can_always_be_sent() {
        assert_eq!(printable("topic `a\u{0}b\n`"), "topic `a\u{fffd}b\u{fffd}`");
        assert_eq!(printable(""), "-");
        assert_eq!(printable(&"x".repeat(10_000)).len(), DETAIL_CHARS);
    }

    proptest! {
        #[test]
        fn batches_keep_everything_within_the_limits(sizes in prop::collection::vec(0..300_000usize, 0..60)) {
            let batches = batches(&sizes, |size| *size);
            prop_assert_eq!(&batches.concat(), &sizes);
            for batch in batches {
                prop_assert!(!batch.is_empty() && batch.len() <= BATCH_ENTRIES);
                prop_assert!(batch.len() == 1 || batch.iter().sum::<usize>() <= BATCH_BYTES);
            }
        }
    }
}
