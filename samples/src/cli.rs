//! The command line of the samples: `parvis simulate` and `parvis replay`.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use chrono::{TimeDelta, Utc};
use chrono_tz::Tz;
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::faults::FaultRates;
use crate::fleet::Fleet;
use crate::publisher::Broker;
use crate::replay::{self, Columns, OccupancyFile, Speed};
use crate::simulate;

/// Simulates parking sensors over MQTT.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Number of places; 0 simulates the field project's lot of 24 spaces under `parking/...`
    #[arg(long, default_value_t = 0)]
    pub places: u32,
    /// Zones per place
    #[arg(long, default_value_t = 3)]
    pub zones: u32,
    /// Spaces per zone
    #[arg(long, default_value_t = 32)]
    pub spaces: u32,
    /// IANA time zone of the sensors' clocks
    #[arg(long, default_value = "Europe/Paris")]
    pub timezone: Tz,
    /// Seed of every random choice
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How much faster than life cars come and go
    #[arg(long, default_value_t = 20.0)]
    pub pace: f64,
    /// Hours of past traffic to send first
    #[arg(long, default_value_t = 0)]
    pub past_hours: u32,
    /// Stop after so many seconds
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Seconds between heartbeats of one sensor, 0 for none
    #[arg(long, default_value_t = 300)]
    pub heartbeat: u64,
    /// Share of faulty sensors (stuck, silent, flapping)
    #[arg(long, default_value_t = 0.0)]
    pub faults: f64,
    /// Share of messages sent twice
    #[arg(long, default_value_t = 0.0)]
    pub duplicates: f64,
    /// Share of malformed messages
    #[arg(long, default_value_t = 0.0)]
    pub malformed: f64,
}

/// Replays a CSV file of car-park occupancy over MQTT.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// CSV file with a header
    pub file: PathBuf,
    /// `max`, or how many times faster than life
    #[arg(long, default_value = "max")]
    pub speed: Speed,
    /// IANA time zone of the file's local times
    #[arg(long, default_value = "Europe/Paris")]
    pub timezone: Tz,
    /// Column of the time
    #[arg(long, default_value = "timestamp_local")]
    pub time: String,
    /// Column of the car park's name
    #[arg(long, default_value = "name")]
    pub name: String,
    /// Column of the capacity
    #[arg(long, default_value = "capacity")]
    pub capacity: String,
    /// Column of the occupancy in percent
    #[arg(long, default_value = "occupancy_pct")]
    pub percent: String,
    /// Column of the occupied spaces
    #[arg(long, default_value = "occupied")]
    pub occupied: String,
    /// As if it had just happened: a whole number of weeks later, ending within the last seven days
    #[arg(long)]
    pub as_recent: bool,
}

/// Splits `host:port` and names the client.
///
/// # Errors
/// When the port is missing or not a number.
pub fn broker(address: &str, client_id: &str) -> anyhow::Result<Broker> {
    let (host, port) = address.rsplit_once(':').with_context(|| format!("`{address}` is not host:port"))?;
    let port = port.parse().with_context(|| format!("`{port}` is not a port"))?;
    Ok(Broker { host: host.to_owned(), port, client_id: client_id.to_owned() })
}

impl SimulateArgs {
    /// The simulation these arguments describe, starting now.
    #[must_use]
    pub fn options(&self) -> simulate::Options {
        let now = Utc::now();
        let fleet = match self.places {
            0 => Fleet::field_project(self.timezone),
            places => Fleet::grid(places, self.zones, self.spaces, self.timezone),
        };
        simulate::Options {
            fleet,
            seed: self.seed,
            pace: self.pace.max(0.01),
            start: now - TimeDelta::hours(i64::from(self.past_hours)),
            live_from: now,
            until: self.seconds.map(|s| now + TimeDelta::seconds(s.min(1 << 40) as i64)),
            heartbeat_every: (self.heartbeat > 0).then(|| Duration::from_secs(self.heartbeat)),
            faults: FaultRates { sensors: self.faults, duplicates: self.duplicates, malformed: self.malformed },
        }
    }

    /// Simulates against the broker at `address` (`host:port`) until the end or until `cancel`.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn run(&self, address: &str, cancel: CancellationToken) -> anyhow::Result<simulate::Summary> {
        let broker = broker(address, &format!("parvis-simulator-{}", std::process::id()))?;
        simulate::run(self.options(), &broker, cancel).await
    }
}

impl ReplayArgs {
    /// Reads the file.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn read(&self) -> anyhow::Result<OccupancyFile> {
        let file = File::open(&self.file).with_context(|| format!("{}", self.file.display()))?;
        let columns = Columns {
            time: self.time.clone(),
            name: self.name.clone(),
            capacity: self.capacity.clone(),
            percent: self.percent.clone(),
            occupied: self.occupied.clone(),
            ..Columns::default()
        };
        let file = OccupancyFile::read(file, &columns, self.timezone);
        let file = file.with_context(|| format!("{}", self.file.display()))?;
        Ok(if self.as_recent { file.moved_to(Utc::now(), self.timezone) } else { file })
    }

    /// Replays the file into the platform whose API and broker are given.
    ///
    /// # Errors
    /// See [`replay::run`].
    pub async fn run(&self, api: String, token: String, broker: Broker) -> anyhow::Result<replay::Summary> {
        let file = self.read()?;
        let options = replay::Options { speed: self.speed, timezone: self.timezone, api, token, broker, quiet: false };
        replay::run(&file, &options).await
    }
}

impl std::fmt::Display for replay::Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = self.readings as f64 / self.publishing.as_secs_f64().max(1e-3);
        writeln!(
            f,
            "{} readings of {} car parks, acknowledged in {:.1} s ({rate:.0}/s); the API's history equals the file after {:.1} s more",
            self.readings,
            self.car_parks,
            self.publishing.as_secs_f64(),
            self.settling.as_secs_f64(),
        )?;
        for replay::Finding { car_park, kind, text } in &self.findings {
            writeln!(f, "{kind}: {car_park}: {text}")?;
        }
        Ok(())
    }
}
