//! How long a quote takes: `cargo bench -p parvis-tariffs`. The target is 20 microseconds.

use chrono::{DateTime, Duration, Utc};
use parvis_parking::ZoneId;
use parvis_tariffs::{Holder, QuoteRequest, Tariffs, VehicleClass, read_book};

fn main() {
    divan::main();
}

#[expect(clippy::expect_used, reason = "a bench without its file is of no use")]
fn tariffs(text: &str) -> Tariffs {
    read_book(text).expect("the file is sound").0
}

#[expect(clippy::expect_used, reason = "as above")]
fn bench(bencher: divan::Bencher, tariffs: Tariffs, zone: &str, start: &str, length: Duration) {
    let zone: ZoneId = zone.parse().expect("a zone");
    let start: DateTime<Utc> = start.parse().expect("a time");
    let holder = Holder::visitor(VehicleClass::TwoWheeler);
    let request = QuoteRequest { zone: &zone, holder, start, end: start + length, previous: None, demand: None };
    bencher.bench(|| tariffs.quote(divan::black_box(&request)).expect("a price"));
}

#[divan::bench]
fn paris_two_hours(bencher: divan::Bencher) {
    let tariffs = tariffs(include_str!("../files/paris.toml"));
    bench(bencher, tariffs, "Paris_1", "2026-03-02T09:00:00Z", Duration::hours(2));
}

#[divan::bench]
fn paris_over_a_weekend_with_all_tiers(bencher: divan::Bencher) {
    let tariffs = tariffs(include_str!("../files/paris.toml"));
    bench(bencher, tariffs, "Paris_1", "2026-02-28T17:00:00Z", Duration::hours(43));
}

#[divan::bench]
fn a_week_with_a_cap_per_day(bencher: divan::Bencher) {
    let tariffs = tariffs(include_str!("../tests/tariffs/rules.toml"));
    bench(bencher, tariffs, "hospital", "2026-03-02T09:00:00Z", Duration::days(7));
}
