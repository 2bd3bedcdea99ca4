//! Finding a resource for every item of a wish, and taking them, all or none.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use parvis_booking::life::State;
use parvis_booking::policy::{Ask, Refusal, check};
use parvis_booking::resource::{Item, Kind};
use parvis_booking::{ResourceId, Slot};
use parvis_events::booking::BookedSpace;
use parvis_kit::problem::FieldError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{PolicyRefusal, Refused};
use crate::store::candidates::{Candidate, Candidates};
use crate::store::slots::{self, Claim};

/// Items of one booking at most.
pub const MOST_ITEMS: usize = 20;

/// Refuses wishes for nothing, for too much, for what does not exist, for one thing twice, and for places at two sites.
pub fn exists(items: &[Item], candidates: &Candidates) -> Result<(), Refused> {
    if items.is_empty() || items.len() > MOST_ITEMS {
        return Err(Refused::field("/items", format!("1 to {MOST_ITEMS} items")));
    }
    let missing = items.iter().zip(&candidates.items).find(|(_, found)| found.is_empty());
    if let Some((item, _)) = missing {
        return Err(Refused::NotFound(match item {
            Item::Resource(_) => "resource",
            Item::Pool(_) => "pool",
        }));
    }
    enough(items, candidates)?;
    let sites: BTreeSet<_> = first_of_each(candidates).map(|one| &one.site.id).collect();
    if sites.len() > 1 {
        return Err(Refused::field("/items", "all must be at one site"));
    }
    Ok(())
}

/// Refuses a resource that is named twice, and more of a pool than it has: nobody else is in the way of those.
fn enough(items: &[Item], candidates: &Candidates) -> Result<(), Refused> {
    let mut errors = Vec::new();
    for (index, (item, found)) in items.iter().zip(&candidates.items).enumerate() {
        let before = items.get(..index).unwrap_or_default();
        let message = match item {
            Item::Resource(id) if before.contains(item) => Some(format!("{id} is named twice")),
            Item::Resource(_) => None,
            Item::Pool(id) => {
                let member = |one: &&Candidate| items.contains(&Item::Resource(one.resource.id.clone()));
                let left = found.len() - found.iter().filter(member).count();
                let asked = before.iter().filter(|other| *other == item).count() + 1;
                (asked > left).then(|| format!("{id} has no more than {left} places besides those that are named"))
            }
        };
        errors.extend(message.map(|message| FieldError::new(format!("/items/{index}"), message)));
    }
    if errors.is_empty() { Ok(()) } else { Err(Refused::Invalid(errors)) }
}

fn first_of_each(candidates: &Candidates) -> impl Iterator<Item = &Candidate> {
    candidates.items.iter().filter_map(|found| found.first())
}

/// What the policies have against `slot`. Of a pool, the policy of its first member speaks for all. People need room in all the
/// places together, not in each.
pub fn refusals(
    candidates: &Candidates,
    slot: Slot,
    participants: u32,
    changes: bool,
    now: DateTime<Utc>,
) -> Vec<PolicyRefusal> {
    let rooms: Vec<u32> = first_of_each(candidates).filter_map(room).collect();
    let together = rooms.iter().fold(0_u32, |sum, people| sum.saturating_add(*people));
    let mut all: Vec<PolicyRefusal> = Vec::new();
    for candidate in first_of_each(candidates) {
        let own = room(candidate);
        let ask = Ask {
            slot,
            now,
            participants,
            capacity: capacity(candidate),
            beside: own.map_or(0, |own| together - own),
            opening: candidate.opening(),
            zone: candidate.zone(),
            changes,
        };
        let mut refusals = check(&candidate.policy, &ask);
        if candidate.resource.closed {
            refusals.push(Refusal::OutOfService);
        }
        for refusal in refusals {
            let shared = own.is_some() && rooms.len() > 1 && matches!(refusal, Refusal::TooManyPeople { .. });
            let resource = (!shared).then(|| candidate.resource.id.clone());
            let one = PolicyRefusal { resource, refusal };
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

/// For how many people a resource is made. A projector or a parking space is not too small for a meeting of ten.
fn capacity(candidate: &Candidate) -> Option<u32> {
    let resource = &candidate.resource;
    matches!(resource.kind, Kind::Room | Kind::Shared | Kind::Desk).then_some(resource.capacity)
}

/// How many people a place takes in; none for what is no place to be in.
fn room(candidate: &Candidate) -> Option<u32> {
    capacity(candidate).and_then(|capacity| candidate.policy.room(Some(capacity)))
}

/// A choice of one free candidate per item, no resource twice; `None` when there is none. `excluded` are resources found taken
/// after all.
pub fn choose<'a>(candidates: &'a Candidates, excluded: &BTreeSet<i32>) -> Option<Vec<&'a Candidate>> {
    let mut used = excluded.clone();
    let mut chosen = vec![None; candidates.items.len()];
    // Items with one candidate choose first, so that a pool does not take from them the very room that was named.
    let mut order: Vec<usize> = (0..candidates.items.len()).collect();
    order.sort_by_key(|index| candidates.items[*index].len());
    for index in order {
        let free = candidates.items[index].iter().find(|one| one.free && !used.contains(&one.no))?;
        used.insert(free.no);
        chosen[index] = Some(free);
    }
    chosen.into_iter().collect()
}

/// Takes one resource per item for `slot`, all or none; of a pool, goes on to the next member when one was taken meanwhile. `None` when
/// that cannot be; what was taken is then given back.
pub async fn take<'a>(
    sql: &mut PgConnection,
    booking: Uuid,
    candidates: &'a Candidates,
    slot: Slot,
    state: State,
) -> Result<Option<Vec<&'a Candidate>>, sqlx::Error> {
    let mut lost = BTreeSet::new();
    while let Some(chosen) = choose(candidates, &lost) {
        let claims: Vec<Claim> = claims(booking, &chosen, slot);
        let taken = slots::take(&mut *sql, &claims, state).await?;
        if taken.len() == claims.len() {
            return Ok(Some(chosen));
        }
        lost.extend(
            claims.iter().enumerate().filter(|(index, _)| !taken.contains(index)).map(|(_, claim)| claim.resource),
        );
        if !taken.is_empty() {
            slots::forget(&mut *sql, &[booking]).await?;
        }
    }
    Ok(None)
}

/// The claims of a choice.
pub fn claims(booking: Uuid, chosen: &[&Candidate], slot: Slot) -> Vec<Claim> {
    let claim = |(item, candidate): (i16, &&Candidate)| Claim {
        booking,
        resource: candidate.no,
        during: candidate.padded(slot),
        item,
    };
    (0_i16..).zip(chosen).map(claim).collect()
}

/// The ids of a choice.
pub fn ids(chosen: &[&Candidate]) -> Vec<ResourceId> {
    chosen.iter().map(|candidate| candidate.resource.id.clone()).collect()
}

/// The parking spaces of a choice, as the live state knows them; those without a sensor are not known there.
pub fn spaces(chosen: &[&Candidate]) -> Vec<BookedSpace> {
    let parking = chosen.iter().map(|candidate| &candidate.resource).filter(|one| one.kind == Kind::Parking);
    let sensors = parking.filter_map(|one| one.sensor.as_ref());
    sensors.map(|sensor| BookedSpace { zone: sensor.zone.clone(), space: sensor.space }).collect()
}
