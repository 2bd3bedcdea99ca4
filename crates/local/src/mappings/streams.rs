//! A table's stream as event source: records in order, retried from the first one that is not done.
//!
//! One shard per table and one batch at a time, so order is kept for the whole table. A `ParallelizationFactor` above one is
//! accepted and has no effect: it may only reorder records of different partition keys.

use std::time::{Duration, Instant};

use parvis_sam::{LogicalId, StartingPosition, StreamMapping};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    EVENT_BYTES,
    pattern::Filters,
    response::{Verdict, verdict},
};
use crate::{
    dynamodb::{DynamoDbError, SequenceNumber, StreamReader},
    lambda::Host,
    queues::{Attributes, Queues},
    state::State,
};

/// Most records of one read.
const READ: usize = 1_000;
/// Waits between retries of a failing batch: doubled from the first to the last of these. AWS goes up to a minute; here a database
/// that comes back should be caught up with before its developer wonders.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));
/// Wait after a failed read of the stream itself.
const READ_BACKOFF: Duration = Duration::from_secs(1);

/// A mapping at work.
pub(super) struct StreamSource {
    pub function: LogicalId,
    pub mapping: StreamMapping,
    pub filters: Filters,
    pub region: String,
    pub arn: String,
    pub reader: StreamReader,
    /// Where it is told which records were given up.
    pub failures: Option<(Queues, String)>,
    pub state: State,
    pub host: Host,
}

/// A record as the function gets it.
struct Record {
    sequence: SequenceNumber,
    event: Value,
    bytes: usize,
}

