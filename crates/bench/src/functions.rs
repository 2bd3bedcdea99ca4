//! Each function against one that does nothing: warm, cold, and its memory.
//!
//! Both run in the same host and take turns, so that what disturbs one disturbs the other; their times are compared as
//! ratios.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parvis_local::lambda::{Config, Host};
use parvis_local::options::Options;
use parvis_sam::LogicalId;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::Settings;
use crate::platform::Platform;
use crate::process;
use crate::report::{Report, Sample, Target};

/// The function that does nothing but read its event and give it back; part of `parvis`.
const NOTHING: &str = "probe";

/// What is invoked.
struct Case {
    context: &'static str,
    /// File below `events/`.
    event: &'static str,
    /// Another path than the file's.
    path: Option<&'static str>,
    name: &'static str,
    /// A read that asks no store.
    storeless: bool,
}

const CASES: [Case; 10] = [
    case("occupancy", "occupancy/list-places.json", Some("/docs"), "GET /docs", true),
    case("occupancy", "occupancy/list-places.json", Some("/openapi.json"), "GET /openapi.json", true),
    case("mqtt-auth", "mqtt-auth/visitor.json", None, "a visitor's connection", true),
    case("occupancy", "occupancy/read-place.json", None, "GET one place", false),
    case("occupancy", "occupancy/list-events.json", None, "GET events (PostgreSQL)", false),
    case("bookings", "bookings/list-resources.json", None, "GET resources (PostgreSQL)", false),
    case("ingest", "ingest/batch.json", None, "a small batch, all duplicates", false),
    case("announce", "announce/live-state.json", None, "an image of the live state", false),
    case("history", "history/arrival.json", None, "an arrival known already", false),
    case("notify", "notify/alert-raised.json", None, "an alert known already", false),
];

const fn case(
    context: &'static str,
    event: &'static str,
    path: Option<&'static str>,
    name: &'static str,
    storeless: bool,
) -> Case {
    Case { context, event, path, name, storeless }
}

/// Measures them all.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let platform = Platform::start(&[]).await?;
    let host = host(&platform).await?;
    let events = Options::for_tests().template_path()?.with_file_name("events");
    report.section("Functions, warm: the middle of many invocations, as a multiple of a function that does nothing");
    for case in &CASES {
        warm(settings, report, &host, case, &case.event(&events)?).await?;
    }
    memory(report, &host)?;
    report.section("Functions, cold: from the start of the process to the first answer, less a second answer");
    // The first case of each.
    let mut seen: Vec<&str> = Vec::new();
    for case in &CASES {
        if !seen.contains(&case.context) {
            seen.push(case.context);
            cold(settings, report, &host, case, &case.event(&events)?).await?;
        }
    }
    host.shutdown().await;
    platform.stop().await;
    Ok(())
}

impl Case {
    fn event(&self, events: &Path) -> anyhow::Result<String> {
        let file = events.join(self.event);
        let text = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        let mut event: Value = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
        if let Some(path) = self.path {
            event["rawPath"] = json!(path);
            event["requestContext"]["http"]["path"] = json!(path);
            event["routeKey"] = json!(format!("GET {path}"));
            event["requestContext"]["routeKey"] = json!(format!("GET {path}"));
        }
        Ok(event.to_string())
    }

    fn title(&self) -> String {
        format!("{}: {}", self.context, self.name)
    }
}

