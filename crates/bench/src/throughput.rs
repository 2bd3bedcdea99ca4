//! As many messages as go through: from MQTT to the read API and into the history, and whether all of them arrived.

use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::time::sleep;

use crate::Settings;
use crate::fleet::{Crew, Fleet};
use crate::platform::{Consumed, Platform};
use crate::process;
use crate::publish::{Plan, publish};
use crate::report::{Report, Target};

/// Connections of the publishers.
const CONNECTIONS: usize = 64;
/// Share of reports that tell something new. At 10,000 messages a second from 10,000 spaces that is a new vehicle every 100
/// seconds on every space, far above any car park.
const CHANGE: f64 = 0.01;
/// How long the history may take to catch up.
const HISTORY_WITHIN: Duration = Duration::from_secs(180);

/// Measures, with the parameters given on the command line.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let fleet = settings.size(
        Fleet { prefix: "load", places: 50, zones: 4, spaces: 50 },
        Fleet { prefix: "load", places: 2, zones: 2, spaces: 10 },
    );
    let messages = settings.size(300_000, 400);
    let parameters: Vec<_> = settings.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let platform = Platform::start(&parameters).await?;
    platform.register(&fleet).await?;
    let connections = settings.size(CONNECTIONS, 4);
    // Every space has reported once before, so that all blocks exist and all sandboxes run.
    let warm_up = Plan { messages: fleet.total(), change: 0.0, ..Plan::default() };
    let crews = publish(platform.broker(), fleet.crews(connections), &warm_up).await?;
    platform.settle().await?;

    let run = run(&platform, &fleet, crews, messages).await?;
    report.section(format!("Throughput: {messages} messages of {fleet}, {connections} connections, 1 % changes"));
    run.report(report, messages);
    memory(&platform, report);
    platform.stop().await;
    Ok(())
}

/// What one run has shown.
struct Run {
    acknowledged: Duration,
    consumed: Duration,
    visible: Duration,
    history: Duration,
    untold: usize,
    unaccounted: f64,
    dead_letters: u64,
    transitions_missing: i64,
    used: Consumed,
    host_cpu: Duration,
    all_cpu: Duration,
}

async fn run(platform: &Platform, fleet: &Fleet, crews: Vec<Crew>, messages: usize) -> anyhow::Result<Run> {
    let (before, accounted) = (platform.consumed(), accounted(platform)?);
    let (host_cpu, all_cpu) = (process::cpu(std::process::id()), process::cpu_of_all());
    let started = Instant::now();
    let plan = Plan { messages, change: CHANGE, ..Plan::default() };
    let crews = publish(platform.broker(), crews, &plan).await?;
    let acknowledged = started.elapsed();
    platform.queue_empty().await?;
    let consumed = started.elapsed();
    let untold = platform.untold(fleet, &crews).await?;
    let visible = started.elapsed();
    let host_cpu = process::cpu(std::process::id()).saturating_sub(host_cpu);
    let all_cpu = process::cpu_of_all().saturating_sub(all_cpu);
    let used = platform.consumed().since(&before);
    let transitions_missing = history(platform, fleet, &crews).await?;
    Ok(Run {
        acknowledged,
        consumed,
        visible,
        history: started.elapsed(),
        untold,
        unaccounted: messages as f64 - (self::accounted(platform)? - accounted),
        dead_letters: platform.dead_letters().await?,
        transitions_missing,
        used,
        host_cpu,
        all_cpu,
    })
}

/// Messages that `ingest` says it has dealt with, in one way or another.
fn accounted(platform: &Platform) -> anyhow::Result<f64> {
    let names = ["ReadingsAccepted", "Duplicates", "Late", "Refused"];
    names.iter().map(|name| platform.metric("ingest", name)).sum()
}

/// Waits until the history holds as many transitions as the sensors reported; how many are missing if it does not.
async fn history(platform: &Platform, fleet: &Fleet, crews: &[Crew]) -> anyhow::Result<i64> {
    let expected: u64 = crews.iter().flat_map(|crew| &crew.sensors).map(|sensor| sensor.transitions).sum();
    let expected = i64::try_from(expected)?;
    let options = platform.stack().postgres().connect_options();
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    let deadline = Instant::now() + HISTORY_WITHIN;
    loop {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM parking_transition WHERE place LIKE $1 || '-%'")
            .bind(fleet.prefix)
            .fetch_one(&pool)
            .await?;
        if count == expected || Instant::now() >= deadline {
            return Ok(expected - count);
        }
        if count > expected {
            bail!("the history holds {count} transitions and the sensors reported {expected}");
        }
        sleep(Duration::from_millis(100)).await;
    }
}

impl Run {
    fn report(&self, report: &mut Report, messages: usize) {
        let rate = |time: Duration| messages as f64 / time.as_secs_f64();
        report
            .add("published to visible in the read API", rate(self.visible), "messages/s")
            .target(Target::AtLeast(10_000.0))
            .note("whole run: until the last message is told by the API");
        report.add("acknowledged to the devices", rate(self.acknowledged), "messages/s");
        report.add("taken off the queue by ingest", rate(self.consumed), "messages/s");
        report.add("in the history", rate(self.history), "messages/s").note("until PostgreSQL holds every transition");
        report
            .add("spaces told differently than reported", self.untold as f64, "")
            .target(Target::AtMost(0.0))
            .note("status and since of every space");
        report
            .add("messages unaccounted for by ingest", self.unaccounted.max(0.0), "")
            .target(Target::AtMost(0.0))
            .note(format!("delivered more than once: {:.0}", 0.0_f64.max(-self.unaccounted)));
        report.add("messages in the dead-letter queue", self.dead_letters as f64, "").target(Target::AtMost(0.0));
        report
            .add("transitions missing in the history", self.transitions_missing as f64, "")
            .target(Target::AtMost(0.0));
        self.report_costs(report, messages);
    }

    /// Where the processors' time went.
    fn report_costs(&self, report: &mut Report, messages: usize) {
        let per_message = |time: Duration| time.as_secs_f64() * 1e6 / messages as f64;
        let publishers = "broker, rules, queues, DynamoDB, streams, and the publishers themselves";
        report.add("processor: host process", per_message(self.host_cpu), "us/message").note(publishers);
        for (context, function) in &self.used.functions {
            if !function.cpu.is_zero() {
                let note = format!("{} invocations", function.usage.invocations);
                report.add(format!("processor: {context}"), per_message(function.cpu), "us/message").note(note);
            }
        }
        let everything = "the machine's other work included";
        report.add("processor: everything", per_message(self.all_cpu), "us/message").note(everything);
        let written = self.used.write_units() / messages as f64;
        report.add("write units", written, "/message");
    }
}

/// The most memory that the functions had under this load.
fn memory(platform: &Platform, report: &mut Report) {
    for context in ["ingest", "announce", "history", "occupancy"] {
        let (peak, sandboxes) = platform.peak_memory(context);
        report
            .add(format!("memory at the peak: {context}"), peak, "MB")
            .target(Target::Below(40.0))
            .note(format!("resident, the largest of {sandboxes} sandboxes"));
    }
}
