//! Series over clock changes: the local clock shows what was asked for, every week, in zones that change by an hour, in the other
//! hemisphere, and by half an hour.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::{America::New_York, Australia::Lord_Howe, Europe::Paris, Tz};
use parvis_booking::recurrence::Recurrence;
use parvis_booking::{local_day, to_utc};
use proptest::prelude::*;

fn series(zone: Tz, start: &str, rule: &str) -> Recurrence {
    Recurrence {
        local_start: start.parse().unwrap(),
        timezone: zone,
        minutes: 60,
        rule: rule.to_owned(),
        except: BTreeSet::new(),
        moved: BTreeMap::new(),
    }
}

fn local_times(series: &Recurrence) -> Vec<String> {
    let occurrences = series.occurrences().unwrap();
    let local = |one: &parvis_booking::recurrence::Occurrence| one.slot.start.with_timezone(&series.timezone);
    occurrences.iter().map(|one| local(one).format("%m-%d %H:%M %:z").to_string()).collect()
}

#[test]
fn paris_over_both_changes() {
    let spring = series(Paris, "2026-03-22T09:00:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(local_times(&spring), ["03-22 09:00 +01:00", "03-29 09:00 +02:00", "04-05 09:00 +02:00"]);
    let autumn = series(Paris, "2026-10-18T09:00:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(local_times(&autumn), ["10-18 09:00 +02:00", "10-25 09:00 +01:00", "11-01 09:00 +01:00"]);
}

#[test]
fn new_york_over_both_changes() {
    let spring = series(New_York, "2026-03-01T18:30:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(local_times(&spring), ["03-01 18:30 -05:00", "03-08 18:30 -04:00", "03-15 18:30 -04:00"]);
    let autumn = series(New_York, "2026-10-25T18:30:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(local_times(&autumn), ["10-25 18:30 -04:00", "11-01 18:30 -05:00", "11-08 18:30 -05:00"]);
}

#[test]
fn lord_howe_moves_by_half_an_hour_over_both_changes() {
    let autumn = series(Lord_Howe, "2026-03-29T09:00:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(local_times(&autumn), ["03-29 09:00 +11:00", "04-05 09:00 +10:30", "04-12 09:00 +10:30"]);
    let spring = series(Lord_Howe, "2026-09-27T09:00:00", "FREQ=WEEKLY;COUNT=3");
    assert_eq!(local_times(&spring), ["09-27 09:00 +10:30", "10-04 09:00 +11:00", "10-11 09:00 +11:00"]);
}

#[test]
fn an_occurrence_in_the_gap_or_in_the_hour_that_comes_twice_is_neither_lost_nor_doubled() {
    let daily = |zone, start| local_times(&series(zone, start, "FREQ=DAILY;COUNT=3"));
    // 02:30 is left out on 29 March in Paris: RFC 5545 goes on from before the gap.
    assert_eq!(daily(Paris, "2026-03-28T02:30:00"), ["03-28 02:30 +01:00", "03-29 03:30 +02:00", "03-30 02:30 +02:00"]);
    assert_eq!(daily(Paris, "2026-10-24T02:30:00"), ["10-24 02:30 +02:00", "10-25 02:30 +02:00", "10-26 02:30 +01:00"]);
    assert_eq!(
        daily(New_York, "2026-03-07T02:30:00"),
        ["03-07 02:30 -05:00", "03-08 03:30 -04:00", "03-09 02:30 -04:00"]
    );
    assert_eq!(
        daily(Lord_Howe, "2026-10-03T02:15:00"),
        ["10-03 02:15 +10:30", "10-04 02:45 +11:00", "10-05 02:15 +11:00"]
    );
}

fn any_zone() -> impl Strategy<Value = Tz> {
    prop_oneof![Just(Paris), Just(New_York), Just(Lord_Howe)]
}

fn any_start() -> impl Strategy<Value = NaiveDateTime> {
    let first: NaiveDateTime = "2026-01-01T00:00:00".parse().unwrap();
    (0_i64..365 * 96).prop_map(move |quarters| first + TimeDelta::minutes(15 * quarters))
}

proptest! {
    /// Whenever it begins, a weekly series is at the same local time on the same weekday every week; only a time that a clock
    /// change leaves out is moved, by the length of the gap.
    #[test]
    fn the_local_clock_shows_what_was_asked(zone in any_zone(), start in any_start(), weeks in 2_u32..60) {
        let series = Recurrence { local_start: start, ..series(zone, "2026-01-01T00:00:00", &format!("FREQ=WEEKLY;COUNT={weeks}")) };
        let occurrences = series.occurrences().unwrap();
        prop_assert_eq!(occurrences.len(), weeks as usize);
        for (week, one) in (0_i64..).zip(&occurrences) {
            let asked = start + TimeDelta::weeks(week);
            prop_assert_eq!(one.original, asked);
            let shown = one.slot.start.with_timezone(&zone).naive_local();
            if shown != asked {
                let change = local_day(asked.date(), zone).length() - TimeDelta::hours(24);
                prop_assert!(change < TimeDelta::zero(), "{} shown as {}", asked, shown);
                prop_assert_eq!(shown - asked, -change);
            }
            prop_assert_eq!(one.slot.minutes(), 60);
        }
        prop_assert!(occurrences.windows(2).all(|pair| pair[0].slot.start < pair[1].slot.start));
    }

    /// Every minute of the local calendar belongs to exactly one local day.
    #[test]
    fn local_days_leave_no_gap(zone in any_zone(), start in any_start()) {
        let day = start.date();
        let (today, tomorrow) = (local_day(day, zone), local_day(day.succ_opt().unwrap(), zone));
        prop_assert_eq!(today.end, tomorrow.start);
        let instant = to_utc(start, zone);
        let shown = instant.with_timezone(&zone);
        prop_assert_eq!(today.contains(instant), shown.day() == day.day(), "{} {}", shown.hour(), shown.minute());
    }
}
