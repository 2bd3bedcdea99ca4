//! What 1,000 messages a second consume, and what AWS would ask for it.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::watch;

use crate::Settings;
use crate::fleet::Fleet;
use crate::freshness;
use crate::platform::{Consumed, FunctionUse, Platform};
use crate::prices::{Prices, US_EAST_1};
use crate::publish::{Plan, publish};
use crate::report::{Report, Target};

/// A space changes this often: short-stay parking at its busiest.
const CHANGE_EVERY: f64 = 600.0;
/// The rule of named places' readings, by its name in the template.
const RULE: &str = "PlaceZoneMessages";
/// What a function gets of a processor: one for so many MB.
const MB_PER_PROCESSOR: f64 = 1_769.0;
/// Lambda takes this many messages with one request to a queue, and deletes as many.
const MESSAGES_PER_REQUEST: f64 = 10.0;
/// X-Ray's default sampling: so many a second, and this share of the others.
const TRACED: (f64, f64) = (1.0, 0.05);

/// Measures a dense fleet and a wide one: what a block saves depends on how many of its spaces report within one window.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let dense = Fleet { prefix: "dense", places: 12, zones: 4, spaces: 64 };
    let wide = Fleet { prefix: "wide", places: 50, zones: 4, spaces: 50 };
    let quick = Fleet { prefix: "quick", places: 2, zones: 2, spaces: 10 };
    for fleet in settings.size(vec![dense, wide], vec![quick]) {
        let seconds = settings.size(30, 2);
        let rate = freshness::rate(settings);
        let measured = run(&fleet, rate, seconds).await?;
        let every = fleet.total() as f64 / rate;
        report.section(format!("Cost at {rate} messages/s, window 1 s: {fleet}, each reports every {every:.0} s"));
        measured.report(report, &US_EAST_1);
    }
    Ok(())
}

/// What one run has consumed.
struct Measured {
    messages: f64,
    seconds: f64,
    used: Consumed,
    announced: Announced,
}

/// Messages that `announce` has published.
#[derive(Debug, Clone, Copy, Default)]
struct Announced {
    all: u64,
    /// Of them, those to be retained.
    retained: u64,
}

async fn run(fleet: &Fleet, rate: f64, seconds: usize) -> anyhow::Result<Measured> {
    let platform = Platform::start(&[]).await?;
    platform.register(fleet).await?;
    let rule = platform.stack().template().rules.get(RULE).context("the rule of the template")?.name.clone();
    // Through Basic Ingest, so that it is known to work.
    let first = Plan { messages: fleet.total(), topic_prefix: format!("$aws/rules/{rule}/"), ..Plan::default() };
    let crews = publish(platform.broker(), fleet.crews(64), &first).await?;
    platform.settle().await?;

    let announced = watch_announcements(platform.broker()).await?;
    let before = platform.consumed();
    let messages = seconds * rate as usize;
    let change = fleet.total() as f64 / rate / CHANGE_EVERY;
    let plan = Plan { messages, rate: Some(rate), change, ..first };
    let started = Instant::now();
    publish(platform.broker(), crews, &plan).await?;
    let seconds = started.elapsed().as_secs_f64();
    platform.settle().await?;
    let used = platform.consumed().since(&before);
    let announced = *announced.borrow();
    platform.stop().await;
    Ok(Measured { messages: messages as f64, seconds, used, announced })
}

