//! Event source mappings: queues and streams bring their records to functions, by Lambda's documented rules.

pub mod pattern;
mod response;
mod sqs;
mod streams;

use parvis_sam::{Event, Function, LogicalId, QueueMapping, Stack, StreamMapping};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{dynamodb::DynamoDb, lambda::Host, queues::Queues, state::State};
pub(crate) use pattern::Filters; // SNS filter policies are written in the same language
pub use pattern::PatternError;
use sqs::QueueSource;
use streams::StreamSource;

/// Most bytes of a batch event: Lambda's payload limit less the event's frame.
const EVENT_BYTES: usize = crate::lambda::MAX_PAYLOAD_BYTES - 64 * 1024;

/// Why the mappings could not be started.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// A filter that cannot be read.
    #[error("{function}.{mapping}: {source}")]
    Pattern {
        /// The function.
        function: LogicalId,
        /// The event's name.
        mapping: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// A source that is not there.
    #[error("{function}.{mapping}: {source}")]
    Stream {
        /// The function.
        function: LogicalId,
        /// The event's name.
        mapping: String,
        /// What is wrong with it.
        source: crate::dynamodb::DynamoDbError,
    },
    /// A source that the template does not have.
    #[error("{function}.{mapping}: {resource} is not in the template")]
    NotInTemplate {
        /// The function.
        function: LogicalId,
        /// The event's name.
        mapping: String,
        /// The queue or table.
        resource: LogicalId,
    },
    /// An option that would change behaviour and is not implemented.
    #[error("{function}.{mapping}: {option} is not supported by the local stack")]
    Unsupported {
        /// The function.
        function: LogicalId,
        /// The event's name.
        mapping: String,
        /// The option.
        option: &'static str,
    },
}

/// What mappings read from and bring to.
pub struct Sources<'a> {
    /// The queues.
    pub queues: &'a Queues,
    /// The tables.
    pub dynamodb: &'a DynamoDb,
    /// Where positions in streams are kept.
    pub state: &'a State,
    /// The functions.
    pub host: &'a Host,
    /// Region in the events.
    pub region: &'a str,
}

/// The mappings of a template at work.
pub struct Mappings {
    stop: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

impl Mappings {
    /// Starts every enabled mapping of the template.
    ///
    /// # Errors
    /// See [`MappingError`].
    pub fn start(template: &Stack, sources: &Sources<'_>) -> Result<Self, MappingError> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for function in template.functions.values() {
            for event in &function.events {
                match event {
                    Event::Queue(mapping) if mapping.enabled => {
                        tasks.spawn(sources.queue(template, function, mapping)?.run(stop.clone()));
                    }
                    Event::Stream(mapping) if mapping.enabled => {
                        tasks.spawn(sources.stream(template, function, mapping)?.run(stop.clone()));
                    }
                    Event::Queue(_) | Event::Stream(_) | Event::Schedule(_) | Event::Http(_) => {}
                }
            }
        }
        Ok(Self { stop, tasks: tokio::sync::Mutex::new(tasks) })
    }

    /// Stops taking records and waits for the invocations under way. Idempotent.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Sources<'_> {
    fn queue(
        &self,
        template: &Stack,
        function: &Function,
        mapping: &QueueMapping,
    ) -> Result<QueueSource, MappingError> {
        let name = || (function.logical_id.clone(), mapping.id.clone());
        let Some(queue) = template.queues.get(&mapping.queue) else {
            let (function, id) = name();
            return Err(MappingError::NotInTemplate { function, mapping: id, resource: mapping.queue.clone() });
        };
        Ok(QueueSource {
            function: function.logical_id.clone(),
            mapping: mapping.clone(),
            queue: queue.name.clone(),
            filters: filters(function, &mapping.id, &mapping.filters)?,
            region: self.region.to_owned(),
            queues: self.queues.clone(),
            host: self.host.clone(),
        })
    }

    fn stream(
        &self,
        template: &Stack,
        function: &Function,
        mapping: &StreamMapping,
    ) -> Result<StreamSource, MappingError> {
        let name = || (function.logical_id.clone(), mapping.id.clone());
        let Some(table) = template.tables.get(&mapping.table) else {
            let (function, id) = name();
            return Err(MappingError::NotInTemplate { function, mapping: id, resource: mapping.table.clone() });
        };
        if mapping.bisect {
            let (function, id) = name();
            return Err(MappingError::Unsupported { function, mapping: id, option: "BisectBatchOnFunctionError" });
        }
        let failures = match &mapping.on_failure {
            Some(queue) => {
                let Some(queue) = template.queues.get(queue) else {
                    let (function, id) = name();
                    return Err(MappingError::NotInTemplate { function, mapping: id, resource: queue.clone() });
                };
                Some((self.queues.clone(), queue.name.clone()))
            }
            None => None,
        };
        let reader = self.dynamodb.stream(&table.name).map_err(|source| {
            let (function, id) = name();
            MappingError::Stream { function, mapping: id, source }
        })?;
        let label = reader.arn().rsplit('/').next().unwrap_or_default().to_owned();
        Ok(StreamSource {
            function: function.logical_id.clone(),
            mapping: mapping.clone(),
            filters: filters(function, &mapping.id, &mapping.filters)?,
            region: self.region.to_owned(),
            arn: format!("{}/stream/{label}", table.arn),
            reader,
            failures,
            state: self.state.clone(),
            host: self.host.clone(),
        })
    }
}

fn filters(function: &Function, mapping: &str, patterns: &[serde_json::Value]) -> Result<Filters, MappingError> {
    Filters::parse(patterns).map_err(|source| MappingError::Pattern {
        function: function.logical_id.clone(),
        mapping: mapping.to_owned(),
        source,
    })
}
