//! Functions and what invokes them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};

use super::{LogicalId, http::Route};

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its physical name (`FunctionName`, else the logical id).
    pub name: String,
    /// The context it belongs to: the folder below `functions/`.
    pub context: String,
    /// Memory in MB.
    pub memory_mb: u32,
    /// Time after which an invocation is killed.
    pub timeout: Duration,
    /// Concurrency set aside (and the most it may use), if any.
    pub reserved_concurrency: Option<u32>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// What its role allows, beyond what SAM adds for its event sources, logs and tracing. Values that only a real deployment
    /// knows stand as `${Resource.Attribute}`.
    pub statements: Vec<Statement>,
    /// Whether it stands inside the VPC.
    pub vpc: bool,
    /// What invokes it.
    pub events: Vec<Event>,
}

/// One statement of a role's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `true` for Allow, `false` for Deny.
    pub allow: bool,
    /// Actions, for example `dynamodb:PutItem`.
    pub actions: Vec<String>,
    /// Resource ARNs or patterns; those of `NotResource` begin with `not `.
    pub resources: Vec<String>,
    /// The condition block as written.
    pub condition: Option<Value>,
}

/// What invokes a function.
#[derive(Debug, Clone)]
pub enum Event {
    /// Batches of a queue.
    Queue(QueueMapping),
    /// Batches of a table's stream.
    Stream(StreamMapping),
    /// A timer.
    Schedule(Schedule),
    /// Requests of an HTTP API.
    Http(Route),
}

/// A queue as event source.
#[derive(Debug, Clone)]
pub struct QueueMapping {
    /// The event's name within the function.
    pub id: String,
    /// The source.
    pub queue: LogicalId,
    /// Most messages per invocation.
    pub batch_size: u32,
    /// How long to gather a batch.
    pub window: Duration,
    /// Most concurrent invocations from this source.
    pub maximum_concurrency: Option<u32>,
    /// Event patterns, any of which must match.
    pub filters: Vec<Value>,
    /// Whether the function answers with `batchItemFailures`.
    pub partial_responses: bool,
    /// Whether the mapping is active.
    pub enabled: bool,
}

/// A table's stream as event source.
#[derive(Debug, Clone)]
pub struct StreamMapping {
    /// The event's name within the function.
    pub id: String,
    /// The table whose stream it is.
    pub table: LogicalId,
    /// Where a new mapping starts.
    pub starting_position: StartingPosition,
    /// Most records per invocation.
    pub batch_size: u32,
    /// How long to gather a batch.
    pub window: Duration,
    /// Concurrent batches per shard, split by partition key.
    pub parallelization: u32,
    /// Retries of a failing batch; `None` for as long as the records live.
    pub maximum_retries: Option<u32>,
    /// Age after which records are given up; `None` for as long as the stream keeps them.
    pub maximum_age: Option<Duration>,
    /// Whether a failing batch is split in two.
    pub bisect: bool,
    /// Queue that receives the positions of records given up.
    pub on_failure: Option<LogicalId>,
    /// Event patterns, any of which must match.
    pub filters: Vec<Value>,
    /// Whether the function answers with `batchItemFailures`.
    pub partial_responses: bool,
    /// Whether the mapping is active.
    pub enabled: bool,
}

/// Where a stream mapping starts reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// At the oldest record.
    TrimHorizon,
    /// Behind the newest record.
    Latest,
}

/// A timer.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The event's name within the function.
    pub id: String,
    /// When.
    pub expression: ScheduleExpression,
    /// The payload, as JSON text; none for the scheduler's own event.
    pub input: Option<String>,
    /// IANA zone of a cron expression; UTC when none.
    pub timezone: Option<String>,
    /// Whether the timer runs.
    pub enabled: bool,
}

/// When a timer fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleExpression {
    /// Every so often.
    Rate(Duration),
    /// The six fields between `cron(` and `)`.
    Cron(String),
}

/// Something that a function does when it is deployed, and again whenever a property changes.
#[derive(Debug, Clone)]
pub struct CustomResource {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its type, for example `Custom::Migration`.
    pub kind: String,
    /// The function that does it.
    pub function: LogicalId,
    /// What the function is told, without `ServiceToken`.
    pub properties: Map<String, Value>,
}