/// Counts what is announced from now on.
async fn watch_announcements(broker: &str) -> anyhow::Result<watch::Receiver<Announced>> {
    let (host, port) = broker.rsplit_once(':').context("the broker is not host:port")?;
    let mut options = MqttOptions::new("bench-listener", host, port.parse()?);
    options.set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut events) = AsyncClient::new(options, 16);
    for filter in ["summary/#", "live/#", "alerts/#"] {
        client.subscribe(filter, QoS::AtLeastOnce).await?;
    }
    let (count, counted) = watch::channel(Announced::default());
    let (ready, mut is_ready) = watch::channel(0);
    tokio::spawn(async move {
        let _client = client;
        while let Ok(event) = events.poll().await {
            match event {
                Event::Incoming(Packet::SubAck(_)) => ready.send_modify(|acks| *acks += 1),
                // Those that come with the flag were retained before.
                Event::Incoming(Packet::Publish(message)) if !message.retain => count.send_modify(|count| {
                    count.all += 1;
                    count.retained += u64::from(message.topic.starts_with("summary/"));
                }),
                _ => {}
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(5), is_ready.wait_for(|acks| *acks == 3)).await??;
    Ok(counted)
}

/// One line of the bill, USD per million messages.
struct Part {
    name: &'static str,
    cost: f64,
    note: String,
}

impl Measured {
    fn report(&self, report: &mut Report, prices: &Prices) {
        let per_message = |units: f64| units / self.messages;
        report
            .add("write units", per_message(self.used.write_units()), "/message")
            .target(Target::AtMost(0.15))
            .note("all tables; a failed condition counts as one");
        report.add("read units", per_message(self.used.read_units()), "/message");
        report.add("announcements", per_message(self.announced.all as f64), "/message");
        let parts = self.parts(prices);
        for Part { name, cost, note } in &parts {
            report.add(*name, *cost, "USD/million").note(note.clone());
        }
        let total: f64 = parts.iter().map(|part| part.cost).sum();
        let source = format!("{} list prices of {}", prices.region, prices.as_of);
        report.add("total with Basic Ingest", total, "USD/million").target(Target::Below(1.0)).note(source);
        let without = total + prices.iot_message * 1e6;
        report
            .add("total without Basic Ingest", without, "USD/million")
            .note("the same, and a message charged for each");
    }

    fn parts(&self, prices: &Prices) -> Vec<Part> {
        let million = 1e6 / self.messages;
        let part = |name, cost, note: String| Part { name, cost, note };
        let announced = (self.announced.all + self.announced.retained) as f64;
        let requests = 1.0 + 2.0 / MESSAGES_PER_REQUEST;
        let functions = self.used.functions.values();
        let invocations: u64 = functions.clone().map(|function| function.usage.invocations).sum();
        let gb_seconds: f64 = functions.clone().map(gb_seconds).sum();
        let traces: f64 = functions.map(|function| self.traces(function)).sum();
        let (written, read) = (self.used.write_units(), self.used.read_units());
        let logged = self.used.log_bytes as f64;
        vec![
            part("IoT rule and action", (prices.iot_rule + prices.iot_action) * 1e6, "one each".to_owned()),
            part("SQS", requests * prices.sqs_request * 1e6, "sent one by one, taken and deleted by tens".to_owned()),
            part(
                "Lambda requests",
                invocations as f64 * prices.lambda_request * million,
                format!("{invocations} invocations"),
            ),
            part(
                "Lambda time",
                gb_seconds * prices.lambda_gb_second * million,
                format!("{gb_seconds:.1} GB-s: measured time, or processor time at Lambda's share, whichever is more"),
            ),
            part("DynamoDB writes", written * prices.dynamodb_write * million, format!("{written:.0} units")),
            part("DynamoDB reads", read * prices.dynamodb_read * million, format!("{read:.0} units")),
            part(
                "IoT announcements",
                announced * prices.iot_message * million,
                format!("{announced} published or retained"),
            ),
            part("logs and metrics", logged / 1e9 * prices.log_gb * million, format!("{:.1} MB", logged / 1e6)),
            part("traces", traces * prices.xray_trace * million, format!("{traces:.0} sampled")),
        ]
    }

    fn traces(&self, function: &FunctionUse) -> f64 {
        let invocations = function.usage.invocations as f64;
        let first = invocations.min(TRACED.0 * self.seconds);
        first + TRACED.1 * (invocations - first)
    }
}

/// What is billed for a function's time. On Lambda it has a share of a processor by its memory, so what took a whole
/// one here takes longer there.
fn gb_seconds(function: &FunctionUse) -> f64 {
    let memory = f64::from(function.memory_mb);
    let there = function.cpu.as_secs_f64() * (MB_PER_PROCESSOR / memory).max(1.0);
    there.max(function.usage.billed.as_secs_f64()) * memory / 1_024.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use parvis_local::lambda::Usage;

    #[test]
    fn time_is_billed_at_lambdas_share_of_a_processor() {
        let function = |cpu, billed| FunctionUse {
            usage: Usage { invocations: 1, billed: Duration::from_secs(billed) },
            cpu: Duration::from_secs(cpu),
            memory_mb: 1_769,
        };
        assert_eq!(gb_seconds(&function(1, 4)), 4.0 * 1_769.0 / 1_024.0);
        let small = FunctionUse { memory_mb: 256, ..function(1, 4) };
        assert!((gb_seconds(&small) - 1_769.0 / 1_024.0).abs() < 1e-9);
    }
}
