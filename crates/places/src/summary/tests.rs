use parvis_parking::{BlockIndex, Count, CounterReading, DeviceMessage, PlaceId, SpaceNumber, SpaceReading, Status};

use super::*;
use crate::cache::DefaultPlace;
use crate::model::{Enrolment, Space};

fn place() -> PlaceId {
    "p".parse().unwrap()
}

fn received_at() -> DateTime<Utc> {
    "2026-01-18T10:00:01Z".parse().unwrap()
}

fn record(zones: Vec<Zone>) -> PlaceRecord {
    let default = DefaultPlace { id: place(), timezone: chrono_tz::UTC };
    PlaceRecord { zones, ..default.record() }
}

fn zone(id: &str, source: Source, capacity: Option<u32>, spaces: &[(u32, bool)]) -> Zone {
    Zone {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        source,
        capacity,
        spaces: spaces
            .iter()
            .map(|(n, closed)| Space { closed: *closed, ..Space::numbered(SpaceNumber::try_from(*n).unwrap()) })
            .collect(),
        status: OpenStatus::Open,
        thresholds: None,
        version: 1,
    }
}

/// The blocks of a zone after readings of its spaces.
fn sensed(id: &str, readings: &[(u32, Status)]) -> Vec<(BlockKey, Block)> {
    let mut blocks: BTreeMap<BlockKey, Vec<DeviceMessage>> = BTreeMap::new();
    for (number, status) in readings {
        let message = DeviceMessage::Space(SpaceReading {
            place: place(),
            zone: id.parse().unwrap(),
            space: SpaceNumber::try_from(*number).unwrap(),
            status: *status,
            at: received_at(),
            sequence: None,
            confidence: None,
            battery: None,
            received_at: received_at(),
        });
        blocks.entry(message.block_key().unwrap()).or_default().push(message);
    }
    blocks
        .into_iter()
        .map(|(key, messages)| {
            let mut block = Block::empty(key.index);
            block.merge(&messages);
            (key, block)
        })
        .collect()
}

fn counted(id: &str, occupied: u32, capacity: u32) -> (BlockKey, Block) {
    let mut block = Block::empty(BlockIndex::Counter);
    block.merge(&[DeviceMessage::Counter(CounterReading {
        place: place(),
        zone: id.parse().unwrap(),
        at: received_at(),
        count: Count::Occupied(occupied),
        capacity,
        received_at: received_at(),
    })]);
    (BlockKey::of_counter(place(), id.parse().unwrap()), block)
}

fn summarise(record: &PlaceRecord, blocks: &[(BlockKey, Block)]) -> PlaceSummary {
    record.summarise(blocks.iter().map(|(key, block)| (key, block)))
}

fn tally(total: u32, free: u32, occupied: u32, unknown: u32) -> Tally {
    Tally { total, free, occupied, unknown }
}

#[test]
fn registered_and_reporting_spaces_are_joined() {
    let record = record(vec![zone("a", Source::Spaces, None, &[(1, false), (2, false), (3, true), (4, true)])]);
    // 1 reports, 2 is silent, 3 reports but is closed, 4 is closed and silent, 40 is not registered.
    let blocks = sensed("a", &[(1, Status::Occupied), (3, Status::Occupied), (40, Status::Free)]);
    let summary = summarise(&record, &blocks);
    assert_eq!(summary.tally, tally(3, 1, 1, 1));
    assert_eq!(summary.updated_at, Some(received_at()));
}

#[test]
fn counters_use_the_registered_capacity_first() {
    let record = record(vec![
        zone("a", Source::Counter, Some(50), &[]),
        zone("b", Source::Counter, None, &[]),
        zone("c", Source::Counter, Some(10), &[]),
    ]);
    let blocks = [counted("a", 60, 100), counted("b", 60, 100)];
    let summary = summarise(&record, &blocks);
    let tallies: Vec<_> = summary.zones.iter().map(|zone| zone.tally).collect();
    assert_eq!(tallies, [tally(50, 0, 50, 0), tally(100, 40, 60, 0), tally(10, 0, 0, 10)]);
    assert_eq!(summary.tally, tally(160, 40, 110, 10));
}

#[test]
fn zones_that_report_without_being_registered_are_known_by_what_they_send() {
    let mut blocks = sensed("sensed", &[(1, Status::Free)]);
    blocks.push(counted("counted", 3, 10));
    let summary = summarise(&record(vec![]), &blocks);
    let sources: Vec<_> = summary.zones.iter().map(|zone| (zone.zone.as_str(), zone.source)).collect();
    assert_eq!(sources, [("counted", Source::Counter), ("sensed", Source::Spaces)]);
    assert_eq!(summary.tally, tally(11, 8, 3, 0));
}

#[test]
fn a_closed_zone_counts_in_no_total() {
    let mut closed = zone("a", Source::Spaces, None, &[]);
    closed.status = OpenStatus::Closed;
    let record = record(vec![closed]);
    let mut blocks = sensed("a", &[(1, Status::Occupied)]);
    blocks.extend(sensed("b", &[(1, Status::Free)]));
    let summary = summarise(&record, &blocks);
    assert_eq!(summary.tally, tally(1, 1, 0, 0));
    assert_eq!(summary.zones[0].tally, tally(1, 0, 1, 0));
}

#[test]
fn a_closed_register_admits_what_it_knows() {
    use parvis_parking::RefusalCode::{UnknownSpace, UnknownZone};

    let mut record = record(vec![zone("a", Source::Spaces, None, &[(1, true)])]);
    let number = |n: u32| SpaceNumber::try_from(n).ok();
    let (a, b): (ZoneId, ZoneId) = ("a".parse().unwrap(), "b".parse().unwrap());
    assert_eq!(record.admit(&b, number(7)), Ok(()));
    record.place.enrolment = Enrolment::Closed;
    assert_eq!(record.admit(&a, number(1)), Ok(()));
    assert_eq!(record.admit(&a, None), Ok(()));
    assert_eq!(record.admit(&a, number(2)), Err(UnknownSpace));
    assert_eq!(record.admit(&b, None), Err(UnknownZone));
}
