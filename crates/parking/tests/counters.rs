//! Counting vehicles in and out.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use chrono::{DateTime, Duration, Utc};
use parvis_parking::{Block, BlockIndex, Change, Count, CounterReading, DeviceMessage};

fn start() -> DateTime<Utc> {
    "2026-01-18T10:00:00Z".parse().unwrap()
}

fn counted(minutes: i64, count: Count) -> DeviceMessage {
    DeviceMessage::Counter(CounterReading {
        place: "default".parse().unwrap(),
        zone: "main".parse().unwrap(),
        at: start() + Duration::minutes(minutes),
        count,
        capacity: 100,
        received_at: start() + Duration::minutes(minutes),
    })
}

fn flow(minutes: i64, entries: u64, exits: u64) -> DeviceMessage {
    counted(minutes, Count::Flow { entries, exits })
}

/// Merges one message after the other and returns the vehicles inside after each.
fn walk(messages: &[DeviceMessage]) -> Vec<u32> {
    let mut block = Block::empty(BlockIndex::Counter);
    messages
        .iter()
        .map(|message| {
            block.merge([message]);
            block = Block::decode(BlockIndex::Counter, &block.encode()).unwrap();
            block.as_counter().unwrap().state().unwrap().occupied
        })
        .collect()
}

#[test]
fn entries_and_exits_add_up() {
    assert_eq!(walk(&[flow(0, 10, 4), flow(1, 12, 4), flow(2, 12, 9)]), [6, 8, 3]);
}

#[test]
fn counters_that_were_reset_keep_the_vehicles_inside() {
    assert_eq!(walk(&[flow(0, 10, 4), flow(1, 2, 0), flow(2, 2, 5)]), [6, 8, 3]);
}

#[test]
fn a_missed_entry_does_not_drift_below_zero() {
    assert_eq!(walk(&[flow(0, 3, 4), flow(1, 4, 4), flow(2, 4, 5)]), [0, 1, 0]);
}

#[test]
fn a_count_of_the_vehicles_overrules_the_counters() {
    let recount = counted(1, Count::Occupied(20));
    assert_eq!(walk(&[flow(0, 10, 4), recount, flow(2, 11, 4)]), [6, 20, 21]);
    let recount = counted(0, Count::Occupied(20));
    assert_eq!(walk(&[recount, flow(1, 500, 480), flow(2, 501, 480)]), [20, 20, 21]);
}

#[test]
fn late_counters_enter_history_only() {
    let mut block = Block::empty(BlockIndex::Counter);
    block.merge(&[flow(0, 10, 4), flow(5, 20, 5)]);
    let report = block.merge(&[flow(3, 15, 5)]);
    assert_eq!((report.accepted, report.corrected), (0, 1));
    assert_eq!(
        block.changes(),
        [Change::Counted { at: start() + Duration::minutes(3), occupied: 10, capacity: 100, percent: None }]
    );
    assert_eq!(block.as_counter().unwrap().state().unwrap().occupied, 15);
    // From before a reset: the offset is not known any more.
    let report = block.merge(&[flow(2, 900, 5)]);
    assert_eq!((report.late, report.changed()), (1, false));
}

#[test]
fn a_stuck_counter_shows_since_when() {
    let mut block = Block::empty(BlockIndex::Counter);
    block.merge(&[
        counted(0, Count::Occupied(5)),
        counted(1, Count::Occupied(7)),
        counted(2, Count::Occupied(7)),
        counted(3, Count::Occupied(7)),
    ]);
    let state = *block.as_counter().unwrap().state().unwrap();
    assert_eq!((state.at, state.since), (start() + Duration::minutes(3), start() + Duration::minutes(1)));
}
