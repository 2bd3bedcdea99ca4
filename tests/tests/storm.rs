//! Twenty thousand messages through everything that can go wrong: state and history equal the truth.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use chrono::{SubsecRound, TimeDelta, Utc};
use parvis_testkit::{Api, Platform, Reading, eventually_within, transitions_of};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const PLACES: usize = 5;
const ZONES: [&str; 4] = ["North", "East", "South", "West"];
const SPACES_PER_ZONE: u32 = 250;
/// For platforms that process some tens of messages per second.
const SPACES_PER_ZONE_ELSEWHERE: u32 = 20;
/// Readings of one space; the merge's reorder window keeps four points, so any order of these is within it. The long storm below
/// leaves it.
const READINGS_PER_SPACE: i64 = 4;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

struct Storm {
    /// Messages in the order in which they are sent: place index and reading.
    sent: Vec<(usize, Reading)>,
}

impl Storm {
    /// The readings of one place.
    fn of_place(&self, index: usize) -> impl Iterator<Item = &Reading> {
        self.sent.iter().filter(move |(place, _)| *place == index).map(|(_, reading)| reading)
    }
}

/// Every space starts free and changes at random moments; a fifth of the messages come late, a fifth twice.
fn storm(seed: u64, spaces_per_zone: u32) -> Storm {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let start = Utc::now().trunc_subsecs(3) - TimeDelta::hours(3);
    let mut timed = Vec::new();
    for place in 0..PLACES {
        for zone in ZONES {
            for space in 1..=spaces_per_zone {
                let mut at = start + TimeDelta::milliseconds(rng.random_range(0..600_000));
                for n in 0..READINGS_PER_SPACE {
                    timed.push((place, Reading { zone: zone.to_owned(), space, occupied: n % 2 == 1, at }));
                    at += TimeDelta::milliseconds(rng.random_range(1_000..2_000_000));
                }
            }
        }
    }
    timed.sort_by_key(|(_, reading)| reading.at);
    Storm { sent: blown_about(&timed, timed.len() / 4, &mut rng) }
}

/// A fifth is held back and delivered at a random later moment, at most `reach` places later; a fifth is delivered twice.
fn blown_about<T: Clone>(timed: &[T], reach: usize, rng: &mut ChaCha8Rng) -> Vec<T> {
    let mut order: Vec<(usize, usize)> = (0..timed.len()).map(|i| (i, i)).collect();
    for slot in &mut order {
        if rng.random_bool(0.2) {
            slot.0 += rng.random_range(1..reach);
        }
    }
    let mut duplicates: Vec<(usize, usize)> = order.clone();
    duplicates.shuffle(rng);
    duplicates.truncate(timed.len() / 5);
    let again = duplicates.into_iter().map(|(when, which)| (when + rng.random_range(0..reach.min(500)), which));
    order.extend(again.collect::<Vec<_>>());
    order.sort_unstable();
    order.into_iter().map(|(_, which)| timed[which].clone()).collect()
}

