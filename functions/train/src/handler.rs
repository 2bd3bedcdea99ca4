//! The handler of the queue.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use parvis_forecasts::Message;
use parvis_kit::{batch::queue_response, metrics::Metrics, telemetry::chain};
use tokio::time::Instant;

use crate::{
    FUNCTION,
    work::{Done, LONGEST, Trainer, WorkError},
};

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
        let work = match serde_json::from_str::<Message>(message.body.as_deref().unwrap_or_default()) {
            Ok(work) => work,
            Err(error) => {
                tracing::error!(%error, "a message is none of ours");
                metrics.count("JobsUnreadable", 1, &[]);
                failed.push(id);
                continue;
            }
        };
        let started = Instant::now();
        match do_it(trainer, &work, deadline).await {
            Ok(name) => {
                metrics.count(name, 1, &[]).milliseconds("JobTime", started.elapsed().as_secs_f64() * 1e3, &[]);
            }
            Err(error) => {
                tracing::error!(?work, error = %chain(&error), "a job is not done yet");
                metrics.count("JobsFailed", 1, &[]);
                failed.push(id);
            }
        }
    }
    queue_response(failed)
}

/// Does what a message says, and names the metric that counts it.
async fn do_it(trainer: &Trainer, message: &Message, deadline: Instant) -> Result<&'static str, WorkError> {
    let done = match message {
        Message::Job(job) => trainer.work(job).await?,
        Message::Backtest(asked) => trainer.test(asked).await?,
        Message::Inspection(inspection) => {
            trainer.inspect(inspection).await?;
            return Ok("Inspections");
        }
        Message::Survey(survey) => {
            let surveyed = trainer.survey(survey, deadline).await?;
            tracing::info!(?surveyed, "the bookings were surveyed");
            return Ok("Surveys");
        }
    };
    Ok(match done {
        Done::Trained => "SeriesTrained",
        Done::Updated => "SeriesUpdated",
        Done::Refused => "SeriesRefused",
        Done::Already => "JobsRepeated",
        Done::Gone => "SeriesGone",
        Done::Tested => "SeriesTested",
    })
}
