//! What only the embedded stack can do: faults, timers on demand, the outbox.

use std::time::Duration;

use anyhow::Context;
use chrono_tz::Tz;
use parvis_events::CloudEvent;
use parvis_kit::event_store::EventStore;
use parvis_local::dynamodb::WriteFaults;
use parvis_local::options::Options;
use parvis_local::sns::outbox::Filter;
use parvis_local::stack::Stack;
use parvis_mailroom::NoticeStore;
use serde_json::Value;

/// Messages of the outbox that a test looks at.
const OUTBOX_LIMIT: u32 = 1000;

/// An embedded stack inside the test.
pub struct Embedded {
    stack: Stack,
}

impl Embedded {
    pub(crate) async fn start(parameters: &[(&str, &str)]) -> anyhow::Result<Self> {
        let options =
            parameters.iter().fold(Options::for_tests(), |options, (name, value)| options.parameter(name, value));
        Ok(Self { stack: Stack::start(options).await? })
    }

    /// The stack itself.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The zone in which timestamps without offset are read.
    ///
    /// # Panics
    /// When the template names none.
    #[must_use]
    pub fn timezone(&self) -> Tz {
        let zone = self.stack.template().functions.values().find_map(|f| f.environment.get("DEFAULT_TIMEZONE"));
        zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC)
    }

    /// Refuses this share of all writes to DynamoDB from now on.
    pub fn throttle_writes(&self, share: f64) {
        self.stack.dynamodb().set_write_faults(WriteFaults { throttled: share, conflicting: share / 2.0 });
    }

    /// Kills the sandbox of each of the function's next `times` invocations while it is at work.
    pub fn kill_during_invocation(&self, function: &str, times: usize) {
        for _ in 0..times {
            self.stack.faults().kill_next(function, Duration::from_millis(3));
        }
    }

    /// Stops PostgreSQL.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop_postgres(&self) -> anyhow::Result<()> {
        Ok(self.stack.postgres().stop().await?)
    }

    /// Starts PostgreSQL again.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_postgres(&self) -> anyhow::Result<()> {
        Ok(self.stack.postgres().resume().await?)
    }

    /// Fires a timer of the template now and waits for the function.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn fire_schedule(&self, function: &str, event: &str) -> anyhow::Result<()> {
        self.stack.schedules().fire(function, event).await.map(drop).context("schedule")
    }

    /// Invokes a function of the template with an event of the test's own, and returns what it answers.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Value> {
        let function = self.stack.host().find(function).context("function of the template")?;
        let answer = self.stack.host().invoke(&function, event.to_string()).await.context("invocation")?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Messages of a queue that are not done, hidden and late ones among them.
    ///
    /// # Errors
    /// When there is no such queue.
    pub async fn waiting(&self, queue: &str) -> anyhow::Result<u64> {
        let counts = self.stack.queues().counts(queue).await?;
        Ok(counts.visible + counts.in_flight + counts.delayed)
    }

    /// Tells an event, as a context that is not part of the test would.
    ///
    /// # Errors
    /// When the table of events does not take it.
    pub async fn tell(&self, event: &CloudEvent) -> anyhow::Result<()> {
        Ok(EventStore::new(self.stack.dynamodb_client(), self.table("EventsTable")?).put(event).await?)
    }

    /// The table of notifications.
    ///
    /// # Errors
    /// When the template has none.
    pub fn notices(&self) -> anyhow::Result<NoticeStore> {
        Ok(NoticeStore::new(self.stack.dynamodb_client(), self.table("NotifyTable")?))
    }

    fn table(&self, name: &str) -> anyhow::Result<String> {
        Ok(self.stack.template().tables.get(name).context("table of the template")?.name.clone())
    }

    /// Publishes to a topic of the template, through SNS's API.
    ///
    /// # Errors
    /// When the topic does not exist or SNS refuses.
    pub async fn publish(&self, topic: &str, message: &str) -> anyhow::Result<()> {
        let arn = &self.stack.template().topics.get(topic).context("topic of the template")?.arn;
        let form = [("Action", "Publish"), ("Version", "2010-03-31"), ("TopicArn", arn), ("Message", message)];
        let request = reqwest::Client::new().post(&self.stack.endpoints().sns).form(&form);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Turns a device off, through SNS's API: as SNS itself does when the device's platform no longer knows it.
    ///
    /// # Errors
    /// When there is no such device.
    pub async fn turn_device_off(&self, endpoint: &str) -> anyhow::Result<()> {
        let form = [
            ("Action", "SetEndpointAttributes"),
            ("Version", "2010-03-31"),
            ("EndpointArn", endpoint),
            ("Attributes.entry.1.key", "Enabled"),
            ("Attributes.entry.1.value", "false"),
        ];
        let request = reqwest::Client::new().post(&self.stack.endpoints().sns).form(&form);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Subscribes a phone to a topic of the template, through SNS's API.
    ///
    /// # Errors
    /// When the topic does not exist or SNS refuses.
    pub async fn subscribe_phone(&self, topic: &str, number: &str) -> anyhow::Result<()> {
        let arn = &self.stack.template().topics.get(topic).context("topic of the template")?.arn;
        let form = [
            ("Action", "Subscribe"),
            ("Version", "2010-03-31"),
            ("TopicArn", arn),
            ("Protocol", "sms"),
            ("Endpoint", number),
        ];
        let request = reqwest::Client::new().post(&self.stack.endpoints().sns).form(&form);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Every message that the platform has sent to people.
    ///
    /// # Errors
    /// When the outbox cannot be read.
    pub async fn outbox(&self) -> anyhow::Result<Vec<Value>> {
        let filter = Filter { limit: Some(OUTBOX_LIMIT), ..Filter::default() };
        let entries = self.stack.sns().outbox().list(filter).await?;
        entries.into_iter().map(|entry| Ok(serde_json::to_value(entry)?)).collect()
    }
}
