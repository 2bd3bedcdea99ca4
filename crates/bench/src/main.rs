//! Measures the figures of the README on the machine at hand and says which targets they reach.
//!
//! Functions run as processes of the release build of `parvis`, which must be built before (`cargo xtask bench` does). Nothing
//! here fails because a figure is bad: the exit code is 0, and the report says "not reached".

mod bookings;
mod cost;
mod fleet;
mod forecasts;
mod freshness;
mod functions;
mod machine;
mod notifications;
mod payments;
mod platform;
mod prices;
mod process;
mod publish;
mod reads;
mod report;
mod rules;
mod throughput;

use std::io::Write as _;

use clap::{Parser, ValueEnum};

use crate::report::Report;

/// Measures Parvis on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Small sizes: whether the bench works, not how fast Parvis is
    #[arg(long)]
    quick: bool,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Template parameters for the throughput part, e.g. `Size=city`
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
}

/// The parts of the bench, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The rules of live occupancy, without any service
    Rules,
    /// Functions against one that does nothing
    Functions,
    /// The current state of 50,000 spaces
    Reads,
    /// Bookings: many who want one room, availability, calendars, series
    Bookings,
    /// Parking sessions started and seen by plate checks
    Payments,
    /// As many messages as go through
    Throughput,
    /// 1,000 messages a second: what they consume and cost
    Cost,
    /// 1,000 messages a second: from publish to visible
    Freshness,
    /// Forecasts: a night's training, one read, memory
    Forecasts,
    /// Ten thousand reminders of one minute
    Notifications,
}

/// What everything depends on that is the same for the whole run.
#[derive(Debug, Clone)]
struct Settings {
    quick: bool,
    parameters: Vec<(String, String)>,
}

impl Settings {
    /// A size: the full one, or the one of `--quick`.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let parameters = arguments.parameters.iter();
    let parameters = parameters.filter_map(|pair| pair.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())));
    let settings = Settings { quick: arguments.quick, parameters: parameters.collect() };
    let wanted = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);

    let mut report = Report::new(machine::describe(), settings.quick);
    for part in Part::value_variants().iter().copied().filter(|part| wanted(*part)) {
        eprintln!("measuring: {part:?} (load {:.2})", machine::load());
        match part {
            Part::Rules => rules::measure(&settings, &mut report)?,
            Part::Functions => functions::measure(&settings, &mut report).await?,
            Part::Reads => reads::measure(&settings, &mut report).await?,
            Part::Bookings => bookings::measure(&settings, &mut report).await?,
            Part::Payments => payments::measure(&settings, &mut report).await?,
            Part::Throughput => throughput::measure(&settings, &mut report).await?,
            Part::Cost => cost::measure(&settings, &mut report).await?,
            Part::Freshness => freshness::measure(&settings, &mut report).await?,
            Part::Forecasts => forecasts::measure(&settings, &mut report).await?,
            Part::Notifications => notifications::measure(&settings, &mut report).await?,
        }
    }
    let text = if arguments.json { report.json()? } else { report.table() };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
