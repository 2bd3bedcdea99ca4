//! The handler of the queue.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use parvis_forecasts::Job;
use parvis_kit::{batch::queue_response, metrics::Metrics, telemetry::chain};
use tokio::time::Instant;

use crate::{
    FUNCTION,
    work::{Done, Trainer},
};

/// What the longest training may take; a job is not begun with less time left.
const LONGEST: Duration = Duration::from_secs(60);

/// Does the jobs of a batch one after the other. Those that failed, or that there was no time for, come again; after the
/// queue's number of attempts they go to its dead-letter queue.
pub async fn handle(trainer: &Trainer, event: SqsEvent, deadline: Instant) -> SqsBatchResponse {
    let mut metrics = Metrics::new(FUNCTION);
    let mut failed = Vec::new();
    for message in event.records {
        let id = message.message_id.unwrap_or_default();
        if Instant::now() + LONGEST > deadline {
            failed.push(id);
            continue;
        }
        let job = match serde_json::from_str::<Job>(message.body.as_deref().unwrap_or_default()) {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(%error, "a message is no job");
                metrics.count("JobsUnreadable", 1, &[]);
                failed.push(id);
                continue;
            }
        };
        let started = Instant::now();
        match trainer.work(&job).await {
            Ok(done) => {
                let name = match done {
                    Done::Trained => "SeriesTrained",
                    Done::Updated => "SeriesUpdated",
                    Done::Refused => "SeriesRefused",
                    Done::Already => "JobsRepeated",
                    Done::Gone => "SeriesGone",
                };
                metrics.count(name, 1, &[]).milliseconds("JobTime", started.elapsed().as_secs_f64() * 1e3, &[]);
            }
            Err(error) => {
                tracing::error!(subject = %job.subject, error = %chain(&error), "a series is not forecast yet");
                metrics.count("JobsFailed", 1, &[]);
                failed.push(id);
            }
        }
    }
    queue_response(failed)
}
