//! From publish to visible, while 1,000 messages a second come in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::time::{interval, sleep};

use crate::Settings;
use crate::fleet::Fleet;
use crate::machine;
use crate::platform::Platform;
use crate::publish::{Connection, Plan, publish};
use crate::report::{Report, Sample, Target};

/// A message that is timed goes out this often; no multiple of any window.
const PROBE_EVERY: Duration = Duration::from_millis(43);
/// How often the API is asked. A time measured is at most this and one read too long.
const POLL_EVERY: Duration = Duration::from_millis(5);
/// How long the last messages may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The place of the messages that are timed: at 43 ms each space reports every three seconds.
const PROBED: Fleet = Fleet { prefix: "probe", places: 1, zones: 1, spaces: 64 };

/// Messages sent and not yet told: when, and their device time.
type Pending = Arc<Mutex<HashMap<u64, (Instant, i64)>>>;

/// Messages a second beside the ones that are timed.
pub fn rate(settings: &Settings) -> f64 {
    settings.size(1_000.0, 100.0)
}

/// Measures with both windows.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    for (window, target) in [("1", 1_200.0), ("0", 100.0)] {
        let (rate, times) = (rate(settings), run(settings, window).await?);
        report.section(format!(
            "Freshness at {rate} messages/s, window {window} s: published to visible in the read API"
        ));
        report.add("p50", times.median(), "ms");
        report.add("p95", times.quantile(0.95), "ms");
        let note = format!("{} timed, load {:.2}", times.len(), machine::load());
        report.add("p99", times.quantile(0.99), "ms").target(Target::Below(target)).note(note);
    }
    Ok(())
}

async fn run(settings: &Settings, window: &str) -> anyhow::Result<Sample> {
    let fleet = settings.size(
        Fleet { prefix: "load", places: 50, zones: 4, spaces: 50 },
        Fleet { prefix: "load", places: 2, zones: 2, spaces: 10 },
    );
    let (warm_up, timed) = settings.size((4, 30), (1, 2));
    let platform = Platform::start(&[("IngestWindowSeconds", window)]).await?;
    platform.register(&fleet).await?;
    platform.register(&PROBED).await?;
    let crews = fleet.crews(settings.size(64, 4));
    let first = Plan { messages: fleet.total(), ..Plan::default() };
    let crews = publish(platform.broker(), crews, &first).await?;
    platform.settle().await?;

    // Somewhat longer than what is timed.
    let seconds = warm_up + timed + 2;
    let rate = rate(settings);
    let plan = Plan { messages: seconds * rate as usize, rate: Some(rate), change: 0.02, ..Plan::default() };
    let broker = platform.broker().to_owned();
    let load = tokio::spawn(async move { publish(&broker, crews, &plan).await });
    sleep(Duration::from_secs(warm_up as u64)).await;
    let times = probe(&platform, Duration::from_secs(timed as u64)).await?;
    load.await??;
    platform.stop().await;
    Ok(times)
}

/// Times messages for so long.
async fn probe(platform: &Platform, timed: Duration) -> anyhow::Result<Sample> {
    let pending = Pending::default();
    let sending = tokio::spawn(send(platform.broker().to_owned(), timed, pending.clone()));
    let mut times = Sample::default();
    let mut poll = interval(POLL_EVERY);
    let place = PROBED.ids().next().unwrap_or_default();
    let path = format!("/v1/places/{place}/spaces");
    let deadline = Instant::now() + timed + PATIENCE;
    loop {
        poll.tick().await;
        let told = platform.get(&path).await?;
        let now = Instant::now();
        let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
        for space in told["spaces"].as_array().into_iter().flatten() {
            let since = space["since"].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
            let (Some(number), Some(since)) = (space["number"].as_u64(), since) else { continue };
            if let Some((sent, _)) = pending.get(&number).filter(|(_, at)| since.timestamp_millis() >= *at) {
                times.push((now - *sent).as_secs_f64() * 1e3);
                pending.remove(&number);
            }
        }
        if (sending.is_finished() && pending.is_empty()) || now >= deadline {
            // What was never told counts as if it were told now: a lost message must not improve the figure.
            pending.values().for_each(|(sent, _)| times.push((now - *sent).as_secs_f64() * 1e3));
            break;
        }
    }
    sending.await??;
    Ok(times)
}

/// Sends a change of one space after the other.
async fn send(broker: String, timed: Duration, pending: Pending) -> anyhow::Result<()> {
    let mut connection = Connection::open(&broker, "bench-probe").await?;
    let mut crews = PROBED.crews(1);
    let end = Instant::now() + timed;
    let mut pace = interval(PROBE_EVERY);
    let sensors = crews.iter_mut().flat_map(|crew| &mut crew.sensors).collect::<Vec<_>>();
    let mut sensors = sensors.into_iter().collect::<std::collections::VecDeque<_>>();
    while Instant::now() < end
        && let Some(sensor) = sensors.pop_front()
    {
        pace.tick().await;
        let payload = sensor.report(Utc::now().timestamp_millis(), true);
        let waiting = (Instant::now(), sensor.since().unwrap_or_default());
        pending.lock().unwrap_or_else(PoisonError::into_inner).insert(sensor.number as u64, waiting);
        connection.publish(sensor.topic().to_owned(), payload).await?;
        sensors.push_back(sensor);
    }
    connection.acknowledged().await
}