/// A host of the template's functions, and of the one that does nothing, over the platform's services.
async fn host(platform: &Platform) -> anyhow::Result<Host> {
    let stack = platform.stack();
    let mut functions = stack.template().functions.clone();
    let mut nothing = functions.values().next().context("the template has no function")?.clone();
    nothing.logical_id = LogicalId::from(NOTHING);
    nothing.context = NOTHING.to_owned();
    nothing.name = NOTHING.to_owned();
    functions.insert(nothing.logical_id.clone(), nothing);
    let options = Options::for_tests();
    let config = Config {
        functions,
        binary: options.function_binary()?,
        concurrency: 1,
        logs: stack.data_dir().join("bench-logs"),
        verbose: false,
        region: "eu-west-3".to_owned(),
        faults: options.faults,
    };
    let host = Host::start(config).await?;
    let mut services: BTreeMap<String, String> = stack.postgres().environment();
    let endpoints = stack.endpoints();
    for (service, endpoint) in [
        ("DYNAMODB", &endpoints.dynamodb),
        ("SQS", &endpoints.sqs),
        ("SNS", &endpoints.sns),
        ("IOT_DATA_PLANE", &endpoints.iot_data),
    ] {
        services.insert(format!("AWS_ENDPOINT_URL_{service}"), endpoint.clone());
    }
    host.set_services(services);
    Ok(host)
}

async fn timed(host: &Host, function: &LogicalId, event: &str) -> anyhow::Result<Duration> {
    let event = event.to_owned();
    let started = Instant::now();
    host.invoke(function, event).await?;
    Ok(started.elapsed())
}

fn find(host: &Host, context: &str) -> anyhow::Result<LogicalId> {
    host.find(context).with_context(|| format!("there is no function {context}"))
}

async fn warm(settings: &Settings, report: &mut Report, host: &Host, case: &Case, event: &str) -> anyhow::Result<()> {
    let (function, nothing) = (find(host, case.context)?, find(host, NOTHING)?);
    for _ in 0..settings.size(30, 2) {
        timed(host, &function, event).await?;
        timed(host, &nothing, event).await?;
    }
    let (mut times, mut baseline) = (Sample::default(), Sample::default());
    for _ in 0..settings.size(500, 10) {
        baseline.push(timed(host, &nothing, event).await?.as_secs_f64() * 1e3);
        times.push(timed(host, &function, event).await?.as_secs_f64() * 1e3);
    }
    let ratio = times.median() / baseline.median();
    let note =
        format!("{:.3} ms against {:.3} ms; p99 {:.3} ms", times.median(), baseline.median(), times.quantile(0.99));
    let figure = report.add(case.title(), ratio, "x");
    if case.storeless {
        figure.target(Target::Below(1.5));
    }
    figure.note(note);
    Ok(())
}

async fn cold(settings: &Settings, report: &mut Report, host: &Host, case: &Case, event: &str) -> anyhow::Result<()> {
    let (function, nothing) = (find(host, case.context)?, find(host, NOTHING)?);
    let (mut times, mut baseline) = (Sample::default(), Sample::default());
    for _ in 0..settings.size(25, 2) {
        baseline.push(start(host, &nothing, event).await?);
        times.push(start(host, &function, event).await?);
    }
    let ratio = times.median() / baseline.median();
    let note = format!("{:.1} ms against {:.1} ms", times.median(), baseline.median());
    report.add(case.title(), ratio, "x").target(Target::Below(2.0)).note(note);
    Ok(())
}

/// What a new sandbox costs its first caller, ms.
async fn start(host: &Host, function: &LogicalId, event: &str) -> anyhow::Result<f64> {
    host.retire(function);
    // The end of the old process must not disturb the start of the new one.
    while host.sandboxes(function) > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let first = timed(host, function, event).await?;
    let second = timed(host, function, event).await?;
    Ok(first.saturating_sub(second).as_secs_f64() * 1e3)
}

fn memory(report: &mut Report, host: &Host) -> anyhow::Result<()> {
    report.section("Functions, memory after the warm invocations");
    let mut contexts: Vec<&str> = CASES.iter().map(|case| case.context).collect();
    contexts.sort_unstable();
    contexts.dedup();
    for context in contexts.into_iter().chain([NOTHING]) {
        let ids = host.process_ids(find(host, context)?);
        let memory = process::memory(*ids.first().with_context(|| format!("{context} does not run"))?);
        let note = format!("of them its own {:.1}, the rest touched pages of the program", memory.own);
        report.add(context, memory.resident, "MB").target(Target::Below(40.0)).note(note);
    }
    Ok(())
}
