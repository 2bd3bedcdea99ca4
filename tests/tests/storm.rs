//! Twenty thousand messages through everything that can go wrong: state and history equal the truth.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use parvis_testkit::{Api, Platform, Reading, eventually_within};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const PLACES: usize = 5;
const ZONES: [&str; 4] = ["North", "East", "South", "West"];
const SPACES_PER_ZONE: u32 = 250;
/// For platforms that process some tens of messages per second.
const SPACES_PER_ZONE_ELSEWHERE: u32 = 20;
/// Readings of one space; the merge's reorder window keeps four points, so any order of these is within it.
const READINGS_PER_SPACE: i64 = 4;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

type Space = (usize, String, u32);

struct Storm {
    /// Messages in the order in which they are sent: place index and reading.
    sent: Vec<(usize, Reading)>,
    /// Final state of each space.
    state: BTreeMap<Space, bool>,
    /// What history must hold: (space, moment, kind, dwell).
    events: BTreeSet<(Space, DateTime<Utc>, &'static str, Option<i64>)>,
}

/// Every space starts free and changes at random moments; a fifth of the messages come late, a fifth twice.
fn storm(seed: u64, spaces_per_zone: u32) -> Storm {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let start = Utc::now().trunc_subsecs(3) - TimeDelta::hours(3);
    let mut storm = Storm { sent: Vec::new(), state: BTreeMap::new(), events: BTreeSet::new() };
    let mut timed = Vec::new();
    for place in 0..PLACES {
        for zone in ZONES {
            for space in 1..=spaces_per_zone {
                let key = (place, zone.to_owned(), space);
                let mut at = start + TimeDelta::milliseconds(rng.random_range(0..600_000));
                let mut since = at;
                for n in 0..READINGS_PER_SPACE {
                    let occupied = n % 2 == 1;
                    timed.push((at, place, Reading { zone: zone.to_owned(), space, occupied, at }));
                    match (n, occupied) {
                        (0, _) => {}
                        (_, true) => {
                            storm.events.insert((key.clone(), at, "park_start", None));
                            since = at;
                        }
                        (_, false) => {
                            let dwell = (at - since).num_seconds();
                            storm.events.insert((key.clone(), at, "park_end", Some(dwell)));
                        }
                    }
                    storm.state.insert(key.clone(), occupied);
                    at += TimeDelta::milliseconds(rng.random_range(1_000..2_000_000));
                }
            }
        }
    }
    timed.sort_by_key(|(at, ..)| *at);
    // A fifth is held back and delivered at a random later moment, a fifth is delivered twice.
    let mut order: Vec<(usize, usize)> = (0..timed.len()).map(|i| (i, i)).collect();
    let len = timed.len();
    for slot in &mut order {
        if rng.random_bool(0.2) {
            slot.0 += rng.random_range(1..len / 4);
        }
    }
    let mut duplicates: Vec<(usize, usize)> = order.clone();
    duplicates.shuffle(&mut rng);
    duplicates.truncate(len / 5);
    order.extend(duplicates.into_iter().map(|(when, which)| (when + rng.random_range(0..500), which)));
    order.sort_unstable();
    storm.sent = order.into_iter().map(|(_, i)| (timed[i].1, timed[i].2.clone())).collect();
    storm
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_messages_with_every_fault_leave_state_and_history_true() {
    let platform = Platform::start_with(&[("IngestVisibilitySeconds", "5")]).await;
    let embedded =
        platform.embedded_or_say("20,000 messages (1,600 instead), throttled writes and killed sandboxes in the storm");
    let spaces_per_zone = if embedded.is_some() { SPACES_PER_ZONE } else { SPACES_PER_ZONE_ELSEWHERE };
    let storm = storm(42, spaces_per_zone);
    assert!(embedded.is_none() || storm.state.len() as i64 * READINGS_PER_SPACE >= 20_000);
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
        let wanted =
            storm.state.iter().filter(|((p, ..), _)| *p == index).map(|((_, z, s), o)| ((z.clone(), *s), *o)).collect();
        eventually_within(PATIENCE, || state_equals(&api, place, &wanted)).await;
        let truth: BTreeSet<_> = storm.events.iter().filter(|((p, ..), ..)| *p == index).cloned().collect();
        eventually_within(PATIENCE, || history_equals(&api, place, index, &truth)).await;
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

async fn history_equals(
    api: &Api,
    place: &str,
    index: usize,
    truth: &BTreeSet<(Space, DateTime<Utc>, &'static str, Option<i64>)>,
) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    let mut cursor = String::new();
    let mut rows = 0;
    loop {
        let body = api.get(&format!("/v1/places/{place}/events?limit=1000{cursor}")).await?;
        for event in body["events"].as_array().into_iter().flatten() {
            rows += 1;
            seen.insert(event_key(index, event)?);
        }
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    if let Some(missing) = truth.difference(&seen).next() {
        bail!("{place}: {} of {} events, missing e.g. {missing:?}", seen.len(), truth.len());
    }
    if let Some(extra) = seen.difference(truth).next() {
        bail!("{place}: not true: {extra:?}");
    }
    if rows == truth.len() { Ok(()) } else { bail!("{place}: {rows} rows for {} events", truth.len()) }
}

fn event_key(index: usize, event: &Value) -> anyhow::Result<(Space, DateTime<Utc>, &'static str, Option<i64>)> {
    let kind = match event["type"].as_str() {
        Some("park_start") => "park_start",
        Some("park_end") => "park_end",
        other => bail!("unexpected event {other:?}"),
    };
    let zone = event["zone"].as_str().unwrap_or_default().to_owned();
    let space = event["space"].as_u64().unwrap_or_default() as u32;
    Ok(((index, zone, space), serde_json::from_value(event["at"].clone())?, kind, event["dwell_seconds"].as_i64()))
}
