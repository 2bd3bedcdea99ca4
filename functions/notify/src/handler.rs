//! One invocation: records of the stream, or a task of the schedule.

use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::streams::DynamoDbEventResponse;
use chrono::{DateTime, Utc};
use parvis_events::CloudEvent;
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_kit::{batch, event_store};
use serde::{Deserialize, Serialize};

use crate::FUNCTION;
use crate::plan::{Notifier, Planned};
use crate::remind::Reminded;

/// What invokes the function.
#[derive(Debug, Deserialize)]
pub struct Invocation {
    /// Records of the stream of events.
    #[serde(rename = "Records", default)]
    pub records: Option<Vec<EventRecord>>,
    /// A task of the schedule.
    #[serde(default)]
    pub task: Option<Task>,
    /// A time ahead of the clock for which the task is done: what is due by then.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

/// What the schedule can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Send what has become due.
    Remind,
}

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The first record that must come again, with all after it.
    Stream(DynamoDbEventResponse),
    /// What a run did.
    Reminded(Reminded),
}

/// An invocation that is neither.
#[derive(Debug, thiserror::Error)]
#[error("the event has neither records of a stream nor a task")]
struct NothingToDo;

impl Notifier {
    /// Handles one invocation at the time `now`.
    ///
    /// # Errors
    /// When a run fails, or the event is none of ours.
    pub async fn handle(&self, invocation: Invocation, now: DateTime<Utc>) -> Result<Answer, Failure> {
        match invocation {
            Invocation { records: Some(records), .. } => Ok(Answer::Stream(self.events(&records, now).await)),
            Invocation { task: Some(Task::Remind), at, .. } => self
                .remind(at.map_or(now, |at| at.max(now)), now)
                .await
                .map(Answer::Reminded)
                .map_err(Failure::retryable),
            Invocation { records: None, task: None, .. } => Err(Failure::permanent(NothingToDo)),
        }
    }

    /// Events in their order: the first that fails comes again, with all after it. One that would fail for ever, or cannot be read, would
    /// block its shard: it is logged, counted and left in the events table.
    async fn events(&self, records: &[EventRecord], now: DateTime<Utc>) -> DynamoDbEventResponse {
        let mut metrics = Metrics::new(FUNCTION);
        for record in records {
            let event: CloudEvent = match event_store::from_image(record.change.new_image.clone()) {
                Ok(event) => event,
                Err(error) => {
                    tracing::error!(error = %chain(&error), event = record.event_id, "not an event");
                    metrics.count("UnreadableEvents", 1, &[]);
                    continue;
                }
            };
            match self.plan(&event, now).await {
                Ok(planned) => count(&mut metrics, &planned),
                Err(error) if !error.is_transient() => {
                    tracing::error!(error = %chain(&error), event = %event.id, kind = event.kind, "nothing can follow from an event");
                    metrics.count("UnplannableEvents", 1, &[]);
                }
                Err(error) => {
                    tracing::warn!(error = %chain(&error), event = %event.id, "will be retried");
                    metrics.count("PlanFailures", 1, &[]);
                    return batch::stream_response(Some(record));
                }
            }
        }
        batch::stream_response(None)
    }
}

fn count(metrics: &mut Metrics, planned: &Planned) {
    metrics
        .count("LettersPosted", planned.letters, &[])
        .count("RemindersSet", planned.reminders, &[])
        .count("MessagesHeld", planned.held, &[])
        .count("UnpostableLetters", planned.unpostable, &[])
        .count("UnreadableItems", planned.unreadable, &[])
        .count("TextFailures", planned.unwritten, &[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sample: &str) -> Invocation {
        serde_json::from_str(sample).unwrap()
    }

    #[test]
    fn the_samples_are_what_invokes_the_function() {
        let run = read(include_str!("../../../events/notify/remind.json"));
        assert_eq!((run.task, run.records.is_none()), (Some(Task::Remind), true));
        for sample in [
            include_str!("../../../events/notify/alert-raised.json"),
            include_str!("../../../events/notify/booking-confirmed.json"),
        ] {
            let records = read(sample).records.unwrap();
            let event: CloudEvent = event_store::from_image(records[0].change.new_image.clone()).unwrap();
            parvis_test_events::check(&event);
        }
    }
}
