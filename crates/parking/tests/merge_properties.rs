//! The promise of the merge: whatever is delivered twice, late or out of order, the live state and the history are
//! those of the readings in the order of device time.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use parvis_parking::block::KEPT_AT_MOST;
use parvis_parking::{
    Block, BlockIndex, Change, Connectivity, Count, CounterReading, DeviceMessage, Heartbeat, Percent, SpaceNumber,
    SpaceReading, Status,
};
use proptest::prelude::*;

const SPACES: u32 = 5;

/// A reading as the generator makes it: seconds of device time, a sequence in the same second, and the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    millis: i64,
    sequence: u64,
    space: u32,
    occupied: bool,
}

fn start() -> DateTime<Utc> {
    "2026-01-18T10:00:00Z".parse().unwrap()
}

fn status(occupied: bool) -> Status {
    if occupied { Status::Occupied } else { Status::Free }
}

fn reading(event: &Event, received_at: DateTime<Utc>) -> DeviceMessage {
    DeviceMessage::Space(SpaceReading {
        place: "default".parse().unwrap(),
        zone: "Zone_A".parse().unwrap(),
        space: SpaceNumber::try_from(event.space).unwrap(),
        status: status(event.occupied),
        at: start() + Duration::milliseconds(event.millis),
        sequence: Some(event.sequence),
        confidence: Some((event.millis % 101) as u8),
        battery: Some((event.millis % 97) as u8),
        received_at,
    })
}

/// Readings of several spaces in the order of device time. With a pause of 0 some share a millisecond and differ in
/// sequence only; then history, which has one place per millisecond, cannot tell them apart.
fn events(least_pause: i64) -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((1..=SPACES, any::<bool>(), prop_oneof![1 => Just(least_pause), 9 => 1..90_000i64]), 1..120)
        .prop_map(|steps| {
            let mut millis = 0;
            steps
                .into_iter()
                .enumerate()
                .map(|(index, (space, occupied, pause))| {
                    millis += pause;
                    Event { millis, sequence: index as u64, space, occupied }
                })
                .collect()
        })
}

/// A delivery: every reading overtaken by at most three newer ones of its space, duplicates behind the originals, cut
/// into batches.
fn delivery(least_pause: i64) -> impl Strategy<Value = (Vec<Event>, Vec<Vec<Event>>)> {
    events(least_pause).prop_flat_map(|events| {
        let length = events.len();
        (
            Just(events),
            prop::collection::vec(0..=7usize, length),
            prop::collection::vec(prop::option::weighted(0.3, 0..40usize), length),
            prop::collection::vec(1..12usize, 1..60),
        )
            .prop_map(|(events, delays, copies, cuts)| {
                let delivered = deliver(&events, &delays, &copies);
                (events, batches(delivered, &cuts))
            })
    })
}

fn deliver(events: &[Event], delays: &[usize], copies: &[Option<usize>]) -> Vec<Event> {
    let mut ranks: BTreeMap<u32, usize> = BTreeMap::new();
    let mut queue: Vec<(usize, usize, Event)> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        // Twice the rank within the space, plus at most 7: overtaken by at most three of the same space.
        let rank = ranks.entry(event.space).or_default();
        queue.push((2 * *rank + delays[index], 0, *event));
        if let Some(later) = copies[index] {
            queue.push((2 * *rank + 8 + later, 1, *event));
        }
        *rank += 1;
    }
    queue.sort();
    queue.into_iter().map(|(_, _, event)| event).collect()
}

fn batches(events: Vec<Event>, cuts: &[usize]) -> Vec<Vec<Event>> {
    let mut rest = events.as_slice();
    let mut batches = Vec::new();
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (batch, tail) = rest.split_at((*cut).min(rest.len()));
        batches.push(batch.to_vec());
        rest = tail;
    }
    batches
}

fn first_sixteen_per_space(events: Vec<Event>) -> Vec<Event> {
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    let mut first = |event: &Event| {
        let count = seen.entry(event.space).or_default();
        *count += 1;
        *count <= KEPT_AT_MOST
    };
    events.into_iter().filter(|event| first(event)).collect()
}

type Transition = (u32, DateTime<Utc>, Status);

/// The transitions in the order of device time, every space beginning free.
fn truth(events: &[Event]) -> BTreeSet<Transition> {
    let mut events = events.to_vec();
    events.sort_by_key(|event| (event.millis, event.sequence));
    let mut states: BTreeMap<u32, Status> = BTreeMap::new();
    let mut transitions = BTreeSet::new();
    for event in events {
        let status = status(event.occupied);
        if states.insert(event.space, status).unwrap_or(Status::Free) != status {
            transitions.insert((event.space, start() + Duration::milliseconds(event.millis), status));
        }
    }
    transitions
}

