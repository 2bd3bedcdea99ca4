//! Reading the current state of a city: 50,000 spaces in 100 places.

use std::time::Instant;

use crate::Settings;
use crate::fleet::Fleet;
use crate::machine;
use crate::platform::Platform;
use crate::publish::{Plan, publish};
use crate::report::{Report, Sample, Target};

/// Measures through the HTTP API.
pub async fn measure(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let fleet = settings.size(
        Fleet { prefix: "city", places: 100, zones: 4, spaces: 125 },
        Fleet { prefix: "city", places: 3, zones: 2, spaces: 10 },
    );
    let platform = Platform::start(&[]).await?;
    platform.register(&fleet).await?;
    let plan = Plan { messages: fleet.total(), ..Plan::default() };
    let crews = publish(platform.broker(), fleet.crews(64), &plan).await?;
    platform.settle().await?;
    let untold = platform.untold(&fleet, &crews).await?;

    report.section(format!("Reading the current state of {fleet}, over HTTP"));
    report.add("spaces told differently than reported", untold as f64, "").target(Target::AtMost(0.0));
    let city = time(&platform, &["/v1/places".to_owned()], settings.size(100, 3)).await?;
    tell(report, "all places", &city, 50.0);
    let places: Vec<_> = fleet.ids().map(|id| format!("/v1/places/{id}")).collect();
    let place = time(&platform, &places, settings.size(1_000, 5)).await?;
    tell(report, "one place", &place, 5.0);
    let spaces: Vec<_> = fleet.ids().map(|id| format!("/v1/places/{id}/spaces")).collect();
    let spaces = time(&platform, &spaces, settings.size(1_000, 5)).await?;
    tell(report, "the spaces of one place", &spaces, 5.0);
    let (peak, _) = platform.peak_memory("occupancy");
    report.add("memory at the peak: occupancy", peak, "MB").target(Target::Below(40.0));
    platform.stop().await;
    Ok(())
}

/// Milliseconds of so many reads, one after the other, of these paths in turn.
async fn time(platform: &Platform, paths: &[String], count: usize) -> anyhow::Result<Sample> {
    let mut times = Sample::default();
    for path in paths.iter().take(3) {
        platform.bytes(path).await?;
    }
    for path in paths.iter().cycle().take(count) {
        let started = Instant::now();
        platform.bytes(path).await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

fn tell(report: &mut Report, what: &str, times: &Sample, target: f64) {
    let note = format!("{} reads, load {:.2}", times.len(), machine::load());
    report.add(format!("{what}: p50"), times.median(), "ms").target(Target::Below(target)).note(note);
    report.add(format!("{what}: p99"), times.quantile(0.99), "ms");
}
