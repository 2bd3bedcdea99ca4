//! Finding a resource for every item of a wish, and taking them, all or none.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use parvis_booking::life::State;
use parvis_booking::policy::{Ask, Refusal, check};
use parvis_booking::resource::{Item, Kind};
use parvis_booking::{ResourceId, Slot};
use parvis_events::booking::BookedSpace;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{PolicyRefusal, Refused};
use crate::store::candidates::{Candidate, Candidates};
use crate::store::slots::{self, Claim};

/// Items of one booking at most.
pub const MOST_ITEMS: usize = 20;

/// Refuses wishes for nothing, for too much, for what does not exist, and for places at two sites.
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
    let sites: BTreeSet<_> =
        candidates.items.iter().filter_map(|found| found.first()).map(|one| &one.site.id).collect();
    if sites.len() > 1 {
        return Err(Refused::field("/items", "all must be at one site"));
    }
    Ok(())
}

/// What the policies have against `slot`. Of a pool, the policy of its first member speaks for all.
pub fn refusals(
    candidates: &Candidates,
    slot: Slot,
    participants: u32,
    changes: bool,
    now: DateTime<Utc>,
) -> Vec<PolicyRefusal> {
    let first = candidates.items.iter().filter_map(|found| found.first());
    first.flat_map(|candidate| refusals_of(candidate, slot, participants, changes, now)).collect()
}

/// What the policy of one resource has against `slot`.
pub fn refusals_of(
    candidate: &Candidate,
    slot: Slot,
    participants: u32,
    changes: bool,
    now: DateTime<Utc>,
) -> Vec<PolicyRefusal> {
    let resource = &candidate.resource;
    // A projector or a parking space is not too small for a meeting of ten.
    let seats = matches!(resource.kind, Kind::Room | Kind::Shared | Kind::Desk);
    let ask = Ask {
        slot,
        now,
        participants,
        capacity: seats.then_some(resource.capacity),
        opening: candidate.opening(),
        zone: candidate.zone(),
        changes,
    };
    let mut refusals = check(&candidate.policy, &ask);
    if resource.closed {
        refusals.push(Refusal::OutOfService);
    }
    let of = |refusal| PolicyRefusal { resource: Some(resource.id.clone()), refusal };
    refusals.into_iter().map(of).collect()
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
