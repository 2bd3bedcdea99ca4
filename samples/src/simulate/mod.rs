//! The parking simulator: a stream of device messages in event time, published as the wall clock reaches them.

mod events;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

pub use events::{Emission, Kind, Simulator};

use crate::faults::FaultRates;
use crate::fleet::Fleet;
use crate::publisher::{Broker, Publisher};

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Options {
    /// The fleet.
    pub fleet: Fleet,
    /// Seed of every random choice; the same seed and start give the same messages.
    pub seed: u64,
    /// How much faster than life cars come and go from `live_from` on (the hour of the day stays the true one).
    pub pace: f64,
    /// Event time of the first message; messages before now are published at once.
    pub start: DateTime<Utc>,
    /// From here on `pace` applies; before it, life runs at its own pace.
    pub live_from: DateTime<Utc>,
    /// End of the simulation, or until cancelled.
    pub until: Option<DateTime<Utc>>,
    /// Seconds between heartbeats of one sensor; none without heartbeats.
    pub heartbeat_every: Option<Duration>,
    /// What goes wrong.
    pub faults: FaultRates,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages acknowledged by the broker.
    pub published: u64,
    /// Messages of them that were made malformed on purpose.
    pub malformed: u64,
}

/// Publishes the simulated messages until the end or until `cancel`.
///
/// # Errors
/// When the broker cannot be reached at the start.
pub async fn run(options: Options, broker: &Broker, cancel: CancellationToken) -> anyhow::Result<Summary> {
    let publisher = Publisher::connect(broker).await?;
    let mut summary = Summary::default();
    for emission in Simulator::new(&options) {
        let wait = (emission.at - Utc::now()).to_std().unwrap_or_default();
        tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
        summary.published += 1;
        summary.malformed += u64::from(emission.kind == Kind::Malformed);
        publisher.publish(emission.topic, emission.payload, emission.kind == Kind::Reading).await?;
    }
    publisher.finish(Duration::from_secs(10)).await?;
    Ok(summary)
}
