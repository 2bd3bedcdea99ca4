//! The embedded stack as users start it, on a data directory of its own.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use parvis_local::dynamodb;
use parvis_local::lambda;
use parvis_local::options::Options;
use parvis_local::stack::Stack;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::fleet::{Crew, Fleet, Sensor};
use crate::process;

/// The queue of device messages.
pub const QUEUE: &str = "IngestQueue";
/// How long the platform may take to work off what it has.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);

/// A running platform.
pub struct Platform {
    stack: Stack,
    http: reqwest::Client,
    /// Deleted last.
    _directory: TempDir,
}

/// What was consumed since the start.
#[derive(Debug, Clone, Default)]
pub struct Consumed {
    /// By table.
    pub tables: BTreeMap<String, dynamodb::Usage>,
    /// By function.
    pub functions: BTreeMap<String, FunctionUse>,
    /// Bytes of the functions' logs.
    pub log_bytes: u64,
}

/// What one function has consumed.
#[derive(Debug, Clone, Copy, Default)]
pub struct FunctionUse {
    /// Invocations and their time.
    pub usage: lambda::Usage,
    /// Processor time of its sandboxes.
    pub cpu: Duration,
    /// As the template gives it.
    pub memory_mb: u32,
}

impl Platform {
    /// Starts it with other values for some of the template's parameters.
    pub async fn start(parameters: &[(&str, &str)]) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("parvis-bench-").tempdir()?;
        // PostgreSQL runs as another user when we are root, and has to get through.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))?;
        let options = Options { data_dir: directory.path().to_owned(), ephemeral: false, ..Options::for_tests() };
        let options = parameters.iter().fold(options, |options, (name, value)| options.parameter(name, value));
        let stack = Stack::start(options).await?;
        Ok(Self { stack, http: reqwest::Client::new(), _directory: directory })
    }

    /// The stack itself.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The MQTT broker, `host:port`.
    pub fn broker(&self) -> &str {
        self.stack.endpoints().broker()
    }

    /// The bytes of a successful GET.
    pub async fn bytes(&self, path: &str) -> anyhow::Result<bytes::Bytes> {
        let answer = self.http.get(format!("{}{path}", self.stack.endpoints().api)).send().await?;
        Ok(answer.error_for_status()?.bytes().await?)
    }

    /// The JSON of a successful GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.bytes(path).await?)?)
    }

    /// Enters a fleet into the register.
    pub async fn register(&self, fleet: &Fleet) -> anyhow::Result<()> {
        let token = self.stack.identity().mint("admin").await?;
        for id in fleet.ids() {
            let url = format!("{}/v1/places", self.stack.endpoints().api);
            let request = self.http.request(Method::POST, url).bearer_auth(&token).json(&fleet.entry(&id));
            let answer = request.send().await?;
            if !answer.status().is_success() {
                bail!("place {id}: {} {}", answer.status(), answer.text().await?);
            }
        }
        Ok(())
    }

    /// Waits until the queue holds nothing, neither waiting nor in work.
    pub async fn queue_empty(&self) -> anyhow::Result<()> {
        let queue = &self.stack.template().queues.get(QUEUE).context("the queue of device messages")?.name;
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let counts = self.stack.queues().counts(queue).await?;
            let left = counts.visible + counts.in_flight + counts.delayed;
            if left == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("{left} messages are still in the queue");
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Messages in the dead-letter queue.
    pub async fn dead_letters(&self) -> anyhow::Result<u64> {
        let queue = self.stack.template().queues.get("IngestDeadLetterQueue").context("dead-letter queue")?;
        let counts = self.stack.queues().counts(&queue.name).await?;
        Ok(counts.visible + counts.in_flight)
    }

    /// Waits until nobody has written to DynamoDB for a second, and every function is idle.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.queue_empty().await?;
        let deadline = Instant::now() + SETTLED_WITHIN;
        let mut writes = self.stack.dynamodb().writes();
        let mut before = self.invocations();
        while Instant::now() < deadline {
            writes.mark_unchanged();
            let quiet = timeout(Duration::from_secs(1), writes.changed()).await.is_err();
            let now = self.invocations();
            if quiet && now == before {
                return Ok(());
            }
            before = now;
        }
        bail!("the platform does not come to rest")
    }

    fn invocations(&self) -> u64 {
        self.stack.host().usage().values().map(|usage| usage.invocations).sum()
    }

    /// Sensors whose space is not told as they reported it, after giving the platform the time it needs.
    pub async fn untold(&self, fleet: &Fleet, crews: &[Crew]) -> anyhow::Result<usize> {
        let mut untold = 0;
        for place in fleet.ids() {
            let sensors = crews.iter().flat_map(|crew| &crew.sensors);
            let sensors: Vec<_> = sensors.filter(|sensor| sensor.place == place && sensor.since().is_some()).collect();
            untold += self.untold_of(&place, &sensors).await?;
        }
        Ok(untold)
    }

    async fn untold_of(&self, place: &str, sensors: &[&Sensor]) -> anyhow::Result<usize> {
        let told = self.get(&format!("/v1/places/{place}/spaces")).await?;
        let spaces = told["spaces"].as_array().context("the API tells no spaces")?;
        let key = |zone: &str, number: u64| (zone.to_owned(), number);
        let by_key: BTreeMap<_, _> = spaces
            .iter()
            .map(|space| {
                (key(space["zone"].as_str().unwrap_or_default(), space["number"].as_u64().unwrap_or_default()), space)
            })
            .collect();
        let is_told = |sensor: &&&Sensor| {
            by_key.get(&key(&sensor.zone, sensor.number as u64)).is_some_and(|space| sensor.is_told_by(space))
        };
        Ok(sensors.len() - sensors.iter().filter(is_told).count())
    }

    /// Sum of one of `ingest`'s metrics since the start.
    pub fn metric(&self, function: &str, name: &str) -> anyhow::Result<f64> {
        let path = self.stack.data_dir().join("logs").join(format!("{function}.log"));
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let lines = text.lines().filter(|line| line.contains("\"_aws\""));
        let documents = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(documents.filter_map(|document| document[name].as_f64()).sum())
    }

    /// Everything consumed so far.
    pub fn consumed(&self) -> Consumed {
        let host = self.stack.host();
        let functions = host.usage().into_iter().filter_map(|(id, usage)| {
            let function = self.stack.template().functions.get(&id)?;
            let cpu = host.process_ids(&id).into_iter().map(process::cpu).sum();
            Some((function.context.clone(), FunctionUse { usage, cpu, memory_mb: function.memory_mb }))
        });
        Consumed { tables: self.stack.dynamodb().usage(), functions: functions.collect(), log_bytes: self.log_bytes() }
    }

    fn log_bytes(&self) -> u64 {
        let directory = std::fs::read_dir(self.stack.data_dir().join("logs"));
        let entries = directory.into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
    }

    /// Most memory that any sandbox of a function had, MB, and how many sandboxes there are.
    pub fn peak_memory(&self, context: &str) -> (f64, usize) {
        let host = self.stack.host();
        let ids = host.find(context).map(|id| host.process_ids(&id)).unwrap_or_default();
        (ids.iter().map(|id| process::memory(*id).peak).fold(0.0, f64::max), ids.len())
    }

    /// Stops it.
    pub async fn stop(self) {
        self.stack.shutdown().await;
    }
}