/// A history that is nothing but the changes of the images.
#[derive(Default, PartialEq, Eq, Debug)]
struct History {
    transitions: BTreeSet<Transition>,
    /// Edits that had nothing to edit.
    odd: Vec<Change>,
}

impl History {
    fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let sensible = match *change {
                Change::Add { space, at, status } => self.transitions.insert((space.into(), at, status)),
                Change::Remove { space, at, status } => self.transitions.remove(&(space.into(), at, status)),
                _ => true,
            };
            if !sensible {
                self.odd.push(*change);
            }
        }
    }
}

fn empty() -> Block {
    Block::empty(BlockIndex::Spaces(0))
}

/// Merges batches as ingest does, each image going through its packed form. Each batch is received an hour after the
/// one before: nothing but the fixed window helps.
fn run(batches: &[Vec<Event>]) -> (Block, History) {
    run_received(batches, |batch, _| start() + Duration::days(1) + Duration::hours(batch))
}

/// The same with sensors that are online: everything was received within the three minutes before it is merged, whatever
/// the devices' clocks say.
fn run_live(batches: &[Vec<Event>]) -> (Block, History) {
    run_received(batches, |_, event| start() + Duration::days(1) + Duration::milliseconds(event.millis % 180_000))
}

fn run_received(batches: &[Vec<Event>], received_at: impl Fn(i64, &Event) -> DateTime<Utc>) -> (Block, History) {
    let mut block = empty();
    let mut history = History::default();
    for (index, batch) in batches.iter().enumerate() {
        let messages: Vec<_> = batch.iter().map(|event| reading(event, received_at(index as i64, event))).collect();
        if block.merge(&messages).changed() {
            let packed = block.encode();
            block = Block::decode(BlockIndex::Spaces(0), &packed).unwrap();
            history.apply(block.changes());
        }
    }
    (block, history)
}

