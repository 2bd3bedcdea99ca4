//! The schedule's jobs: one per series, into a queue from which any number of sandboxes take them.
//!
//! A plan that was cut off is made again from the start: a job that was done before is recognised and skipped by who takes it.

use aws_sdk_sqs::{
    Client,
    error::{BuildError, SdkError},
    operation::send_message_batch::SendMessageBatchError,
    types::SendMessageBatchRequestEntry,
};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::{
    Area, ForecastStore, Inspection, Job, Message, StoreError, Subject, Survey, Target, Task,
    subject::{COWORKING, FED},
};
use parvis_kit::metrics::Metrics;
use parvis_places::{PlaceRecord, PlacesStore, RegisterError};
use serde::Serialize;

use crate::FUNCTION;

/// Messages of one `SendMessageBatch`.
const BATCH: usize = 10;
/// Jobs speak of the present as of the last beginning of such a stretch: a schedule that fires twice plans the same jobs.
const STRETCH: TimeDelta = TimeDelta::minutes(15);

/// Why jobs could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The register cannot be read.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The list of series cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A message could not be built.
    #[error("a job could not be put into a message")]
    Build(#[from] BuildError),
    /// A job could not be written down.
    #[error("a job could not be written down")]
    Json(#[from] serde_json::Error),
    /// The queue did not take a batch.
    #[error("the queue of jobs did not take a batch")]
    Send(#[from] Box<SdkError<SendMessageBatchError>>),
    /// The queue took a batch in part only.
    #[error("the queue of jobs did not take {0} of a batch")]
    Refused(usize),
}

/// What was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Jobs that were put into the queue.
    pub jobs: usize,
}

/// The queue of jobs.
#[derive(Debug, Clone)]
pub struct JobQueue {
    client: Client,
    url: String,
}

impl JobQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Puts messages into the queue.
    ///
    /// # Errors
    /// When the queue does not take all of them.
    pub async fn send(&self, messages: &[Message]) -> Result<(), PlanError> {
        for batch in messages.chunks(BATCH) {
            let entry = |(place, job): (usize, &Message)| -> Result<_, PlanError> {
                let entry = SendMessageBatchRequestEntry::builder().id(place.to_string());
                Ok(entry.message_body(serde_json::to_string(job)?).build()?)
            };
            let entries = batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
            let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
            let refused = request.send().await.map_err(Box::new)?.failed.len();
            if refused > 0 {
                return Err(PlanError::Refused(refused));
            }
        }
        Ok(())
    }
}

/// Plans jobs; cheap to clone.
#[derive(Debug, Clone)]
pub struct Planner {
    /// The register of places.
    pub places: PlacesStore,
    /// The list of series.
    pub store: ForecastStore,
    /// Where jobs go.
    pub queue: JobQueue,
}

impl Planner {
    /// Has every series trained or updated as of `now`, and new ones looked for.
    ///
    /// # Errors
    /// When the register or the list cannot be read, or the queue does not take all jobs. Plan again then.
    pub async fn plan(&self, task: Task, now: DateTime<Utc>) -> Result<Planned, PlanError> {
        let records = self.places.list_records().await?;
        let mut listed = self.store.entries(FED).await?;
        listed.extend(self.store.entries(COWORKING).await?);
        let parking = records.iter().flat_map(subjects);
        let subjects = parking.chain(listed.into_iter().map(|entry| entry.definition.subject));
        let at = floor(now);
        // Series of bookings that are not known yet are found by who may ask PostgreSQL.
        let survey = Message::Survey(Survey { survey: Area::Coworking, task, at });
        let mut jobs = vec![survey];
        jobs.extend(subjects.map(|subject| Message::Job(Job { subject, task, at })));
        // What wears does so in days, for which the night is often enough; a battery that is nearly empty does not wait for it.
        let brief = task == Task::Update;
        let targets = records.iter().map(|record| Target::Place(record.place.id.clone()));
        let targets = targets.chain((!brief).then_some(Target::Equipment));
        jobs.extend(targets.map(|inspect| Message::Inspection(Inspection { inspect, at, brief })));
        self.queue.send(&jobs).await?;
        Metrics::new(FUNCTION).count("JobsPlanned", jobs.len() as u64, &[]);
        Ok(Planned { jobs: jobs.len() })
    }
}

/// The series of a place: the whole of it, and each zone.
fn subjects(record: &PlaceRecord) -> Vec<Subject> {
    let place = &record.place.id;
    let zones = record.zones.iter().map(|zone| Subject::Zone(place.clone(), zone.id.clone()));
    std::iter::once(Subject::Place(place.clone())).chain(zones).collect()
}

/// The last beginning of a stretch.
#[must_use]
pub fn floor(now: DateTime<Utc>) -> DateTime<Utc> {
    let past = now.timestamp_millis().rem_euclid(STRETCH.num_milliseconds());
    let floored = now.timestamp_millis() - past;
    DateTime::from_timestamp_millis(floored).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_that_fires_twice_speaks_of_one_moment() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(floor(at("2026-03-29T01:05:00.2Z")), at("2026-03-29T01:00:00Z"));
        assert_eq!(floor(at("2026-03-29T01:14:59.9Z")), at("2026-03-29T01:00:00Z"));
        assert_eq!(floor(at("2026-03-29T01:15:00Z")), at("2026-03-29T01:15:00Z"));
    }
}