impl Consumed {
    /// What was consumed between `before` and this.
    pub fn since(&self, before: &Self) -> Self {
        let tables = self.tables.iter().map(|(table, now)| {
            let then = before.tables.get(table).copied().unwrap_or_default();
            let usage = dynamodb::Usage {
                read_units: now.read_units - then.read_units,
                write_units: now.write_units - then.write_units,
                failed_conditions: now.failed_conditions - then.failed_conditions,
            };
            (table.clone(), usage)
        });
        let functions = self.functions.iter().map(|(context, now)| {
            let then = before.functions.get(context).copied().unwrap_or_default();
            let usage = lambda::Usage {
                invocations: now.usage.invocations - then.usage.invocations,
                billed: now.usage.billed.saturating_sub(then.usage.billed),
            };
            // A sandbox that ended meanwhile took its time with it.
            let cpu = now.cpu.saturating_sub(then.cpu);
            (context.clone(), FunctionUse { usage, cpu, memory_mb: now.memory_mb })
        });
        Self {
            tables: tables.collect(),
            functions: functions.collect(),
            log_bytes: self.log_bytes.saturating_sub(before.log_bytes),
        }
    }

    /// Write units of all tables. A write whose condition failed costs at least one.
    pub fn write_units(&self) -> f64 {
        self.tables.values().map(|usage| usage.write_units + usage.failed_conditions as f64).sum()
    }

    /// Read units of all tables.
    pub fn read_units(&self) -> f64 {
        self.tables.values().map(|usage| usage.read_units).sum()
    }
}