impl StreamSource {
    /// Works until `stop`; the invocation under way is waited for.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut position = match self.start() {
            Ok(position) => position,
            Err(error) => return tracing::error!(function = %self.function, error, "cannot start the stream mapping"),
        };
        loop {
            let batch = tokio::select! {
                () = stop.cancelled() => return,
                batch = self.gather(&mut position) => batch,
            };
            if let Some(end) = self.deliver(batch, &stop).await {
                self.checkpoint(&end);
                position = Some(end);
            }
        }
    }

    /// Name of the mapping in the state file.
    fn key(&self) -> String {
        format!("{}/{}", self.function, self.mapping.id)
    }

    fn start(&self) -> Result<Option<SequenceNumber>, String> {
        let kept = self.state.checkpoint(&self.key()).map_err(|error| error.to_string())?;
        match (kept, self.mapping.starting_position) {
            (Some(kept), _) => Ok(Some(kept)),
            (None, StartingPosition::TrimHorizon) => Ok(None),
            (None, StartingPosition::Latest) => self.reader.latest().map_err(|error| error.to_string()),
        }
    }

    fn checkpoint(&self, position: &str) {
        if let Err(error) = self.state.set_checkpoint(&self.key(), position) {
            // The batch would be delivered again after a restart, which every function must bear anyway.
            tracing::error!(function = %self.function, %error, "cannot keep the position in the stream");
        }
    }

    /// The next batch of records that pass the filters; `position` moves behind those that do not, as long as none was found.
    async fn gather(&mut self, position: &mut Option<SequenceNumber>) -> Vec<Record> {
        let size = self.mapping.batch_size.max(1) as usize;
        let mut batch: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let mut reached = position.clone();
        let mut deadline = None;
        loop {
            let read = match self.reader.read(reached.as_ref(), READ.min(2 * size)).await {
                Ok(read) => read,
                Err(error) => {
                    self.read_failed(&error).await;
                    continue;
                }
            };
            let caught_up = read.is_empty();
            for record in read {
                let record = match self.record(record) {
                    Ok(record) => record,
                    Err(error) => {
                        tracing::error!(function = %self.function, %error, "a stream record cannot be put into an event");
                        continue;
                    }
                };
                if self.filters.accept(&record.event) {
                    bytes += record.bytes;
                    if bytes > EVENT_BYTES && !batch.is_empty() {
                        return batch;
                    }
                    reached = Some(record.sequence.clone());
                    batch.push(record);
                    if batch.len() >= size {
                        return batch;
                    }
                } else {
                    reached = Some(record.sequence.clone());
                    if batch.is_empty() {
                        position.clone_from(&reached);
                    }
                }
            }
            if !batch.is_empty() {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.mapping.window);
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() || (caught_up && tokio::time::timeout(left, self.reader.changed()).await.is_err()) {
                    return batch;
                }
            } else if caught_up {
                self.reader.changed().await;
            }
        }
    }

    async fn read_failed(&self, error: &DynamoDbError) {
        tracing::error!(function = %self.function, table = self.reader.table(), %error, "cannot read the stream");
        tokio::time::sleep(READ_BACKOFF).await;
    }

    fn record(&self, record: crate::dynamodb::StreamRecord) -> serde_json::Result<Record> {
        let sequence = record.dynamodb.sequence_number.clone();
        let mut event = serde_json::to_value(record)?;
        event["eventSourceARN"] = json!(self.arn);
        event["awsRegion"] = json!(self.region);
        let bytes = event.to_string().len() + 1;
        Ok(Record { sequence, event, bytes })
    }

    /// Delivers a batch, as often as it takes; the position behind it, or `None` when stopped before it was done.
    async fn deliver(&self, mut batch: Vec<Record>, stop: &CancellationToken) -> Option<SequenceNumber> {
        let end = batch.last()?.sequence.clone();
        let mut attempts = 0;
        let mut since = Instant::now();
        while !batch.is_empty() {
            let events: Vec<_> = batch.iter().map(|record| &record.event).collect();
            let outcome = self.host.invoke(&self.function, json!({ "Records": events }).to_string()).await;
            let ids: Vec<_> = batch.iter().map(|record| record.sequence.as_str()).collect();
            let done = match verdict(outcome, self.mapping.partial_responses, &ids) {
                Verdict::Done => return Some(end),
                Verdict::Failed(failed) => {
                    tracing::warn!(function = %self.function, size = batch.len(), failed = failed.len(), "part of a stream batch failed");
                    // Everything from the first failure on is delivered again, to keep the order.
                    ids.iter().take_while(|id| !failed.contains(**id)).count()
                }
                Verdict::AllFailed(reason) => {
                    tracing::warn!(function = %self.function, size = batch.len(), attempts, reason, "stream batch failed");
                    0
                }
            };
            if done > 0 {
                self.checkpoint(&batch[done - 1].sequence);
                batch.drain(..done);
                (attempts, since) = (0, Instant::now());
            }
            attempts += 1;
            if self.gives_up(attempts, since) {
                tracing::error!(function = %self.function, records = batch.len(), first = batch[0].sequence, "stream records given up");
                self.tell_of_failure(&batch, attempts).await;
                return Some(end);
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(backoff(attempts)) => {}
            }
        }
        Some(end)
    }

    /// What Lambda sends to the destination on failure: where the records are in the stream, and not the records.
    async fn tell_of_failure(&self, batch: &[Record], attempts: u32) {
        let (Some((queues, queue)), Some(first), Some(last)) = (&self.failures, batch.first(), batch.last()) else {
            return;
        };
        let exhausted = self.mapping.maximum_retries.is_some_and(|most| attempts > most);
        let arrival = |record: &Record| record.event["dynamodb"]["ApproximateCreationDateTime"].clone();
        let body = json!({
            "requestContext": {
                "functionArn": self.function.to_string(),
                "condition": if exhausted { "RetryAttemptsExhausted" } else { "RecordAgeExceeded" },
                "approximateInvokeCount": attempts,
            },
            "version": "1.0",
            "timestamp": chrono::Utc::now(),
            "DDBStreamBatchInfo": {
                "shardId": "shardId-000000000000",
                "startSequenceNumber": first.sequence,
                "endSequenceNumber": last.sequence,
                "approximateArrivalOfFirstRecord": arrival(first),
                "approximateArrivalOfLastRecord": arrival(last),
                "batchSize": batch.len(),
                "streamArn": self.arn,
            },
        });
        if let Err(error) = queues.send(queue, body.to_string(), Attributes::new()).await {
            tracing::error!(function = %self.function, queue, %error, "the queue of failures does not take what was given up");
        }
    }

    fn gives_up(&self, attempts: u32, since: Instant) -> bool {
        self.mapping.maximum_retries.is_some_and(|most| attempts > most)
            || self.mapping.maximum_age.is_some_and(|most| since.elapsed() > most)
    }
}

/// Wait before the retry after so many failed attempts (1 or more).
fn backoff(attempts: u32) -> Duration {
    let (first, last) = BACKOFF;
    first.saturating_mul(2_u32.saturating_pow(attempts - 1)).min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_between_retries_doubles_up_to_its_bound() {
        assert_eq!([1, 2, 3, 40].map(backoff).map(|wait| wait.as_millis()), [100, 200, 400, 3_000]);
    }
}
