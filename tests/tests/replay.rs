//! A real occupancy file, replayed as fast as possible, is in the history value by value, and stuck counters are found.

use std::fmt::Write;

use chrono::{Duration, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use parvis_samples::publisher::Broker;
use parvis_samples::replay::{Columns, OccupancyFile, Options, Speed, run};
use parvis_testkit::Platform;

const TIMEZONE: Tz = chrono_tz::Europe::Paris;

/// Six car parks over six days, every half hour; one never changes although the others do.
fn file(unique: &str) -> anyhow::Result<OccupancyFile> {
    let mut csv = String::from("timestamp_local,name,capacity,occupancy_pct,lat,lon\n");
    let start = NaiveDate::default() + Duration::days(20_458);
    for step in 0..6 * 48 {
        let at = start.and_time(NaiveTime::MIN) + Duration::minutes(30 * step);
        for park in 0..6_i64 {
            let percent = match park {
                5 => 98,
                park => step * (park + 3) * 7 % 97,
            };
            let name = if park == 5 { format!("Stuck {unique}") } else { format!("Park {park} {unique}") };
            let stamp = at.format("%Y-%m-%dT%H:%M");
            writeln!(csv, "{stamp},{name},{},{percent},43.6{park},3.87", 100 + 37 * park)?;
        }
    }
    OccupancyFile::read(csv.as_bytes(), &Columns::default(), TIMEZONE)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_equals_the_file_and_the_stuck_counter_is_found() {
    let platform = Platform::start().await;
    let unique = platform.unique();
    let file = file(&unique).unwrap();
    let (host, port) = platform.mqtt();
    let options = Options {
        speed: Speed::Max,
        timezone: TIMEZONE,
        api: platform.api_url().to_owned(),
        token: platform.token("admin").await,
        broker: Broker { host, port, client_id: format!("replay-{unique}") },
        quiet: true,
    };
    let summary = run(&file, &options).await.unwrap();
    assert_eq!(summary.readings, 6 * 6 * 48);
    let findings: Vec<_> = summary.findings.iter().map(|f| (f.car_park.clone(), f.kind.as_str())).collect();
    assert_eq!(findings, [(format!("Stuck {unique}"), "stuck")]);
}
