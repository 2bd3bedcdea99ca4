//! Bookings of parking spaces as rights of plates, against a model that knows who held what at each minute.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::sync::LazyLock;

use chrono::{DateTime, Duration, Utc};
use parvis_parking::plate::{Plate, PlateHash, PlateKey};
use parvis_parking::{SpaceNumber, ZoneId};
use parvis_rights::{AssignedRight, BookingFacts, RightChange, Segment, SeriesRegister, Space, SpaceBooking, coverage};
use proptest::prelude::*;
use uuid::Uuid;

const PLATES: [&str; 2] = ["AB-123-CD", "XY-987-ZZ"];
const MINUTES: i64 = 180;

fn plate(index: usize) -> PlateHash {
    static HASHES: LazyLock<[PlateHash; 2]> =
        LazyLock::new(|| PLATES.map(|plate| Plate::normalise(plate).unwrap().hash(&PlateKey::new(b"test"))));
    HASHES[index].clone()
}

fn at(minute: i64) -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
}

fn zone() -> ZoneId {
    "A".parse().unwrap()
}

fn number(number: u32) -> SpaceNumber {
    SpaceNumber::try_from(number).unwrap()
}

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    /// Its context tells it anew: from and until when, whether it is certain, and which space it gives.
    Told { start: i64, end: i64, certain: bool, space: Option<u32> },
    /// A plate is named.
    Name(Option<usize>),
}

fn facts(version: i32, (start, end): (i64, i64), certain: bool, space: Option<u32>) -> BookingFacts {
    BookingFacts {
        owner: "driver-1".to_owned(),
        spaces: space.map(|space| Space { zone: zone(), number: number(space) }).into_iter().collect(),
        slot: Segment { start: at(start), end: at(end) },
        certain,
        over: false,
        version,
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..MINUTES - 1, 1..90_i64, prop::bool::weighted(0.7), prop::option::weighted(0.8, 1..3_u32))
            .prop_map(|(start, length, certain, space)| Step::Told { start, end: start + length, certain, space }),
        3 => prop::option::weighted(0.8, 0..2_usize).prop_map(Step::Name),
    ]
}

fn keep(kept: &mut Vec<AssignedRight>, change: RightChange) {
    kept.retain(|right| change.gone.as_ref() != Some(right));
    kept.extend(change.kept);
}

/// Which plate may stand on which space at a minute.
fn holders(kept: &[AssignedRight], minute: i64) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    for index in 0..PLATES.len() {
        let own: Vec<AssignedRight> = kept.iter().filter(|right| right.plate == plate(index)).cloned().collect();
        for space in 1..3 {
            let covers = coverage(&own, &SeriesRegister::default(), &zone(), Some(number(space)), at(minute));
            if covers.covering.is_some() {
                found.push((index, space));
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn the_past_stays_and_from_now_on_holds_what_is_known(
        steps in prop::collection::vec((0..40_i64, step()), 1..12),
    ) {
        let (mut now, mut kept): (i64, Vec<AssignedRight>) = (0, Vec::new());
        let mut booking = SpaceBooking::new(Uuid::from_u128(1), facts(0, (30, 120), true, Some(1)), at(0));
        let mut named = None;
        for (version, (pause, step)) in (1..).zip(steps) {
            now += pause;
            let before: Vec<_> = (0..now).step_by(3).map(|minute| holders(&kept, minute)).collect();
            let change = match step {
                Step::Told { start, end, certain, space } => {
                    booking.told(facts(version, (start, end), certain, space), at(now))
                }
                Step::Name(index) => {
                    named = index;
                    booking.name_plate(index.map(plate), at(now))
                }
            };
            if let Some(change) = change {
                keep(&mut kept, change);
            }
            for (minute, holders_then) in (0..now).step_by(3).zip(&before) {
                prop_assert_eq!(&holders(&kept, minute), holders_then, "minute {} of {}", minute, now);
            }
            let facts = &booking.facts;
            for minute in (now..MINUTES).step_by(3) {
                let within = facts.certain && facts.slot.contains(at(minute));
                let space = facts.spaces.first().filter(|_| within).map(|space| u32::from(space.number));
                let expected: Vec<_> = named.zip(space).into_iter().collect();
                prop_assert_eq!(holders(&kept, minute), expected, "minute {} from {}", minute, now);
            }
        }
    }

    #[test]
    fn what_is_older_than_what_is_known_changes_nothing(version in 0..5_i32, end in 31..MINUTES) {
        let mut booking = SpaceBooking::new(Uuid::from_u128(1), facts(5, (30, 120), true, Some(1)), at(0));
        booking.name_plate(Some(plate(0)), at(1));
        let before = booking.clone();
        prop_assert_eq!(booking.told(facts(version, (30, end), false, None), at(2)), None);
        prop_assert_eq!(booking.told(facts(5, (30, end), false, None), at(2)), None);
        prop_assert_eq!(booking.name_plate(Some(plate(0)), at(3)), None);
        prop_assert_eq!(booking, before);
    }
}

#[test]
fn a_right_that_is_told_of_late_does_not_reach_back() {
    let mut booking = SpaceBooking::new(Uuid::from_u128(1), facts(0, (30, 120), false, Some(1)), at(0));
    booking.name_plate(Some(plate(0)), at(50));
    // It was approved at minute 40; the plate is known since minute 50.
    let change = booking.told(facts(1, (30, 120), true, Some(1)), at(40)).unwrap();
    assert_eq!(change.kept[0].segments, [Segment { start: at(50), end: at(120) }]);
}

#[test]
fn a_booking_that_is_moved_while_it_lasts_gives_no_right_to_what_lies_between() {
    let mut booking = SpaceBooking::new(Uuid::from_u128(1), facts(0, (0, 60), true, Some(1)), at(0));
    booking.name_plate(Some(plate(0)), at(0));
    let change = booking.told(facts(1, (120, 180), true, Some(1)), at(50)).unwrap();
    let segments: Vec<_> = change.kept.iter().flat_map(|right| right.segments.clone()).collect();
    assert_eq!(segments, [Segment { start: at(0), end: at(50) }, Segment { start: at(120), end: at(180) }]);
}
