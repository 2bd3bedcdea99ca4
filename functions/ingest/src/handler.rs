//! One invocation: a batch of the queue, or a task of the schedule.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::SqsBatchResponse;
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use parvis_kit::batch::queue_response;
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::telemetry::chain;
use parvis_live::LiveStore;
use parvis_parking::{BlockKey, DeviceMessage, MergeReport, PlateObservation, Refusal};
use parvis_places::{CachedPlaces, PlacesStore};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use crate::blocks::{BlockWriter, Update, UpdateError};
use crate::config::Config;
use crate::intake;
use crate::outcome::{Index, Outcome};
use crate::plates::PlatesStore;
use crate::record::Record;
use crate::refusals::DeadLetterQueue;
use crate::silence::{self, SilenceReport};

/// Writes of blocks and plates in flight.
const CONCURRENT_WRITES: usize = 16;
/// How long one invocation tries. It must end before the function's timeout (30 s in the template): a timeout brings
/// all records back after the queue's visibility timeout, an answer in time only those that failed.
const WORKING_TIME: Duration = Duration::from_secs(20);

/// What invokes the function: records of the queue, or a task of the schedule.
///
/// One type with two optional parts, rather than an untagged enum, which would first copy a thousand records into a
/// buffer. Bodies stay text here: each is read on its own.
#[derive(Debug, Deserialize)]
pub struct Invocation {
    /// A batch of the ingest queue.
    #[serde(rename = "Records", default)]
    pub records: Option<Vec<Record>>,
    /// A task of the schedule.
    #[serde(default)]
    pub task: Option<Task>,
}

/// What the schedule can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Mark the sensors that have fallen silent.
    FindSilentSensors,
}

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The records of the batch that must come again.
    Batch(SqsBatchResponse),
    /// What the look for silent sensors found.
    Silence(SilenceReport),
}

/// An invocation that is neither.
#[derive(Debug, thiserror::Error)]
#[error("the event has neither records of a queue nor a task")]
struct NothingToDo;

/// A register that did not answer while there was time.
#[derive(Debug, thiserror::Error)]
#[error("the register of places did not answer in time")]
struct RegisterTooSlow;

/// The function.
#[derive(Debug, Clone)]
pub struct Ingest {
    places: CachedPlaces,
    writer: BlockWriter,
    plates: PlatesStore,
    dead_letters: DeadLetterQueue,
    comms_lost_after: chrono::Duration,
}

impl Ingest {
    /// The function with clients made from the SDK's configuration.
    #[must_use]
    pub fn new(aws: &SdkConfig, config: Config) -> Self {
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        Self::with_clients(dynamodb, aws_sdk_sqs::Client::new(aws), config)
    }

    /// The function with given clients.
    #[must_use]
    pub fn with_clients(dynamodb: aws_sdk_dynamodb::Client, sqs: aws_sdk_sqs::Client, config: Config) -> Self {
        let register = PlacesStore::new(dynamodb.clone(), config.places_table);
        Self {
            places: CachedPlaces::new(register, config.default_place),
            writer: BlockWriter::new(LiveStore::new(dynamodb.clone(), config.live_table)),
            plates: PlatesStore::new(dynamodb, config.plates_table, config.plate_key.clone()),
            dead_letters: DeadLetterQueue::new(sqs, config.dead_letter_queue_url, config.plate_key),
            comms_lost_after: config.comms_lost_after,
        }
    }

    /// Opens the connection to DynamoDB and reads the default place, so that the first batch does not wait for them.
    pub async fn warm(&self) {
        if let Err(error) = self.places.get(&self.places.default_place().id).await {
            tracing::debug!(error = %chain(&error), "not warmed");
        }
    }