/// Everything of the live state but the receipt times and the window, which depend on the delivery by nature.
fn live(block: &Block) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
    let spaces = block.as_spaces().unwrap();
    spaces
        .spaces()
        .map(|(space, s)| (space, s.status(), s.at(), s.since(), s.sequence(), s.confidence(), s.battery()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn history_is_the_truth_in_device_time((events, batches) in delivery(1)) {
        let (_, history) = run(&batches);
        prop_assert_eq!(history.transitions, truth(&events));
        prop_assert_eq!(history.odd, vec![]);
    }

    #[test]
    fn sixteen_readings_received_within_minutes_may_come_in_any_order(
        events in events(1).prop_map(first_sixteen_per_space).prop_shuffle(),
        copies in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        cuts in prop::collection::vec(1..12usize, 1..60),
    ) {
        let mut delivered = events.clone();
        delivered.extend(copies.iter().map(|copy| copy.get(&events)));
        let (block, history) = run_live(&batches(delivered, &cuts));
        prop_assert_eq!(history.transitions, truth(&events));
        prop_assert_eq!(history.odd, vec![]);
        prop_assert_eq!(block.tally().total as usize, events.iter().map(|e| e.space).collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn the_live_state_does_not_depend_on_the_order((events, batches) in delivery(0)) {
        let in_order: Vec<Vec<Event>> = events.iter().map(|event| vec![*event]).collect();
        prop_assert_eq!(live(&run(&batches).0), live(&run(&in_order).0));
    }

    #[test]
    fn the_newest_status_wins_in_any_order_at_all(events in events(0).prop_shuffle()) {
        let (block, _) = run(std::slice::from_ref(&events));
        for (space, state) in block.as_spaces().unwrap().spaces() {
            let newest = events.iter().filter(|e| e.space == u32::from(space)).max().unwrap();
            prop_assert_eq!(state.status(), Some(status(newest.occupied)));
        }
    }

    #[test]
    fn what_is_known_changes_nothing((_, batches) in delivery(0)) {
        let (mut block, _) = run(&batches);
        let before = block.clone();
        // Everything again, received later: from within the window a duplicate, from before it late.
        let received_at = start() + Duration::days(2);
        let all: Vec<_> = batches.iter().flatten().map(|event| reading(event, received_at)).collect();
        let report = block.merge(&all);
        // What is too old to be recognised can only prove that its sensor lives, and that once.
        prop_assert_eq!(report.accepted + report.corrected, 0, "{:?}", report);
        prop_assert!(report.heard <= report.late, "{report:?}");
        prop_assert_eq!(report.duplicates + report.late, all.len() as u32);
        prop_assert!(block.changes().is_empty());
        prop_assert_eq!(live(&block), live(&before));
        prop_assert_eq!(block.tally(), before.tally());
        prop_assert!(!block.merge(&all).changed());
    }

    #[test]
    fn one_batch_or_many_is_the_same((_, batches) in delivery(1)) {
        let at_once = vec![batches.concat()];
        let (block, history) = run(&batches);
        let (block_at_once, history_at_once) = run(&at_once);
        prop_assert_eq!(history, history_at_once);
        prop_assert_eq!(live(&block), live(&block_at_once));
    }

    #[test]
    fn the_packed_form_is_exact((_, batches) in delivery(0), silence in 0..200_000i64, beats in prop::collection::vec((1..=40u32, 0..90_000i64), 0..6)) {
        let (mut block, _) = run(&batches);
        let heartbeats: Vec<_> = beats.iter().map(|(space, millis)| DeviceMessage::Heartbeat(Heartbeat {
            place: "default".parse().unwrap(),
            zone: "Zone_A".parse().unwrap(),
            space: SpaceNumber::try_from(*space).unwrap(),
            at: start() + Duration::days(1) + Duration::milliseconds(*millis),
            battery: None,
            received_at: start() + Duration::days(1) + Duration::milliseconds(*millis + 7),
        })).collect();
        block.merge(&heartbeats);
        prop_assert_eq!(&Block::decode(BlockIndex::Spaces(0), &block.encode()).unwrap(), &block);
        if let Block::Spaces(spaces) = &mut block {
            spaces.mark_silent(start() + Duration::days(1) + Duration::milliseconds(silence), Duration::seconds(60));
        }
        prop_assert_eq!(&Block::decode(BlockIndex::Spaces(0), &block.encode()).unwrap(), &block);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), counter in any::<bool>()) {
        let index = if counter { BlockIndex::Counter } else { BlockIndex::Spaces(400) };
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        if let Ok(block) = Block::decode(index, &bytes) {
            let _ = block.encode();
        }
    }

    #[test]
    fn counter_readings_enter_history_once_in_any_order(
        counts in prop::collection::btree_map(0..10_000i64, 0..=100u32, 1..40).prop_map(|m| m.into_iter().collect::<Vec<_>>()).prop_shuffle()
    ) {
        let capacity = 239;
        let mut block = Block::empty(BlockIndex::Counter);
        let mut history = BTreeMap::new();
        for (minutes, percent) in counts.iter().chain(&counts) {
            let message = DeviceMessage::Counter(CounterReading {
                place: "default".parse().unwrap(),
                zone: "main".parse().unwrap(),
                at: start() + Duration::minutes(*minutes),
                count: Count::Percent(Percent::new(f64::from(*percent)).unwrap()),
                capacity,
                received_at: start(),
            });
            block.merge([&message]);
            block = Block::decode(BlockIndex::Counter, &block.encode()).unwrap();
            for change in block.changes() {
                let Change::Counted { at, occupied, capacity, percent } = *change else { panic!("{change:?}") };
                history.entry(at).or_insert((occupied, capacity, percent));
            }
        }
        prop_assert_eq!(history.len(), counts.len());
        for (minutes, percent) in &counts {
            let (_, _, kept) = history[&(start() + Duration::minutes(*minutes))];
            prop_assert_eq!(kept.unwrap().hundredths(), u16::try_from(percent * 100).unwrap());
        }
        let newest = counts.iter().max().unwrap();
        let state = *block.as_counter().unwrap().state().unwrap();
        prop_assert_eq!(state.at, start() + Duration::minutes(newest.0));
        prop_assert_eq!(state.occupied, Percent::new(f64::from(newest.1)).unwrap().of(capacity));
    }
}

/// What an item has besides the block: the keys `default` and `Zone_A#0000`, a version, the four attribute names.
const KEYS: usize = 7 + 11 + 6 + 6;

/// A full block of an ordinary installation: everything known of each space, times to the millisecond, some changes.
fn ordinary_block(pause: impl Fn(u32, u32) -> i64, sequences: bool) -> Vec<u8> {
    let mut block = empty();
    for round in 0..20 {
        let mut messages: Vec<_> = (1..=32)
            .map(|space| {
                let millis = i64::from(round) * pause(space, round) + i64::from(space) * 1_337;
                let event =
                    Event { millis, sequence: u64::from(round * 100 + 7), space, occupied: (space + round) % 2 == 0 };
                let at = start() + Duration::milliseconds(millis);
                let mut message = reading(&event, at + Duration::milliseconds(850));
                if let DeviceMessage::Space(reading) = &mut message
                    && !sequences
                {
                    reading.sequence = None;
                }
                message
            })
            .collect();
        // A window of one second sees a few of the 32 spaces.
        let last = messages.split_off(29);
        block.merge(&messages);
        block.merge(&last);
    }
    block.encode()
}

#[test]
fn an_ordinary_full_block_costs_one_write_unit() {
    let each_minute = ordinary_block(|_, _| 60_003, false);
    assert!(each_minute.len() + KEYS <= 1024, "every minute: {}", each_minute.len());
    let sparse = ordinary_block(|space, round| 4_000_001 + i64::from(space * 131_071 + round * 77_777), false);
    assert!(sparse.len() + KEYS <= 1024, "at each change: {}", sparse.len());
}

#[test]
fn a_block_of_busy_or_numbered_sensors_costs_two() {
    let each_second = ordinary_block(|_, _| 1_003, false);
    assert!(each_second.len() + KEYS <= 2048, "every second: {}", each_second.len());
    let numbered = ordinary_block(|_, _| 60_003, true);
    assert!(numbered.len() + KEYS <= 2048, "every minute, numbered: {}", numbered.len());
}

#[test]
fn silence_is_news_once_and_ends_with_the_next_message() {
    let received_at = start();
    let first = Event { millis: 0, sequence: 1, space: 1, occupied: true };
    let mut block = empty();
    block.merge(&[reading(&first, received_at)]);
    let Block::Spaces(spaces) = &mut block else { panic!() };
    let limit = Duration::minutes(15);
    assert_eq!(spaces.mark_silent(received_at + limit, limit), 0);
    assert_eq!(spaces.mark_silent(received_at + limit + Duration::minutes(3), limit), 1);
    let space = SpaceNumber::try_from(1).unwrap();
    let lost_at = received_at + limit;
    assert_eq!(spaces.changes(), [Change::CommsLost { space, at: lost_at }]);
    assert_eq!(spaces.get(space).unwrap().connectivity(), Connectivity::Lost);
    assert_eq!(spaces.mark_silent(received_at + limit * 2, limit), 0);
    assert!(spaces.changes().is_empty());

    // A known message is no sign of life, even when it is delivered again.
    block.merge(&[reading(&first, received_at + limit * 2)]);
    assert_eq!(block.as_spaces().unwrap().get(space).unwrap().connectivity(), Connectivity::Lost);

    // A message of a backlog, received before the silence was noticed, restores; the pair stays in order.
    let second = Event { millis: 1_000, sequence: 2, space: 1, occupied: true };
    block.merge(&[reading(&second, received_at + Duration::minutes(10))]);
    assert_eq!(block.changes(), [Change::CommsRestored { space, at: lost_at }]);
    assert_eq!(block.as_spaces().unwrap().get(space).unwrap().connectivity(), Connectivity::Online);
}

#[test]
fn a_sensor_whose_clock_went_back_is_not_silent() {
    let (received_at, limit) = (start() + Duration::days(2), Duration::minutes(15));
    let space = SpaceNumber::try_from(1).unwrap();
    let mut block = empty();
    block.merge(&[reading(&Event { millis: 3_600_000, sequence: 1, space: 1, occupied: true }, received_at)]);
    let before = block.as_spaces().unwrap().get(space).unwrap().clone();

    let beat = |minutes: i64| {
        DeviceMessage::Heartbeat(Heartbeat {
            place: "default".parse().unwrap(),
            zone: "Zone_A".parse().unwrap(),
            space,
            at: start() - Duration::days(9_000) + Duration::minutes(minutes),
            battery: None,
            received_at: received_at + Duration::minutes(minutes),
        })
    };
    let report = block.merge(&[beat(14)]);
    assert!(report.changed(), "a block that is not written keeps nobody alive: {report:?}");
    let late = |spaces: &mut parvis_parking::SpaceBlock| spaces.mark_silent(received_at + Duration::minutes(20), limit);
    let Block::Spaces(spaces) = &mut block else { panic!() };
    assert_eq!(late(spaces), 0);
    let state = spaces.get(space).unwrap().clone();
    assert_eq!((state.status(), state.at(), state.points()), (before.status(), before.at(), before.points()));

    assert!(!block.merge(&[beat(14)]).changed(), "delivered again it tells nothing");
    let Block::Spaces(spaces) = &mut block else { panic!() };
    assert_eq!(spaces.mark_silent(received_at + Duration::minutes(30), limit), 1);
    block.merge(&[beat(40)]);
    assert_eq!(block.as_spaces().unwrap().get(space).unwrap().connectivity(), Connectivity::Online);
}

#[test]
fn a_space_with_heartbeats_only_is_unknown() {
    let mut block = empty();
    block.merge(&[DeviceMessage::Heartbeat(Heartbeat {
        place: "default".parse().unwrap(),
        zone: "Zone_A".parse().unwrap(),
        space: SpaceNumber::try_from(3).unwrap(),
        at: start(),
        battery: Some(50),
        received_at: start(),
    })]);
    let block = Block::decode(BlockIndex::Spaces(0), &block.encode()).unwrap();
    let tally = block.tally();
    assert_eq!((tally.total, tally.unknown), (1, 1));
    let (_, state) = block.as_spaces().unwrap().spaces().next().unwrap();
    assert_eq!((state.status(), state.since(), state.battery()), (None, None, Some(50)));
}
