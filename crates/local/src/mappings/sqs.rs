//! A queue as event source: gather a batch, invoke, delete what is done.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parvis_sam::{LogicalId, QueueMapping};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    EVENT_BYTES,
    pattern::Filters,
    response::{Verdict, verdict},
};
use crate::{
    lambda::Host,
    queues::{Queues, Receive, Received, md5_of_attributes, md5_of_body},
};

/// How long one long poll lasts.
const POLL: Duration = Duration::from_secs(20);
/// Pause between the receives of one window: bounds the receives of a window at a tenth of it, or so.
const GATHER_STEP: Duration = Duration::from_millis(20);
/// Invocations at once when the mapping sets no maximum.
const DEFAULT_CONCURRENCY: u32 = 5;
/// After a failure a message is visible again after 1, 4, 16, 64, ... of these, at most the queue's visibility timeout, which is
/// what AWS waits each time: a developer does not want to wait three minutes to see a retry.
const RETRY_BASE: Duration = Duration::from_secs(1);

/// A mapping at work.
pub(super) struct QueueSource {
    pub function: LogicalId,
    pub mapping: QueueMapping,
    pub queue: String,
    pub filters: Filters,
    pub region: String,
    pub queues: Queues,
    pub host: Host,
}

impl QueueSource {
    /// Works until `stop`; invocations under way are waited for.
    pub async fn run(self, stop: CancellationToken) {
        let source = Arc::new(self);
        let most = source.mapping.maximum_concurrency.unwrap_or(DEFAULT_CONCURRENCY).max(1);
        let permits = Arc::new(Semaphore::new(most as usize));
        let mut running = JoinSet::new();
        let mut left_over = VecDeque::new();
        loop {
            while running.try_join_next().is_some() {}
            // First the permit, then the messages: a message received early would wait here while its visibility runs out.
            let next = async {
                let permit = permits.clone().acquire_owned().await.ok()?;
                Some((permit, source.gather(&mut left_over).await))
            };
            let (permit, batch) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => match next {
                    Some(next) => next,
                    None => break,
                },
            };
            if !batch.is_empty() {
                let source = source.clone();
                running.spawn(async move {
                    source.process(batch).await;
                    drop(permit);
                });
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// A batch: up to the batch size or the payload limit, waiting for it as long as the window allows.
    async fn gather(&self, left_over: &mut VecDeque<Received>) -> Vec<Received> {
        let size = self.mapping.batch_size.max(1) as usize;
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut deadline = None;
        loop {
            while batch.len() < size
                && let Some(message) = left_over.front()
            {
                bytes += event_bytes(message);
                if bytes > EVENT_BYTES && !batch.is_empty() {
                    return batch;
                }
                batch.extend(left_over.pop_front());
            }
            if batch.len() >= size || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return batch;
            }
            let first = batch.is_empty();
            if let (false, Some(deadline)) = (first, deadline) {
                tokio::time::sleep_until(deadline.min(Instant::now() + GATHER_STEP)).await;
            }
            let receive =
                Receive { most: size - batch.len(), wait: if first { POLL } else { Duration::ZERO }, visibility: None };
            match self.queues.receive(&self.queue, receive).await {
                Ok(messages) if messages.is_empty() && first => return batch,
                Ok(messages) => left_over.extend(messages),
                Err(error) => {
                    tracing::error!(queue = self.queue, %error, "cannot receive");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    return batch;
                }
            }
            deadline.get_or_insert_with(|| Instant::now() + self.mapping.window);
        }
    }

    async fn process(&self, batch: Vec<Received>) {
        let (selected, refused): (Vec<_>, Vec<_>) = batch.into_iter().partition(|message| self.selects(message));
        let mut done: Vec<String> = refused.into_iter().map(|message| message.receipt_handle).collect();
        let mut failed = Vec::new();
        if !selected.is_empty() {
            let outcome = self.host.invoke(&self.function, self.event(&selected)).await;
            let ids: Vec<_> = selected.iter().map(|message| message.message_id.as_str()).collect();
            let verdict = verdict(outcome, self.mapping.partial_responses, &ids);
            self.report(&verdict, selected.len());
            for message in selected {
                let is_done = match &verdict {
                    Verdict::Done => true,
                    Verdict::Failed(ids) => !ids.contains(&message.message_id),
                    Verdict::AllFailed(_) => false,
                };
                if is_done {
                    done.push(message.receipt_handle);
                } else {
                    failed.push((message.receipt_handle, self.retry_after(message.receive_count)));
                }
            }
        }
        let settled = async {
            self.queues.delete(&self.queue, &done).await?;
            self.queues.change_visibility(&self.queue, &failed).await
        };
        if let Err(error) = settled.await {
            // Unsettled messages come back when their visibility times out.
            tracing::error!(queue = self.queue, %error, "cannot settle a batch");
        }
    }

    fn report(&self, verdict: &Verdict, size: usize) {
        let function = &self.function;
        match verdict {
            Verdict::Done => tracing::debug!(%function, size, "batch done"),
            Verdict::Failed(ids) => tracing::warn!(%function, size, failed = ids.len(), "part of a batch failed"),
            Verdict::AllFailed(reason) => tracing::warn!(%function, size, reason, "batch failed"),
        }
    }

    fn retry_after(&self, receive_count: u32) -> Duration {
        let delay = RETRY_BASE.saturating_mul(4_u32.saturating_pow(receive_count.saturating_sub(1)));
        self.queues.definition(&self.queue).map_or(delay, |queue| delay.min(queue.visibility))
    }

    /// Filters see the body as JSON where it is JSON.
    fn selects(&self, message: &Received) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let body = serde_json::from_str(&message.body).unwrap_or_else(|_| Value::String(message.body.clone()));
        self.filters.accept(&json!({ "body": body }))
    }

    fn event(&self, messages: &[Received]) -> Vec<u8> {
        let arn = self.queues.definition(&self.queue).map_or("", |queue| queue.arn.as_str());
        let records: Vec<_> = messages.iter().map(|message| self.record(message, arn)).collect();
        json!({ "Records": records }).to_string().into_bytes()
    }

    fn record(&self, message: &Received, arn: &str) -> Value {
        let mut record = json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": message.system_attributes(),
            "messageAttributes": attributes(message),
            "md5OfBody": md5_of_body(&message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": self.region,
        });
        if let Some(sum) = md5_of_attributes(&message.attributes) {
            record["md5OfMessageAttributes"] = json!(sum);
        }
        record
    }
}

/// Message attributes in the spelling of Lambda's event.
fn attributes(message: &Received) -> Value {
    let shape = |attribute: &crate::queues::Attribute| {
        let mut shape = json!({ "dataType": attribute.data_type, "stringListValues": [], "binaryListValues": [] });
        if let Some(text) = &attribute.string_value {
            shape["stringValue"] = json!(text);
        }
        if let Some(binary) = &attribute.binary_value {
            shape["binaryValue"] = json!(binary);
        }
        shape
    };
    message
        .attributes
        .iter()
        .map(|(name, attribute)| (name.clone(), shape(attribute)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Size of a message inside the event, rounded up: an escaped byte takes up to 6, the frame about 700.
fn event_bytes(message: &Received) -> usize {
    let escapes = message.body.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
    let attributes = serde_json::to_vec(&message.attributes).map_or(0, |json| 2 * json.len());
    message.body.len() + 5 * escapes + 800 + attributes
}