    /// Handles one invocation at the time `now`.
    ///
    /// # Errors
    /// When nothing of it could be done, for example because the register is away: all of it must come again.
    pub async fn handle(&self, invocation: Invocation, now: DateTime<Utc>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + WORKING_TIME;
        let mut metrics = Metrics::new("ingest");
        match invocation {
            Invocation { records: Some(records), .. } => {
                let outcome = self.ingest(&records, now, deadline).await?;
                outcome.report(&mut metrics);
                let failed = outcome.failed.iter().map(|index| records[*index].message_id.clone().unwrap_or_default());
                Ok(Answer::Batch(queue_response(failed)))
            }
            Invocation { task: Some(Task::FindSilentSensors), .. } => {
                silence::find(&self.places, &self.writer, self.comms_lost_after, now, deadline, &mut metrics)
                    .await
                    .map(Answer::Silence)
            }
            Invocation { records: None, task: None } => Err(Failure::permanent(NothingToDo)),
        }
    }

    async fn ingest(&self, records: &[Record], now: DateTime<Utc>, deadline: Instant) -> Result<Outcome, Failure> {
        let read = timeout_at(deadline, intake::read(records, &self.places)).await;
        let read = read.map_err(|_| Failure::retryable(RegisterTooSlow))?.map_err(Failure::retryable)?;
        let work = Work::sort(read);
        let mut outcome = Outcome::default();

        outcome.note_refusals(work.refused.iter().map(|(_, refusal)| refusal));
        let (unsent, blocks, plates) = tokio::join!(
            self.dead_letters.send(records, &work.refused, now, deadline),
            self.write_blocks(work.blocks, deadline),
            self.write_plates(work.plates, now, deadline),
        );
        outcome.failed.extend(unsent);
        for (indexes, result) in blocks {
            match result {
                Ok((report, update)) => outcome.note_block(report, update),
                Err(_) => outcome.failed.extend(indexes),
            }
        }
        for (index, stored) in plates {
            match stored {
                Ok(true) => outcome.note_plate(),
                Ok(false) => {}
                Err(_) => {
                    outcome.failed.insert(index);
                }
            }
        }
        Ok(outcome)
    }

    /// Merges and writes; a block that fails fails its own records only.
    async fn write_blocks(
        &self,
        blocks: HashMap<BlockKey, Vec<(Index, DeviceMessage)>>,
        deadline: Instant,
    ) -> Vec<(Vec<Index>, Result<(MergeReport, Update), UpdateError>)> {
        stream::iter(blocks)
            .map(|(key, messages)| async move {
                let mut report = MergeReport::default();
                let merged = self
                    .writer
                    .update(&key, deadline, |block| {
                        report = block.merge(messages.iter().map(|(_, message)| message));
                        report.changed()
                    })
                    .await;
                if let Err(error) = &merged {
                    let error = error as &dyn std::error::Error;
                    tracing::error!(block = %key, messages = messages.len(), error, "a block was not written");
                }
                let indexes = messages.iter().map(|(index, _)| *index).collect();
                (indexes, merged.map(|update| (report, update)))
            })
            .buffer_unordered(CONCURRENT_WRITES)
            .collect()
            .await
    }

    async fn write_plates(
        &self,
        plates: Vec<(Index, PlateObservation)>,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Vec<(Index, Result<bool, ()>)> {
        stream::iter(plates)
            .map(|(index, seen)| async move {
                let stored = self.plates.put(&seen, now, deadline).await.map_err(|error| {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(place = %seen.place, zone = %seen.zone, error, "a plate observation was not stored");
                });
                (index, stored)
            })
            .buffer_unordered(CONCURRENT_WRITES)
            .collect()
            .await
    }
}

/// The records of a batch by what is to be done with them.
#[derive(Debug, Default)]
struct Work {
    blocks: HashMap<BlockKey, Vec<(Index, DeviceMessage)>>,
    plates: Vec<(Index, PlateObservation)>,
    refused: Vec<(Index, Refusal)>,
}

impl Work {
    fn sort(read: Vec<Result<DeviceMessage, Refusal>>) -> Self {
        let mut work = Self::default();
        for (index, outcome) in read.into_iter().enumerate() {
            match outcome {
                Err(refusal) => work.refused.push((index, refusal)),
                Ok(DeviceMessage::Plate(observation)) => work.plates.push((index, observation)),
                Ok(message) => {
                    if let Some(key) = message.block_key() {
                        work.blocks.entry(key).or_default().push((index, message));
                    }
                }
            }
        }
        work
    }
}

#[cfg(test)]
mod tests;