/// The newest state of each space.
fn states_of<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> BTreeMap<(String, u32), bool> {
    let mut newest: BTreeMap<(String, u32), &Reading> = BTreeMap::new();
    for reading in readings {
        let known = newest.entry((reading.zone.clone(), reading.space)).or_insert(reading);
        if known.at < reading.at {
            *known = reading;
        }
    }
    newest.into_iter().map(|(space, reading)| (space, reading.occupied)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_messages_with_every_fault_leave_state_and_history_true() {
    let platform = Platform::start_with(&[("IngestVisibilitySeconds", "5")]).await;
    let embedded =
        platform.embedded_or_say("20,000 messages (1,600 instead), throttled writes and killed sandboxes in the storm");
    let spaces_per_zone = if embedded.is_some() { SPACES_PER_ZONE } else { SPACES_PER_ZONE_ELSEWHERE };
    let storm = storm(42, spaces_per_zone);
    assert!(embedded.is_none() || storm.sent.len() >= 20_000);
    let zones: Vec<_> = ZONES.iter().map(|z| (*z, 1..=spaces_per_zone)).collect();
    let mut places = Vec::new();
    for _ in 0..PLACES {
        places.push(platform.new_place(&zones).await);
    }
    if let Some(embedded) = embedded {
        embedded.throttle_writes(0.05);
        embedded.kill_during_invocation("IngestFunction", 3);
    }

    let device = platform.device().await;
    let malformed_every = 100;
    let mut malformed = 0;
    for (n, (place, reading)) in storm.sent.iter().enumerate() {
        let place = &places[*place];
        device.publish(reading.topic(place), reading.payload()).await.unwrap();
        if n % malformed_every == 0 {
            malformed += 1;
            device.publish(reading.topic(place), format!("{{\"broken\": {n}")).await.unwrap();
        }
    }
    device.acknowledged().await.unwrap();

    let api = platform.api();
    for (index, place) in places.iter().enumerate() {
        let wanted = states_of(storm.of_place(index));
        eventually_within(PATIENCE, || state_equals(&api, place, &wanted)).await;
        let truth = transitions_of(storm.of_place(index));
        eventually_within(PATIENCE, || api.history_equals(place, &truth)).await;
    }
    eventually_within(PATIENCE, || async {
        let mut dead = BTreeSet::new();
        for place in &places {
            let letters = platform.dead_letters(place).await?;
            if let Some(other) = letters.iter().find(|d| d.reason != "not_json") {
                bail!("only the malformed ones may be dead: {other:?}");
            }
            // A sandbox killed right after it has sent a letter leaves a second copy: never none, rarely two.
            dead.extend(letters.into_iter().map(|letter| letter.payload));
        }
        if dead.len() == malformed { Ok(()) } else { bail!("{} of {malformed} dead letters", dead.len()) }
    })
    .await;
}

/// Readings of one space in the long storm: more than twice what a block keeps of a space while late ones may still come (16).
const LONG_READINGS: usize = 40;
/// Readings of a space that are delivered together, in any order.
const ROUND: usize = 10;
/// Most of the last ones of a round that come with the next: at most 12 newer ones overtake them, and so leave them within the 16.
const HELD_BACK: usize = 3;
const LONG_SPACES: u32 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn history_stays_true_when_readings_leave_the_reorder_window_and_later_ones_change_nothing() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("Long", 1..=LONG_SPACES)]).await;
    let device = platform.device().await;
    let api = platform.api();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let start = Utc::now().trunc_subsecs(3) - TimeDelta::hours(3);
    let reading = |space, n: usize| {
        let at = start + TimeDelta::seconds(240 * i64::try_from(n).unwrap() + i64::from(space));
        Reading { zone: "Long".into(), space, occupied: n % 2 == 1, at }
    };
    let mut delivered: Vec<Reading> = Vec::new();
    let mut held_back: Vec<Reading> = Vec::new();
    for round in 0..LONG_READINGS / ROUND {
        let mut readings = std::mem::take(&mut held_back);
        for space in 1..=LONG_SPACES {
            let end = (round + 1) * ROUND;
            let held = if end < LONG_READINGS { rng.random_range(0..=HELD_BACK) } else { 0 };
            readings.extend((round * ROUND..end - held).map(|n| reading(space, n)));
            held_back.extend((end - held..end).map(|n| reading(space, n)));
        }
        readings.shuffle(&mut rng);
        for reading in blown_about(&readings, readings.len(), &mut rng) {
            device.publish(reading.topic(&place), reading.payload()).await.unwrap();
        }
        device.acknowledged().await.unwrap();
        delivered.extend(readings);
        let truth = transitions_of(&delivered);
        eventually_within(PATIENCE, || api.history_equals(&place, &truth)).await;
    }
    assert_eq!(delivered.len(), LONG_READINGS * LONG_SPACES as usize);
    let states = states_of(&delivered);
    eventually_within(PATIENCE, || state_equals(&api, &place, &states)).await;

    // What comes after the window has moved on is only a sign of life: each of these would be an earlier arrival.
    for space in 1..=LONG_SPACES {
        let late = Reading { occupied: true, at: reading(space, 0).at + TimeDelta::seconds(60), ..reading(space, 0) };
        device.publish(late.topic(&place), late.payload()).await.unwrap();
    }
    device.acknowledged().await.unwrap();
    for space in 1..=LONG_SPACES {
        let newest = reading(space, LONG_READINGS);
        device.publish(newest.topic(&place), newest.payload()).await.unwrap();
        delivered.push(newest);
    }
    device.acknowledged().await.unwrap();
    let truth = transitions_of(&delivered);
    eventually_within(PATIENCE, || api.history_equals(&place, &truth)).await;
    let letters = platform.dead_letters(&place).await.unwrap();
    assert!(letters.is_empty(), "late is not malformed: {letters:?}");
}

async fn state_equals(api: &Api, place: &str, wanted: &BTreeMap<(String, u32), bool>) -> anyhow::Result<()> {
    let body = api.get(&format!("/v1/places/{place}/spaces")).await?;
    let seen: BTreeMap<_, _> = body["spaces"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|s| s["status"] != "unknown")
        .map(|s| {
            let zone = s["zone"].as_str().unwrap_or_default().to_owned();
            ((zone, s["number"].as_u64().unwrap_or_default() as u32), s["status"] == "occupied")
        })
        .collect();
    match wanted.iter().find(|(space, occupied)| seen.get(*space) != Some(occupied)) {
        None if seen.len() == wanted.len() => Ok(()),
        None => bail!("{} spaces instead of {}", seen.len(), wanted.len()),
        Some((space, occupied)) => bail!("{place} {space:?} should be occupied={occupied}, is {:?}", seen.get(space)),
    }
}
