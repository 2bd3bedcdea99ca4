//! Booking a series: every occurrence that can be had, or none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::booking::{Booking, Charge, PayWith, Wish};
use parvis_booking::life::State;
use parvis_booking::policy::Usage;
use parvis_booking::recurrence::Occurrence;
use parvis_events::booking as kinds;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::PriceAsk;
use super::{allocate, money};
use crate::actor::Actor;
use crate::error::{PolicyRefusal, Refused};
use crate::events::event;
use crate::store::bookings::Record;
use crate::store::candidates::{self, Candidate, Candidates};
use crate::store::counts::{self, Counted};
use crate::store::people::{self, Member};
use crate::store::series::{self, SeriesDetails, SeriesRecord};
use crate::store::slots;
use crate::store::tx::{Command, Tx, WriteError};
use crate::views::{OccurrenceView, Outcome};

/// What happens to a series of which some occurrences cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is booked.
    #[default]
    AllOrNothing,
    /// The others are booked.
    FreeOnly,
}

/// A new series.
#[derive(Clone, Debug)]
pub struct BookSeries {
    /// Its id.
    pub id: Uuid,
    /// Whose it will be.
    pub actor: Actor,
    /// What and when.
    pub details: SeriesDetails,
    /// What happens with conflicts.
    pub mode: Mode,
    /// Only tell what would happen.
    pub dry_run: bool,
}

/// What became of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesAnswer {
    /// The series; `None` after a dry run.
    pub id: Option<Uuid>,
    /// Its occurrences.
    pub occurrences: Vec<OccurrenceView>,
}

/// An occurrence with what the look has found.
#[derive(Debug)]
pub struct Planned {
    occurrence: Occurrence,
    booking: Uuid,
    refusals: Vec<PolicyRefusal>,
    /// Index into the candidates of each item; empty when something is taken.
    chosen: Vec<usize>,
}

/// What [`BookSeries`] has found out.
#[derive(Debug)]
pub struct Prepared {
    candidates: Candidates,
    planned: Vec<Planned>,
}

impl Command for BookSeries {
    type Prepared = Prepared;
    type Answer = SeriesAnswer;

    async fn prepare(&self, sql: &mut PgConnection, now: DateTime<Utc>) -> Result<Prepared, WriteError> {
        let occurrences = self.details.recurrence.occurrences().map_err(Refused::from)?;
        let whole =
            whole(&occurrences).ok_or(Refused::Recurrence(parvis_booking::recurrence::RecurrenceError::Empty))?;
        let found = candidates::read(&mut *sql, &self.details.items, whole, None, &self.actor.subject, self.id).await?;
        allocate::exists(&self.details.items, &found)?;
        let numbers: BTreeSet<i32> = found.items.iter().flatten().map(|one| one.no).collect();
        // Buffers reach beyond the series.
        let day = chrono::TimeDelta::days(1);
        let busy = candidates::busy(sql, &Vec::from_iter(numbers), whole.widened(day, day)).await?;
        let planned = occurrences.into_iter().map(|one| self.plan(one, &found, &busy, now)).collect();
        Ok(Prepared { candidates: found, planned })
    }

    async fn run(&self, prepared: &Prepared, tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<SeriesAnswer, WriteError> {
        let refused = prepared.planned.iter().any(|one| !one.bookable());
        if self.dry_run || (refused && self.mode == Mode::AllOrNothing) {
            let told = prepared.planned.iter().map(|one| one.view(Outcome::Free)).collect();
            return if self.dry_run {
                Ok(SeriesAnswer { id: None, occurrences: told })
            } else {
                Err(Refused::SeriesTaken(told).into())
            };
        }
        let wanted: Vec<&Planned> = prepared.planned.iter().filter(|one| one.bookable()).collect();
        let lost = self.take(&prepared.candidates, &wanted, tx).await?;
        if !lost.is_empty() && self.mode == Mode::AllOrNothing {
            return Err(Refused::SeriesTaken(told(&prepared.planned, &lost, Outcome::Free)).into());
        }
        slots::forget(tx.sql(), &Vec::from_iter(lost.iter().copied())).await?;
        let had: Vec<&Planned> = wanted.into_iter().filter(|one| !lost.contains(&one.booking)).collect();
        if had.is_empty() {
            return Err(Refused::SeriesTaken(told(&prepared.planned, &lost, Outcome::Free)).into());
        }
        self.write(&prepared.candidates, &had, tx, now).await?;
        Ok(SeriesAnswer { id: Some(self.id), occurrences: told(&prepared.planned, &lost, Outcome::Booked) })
    }
}

/// From the first start to the last end.
fn whole(occurrences: &[Occurrence]) -> Option<Slot> {
    let start = occurrences.iter().map(|one| one.slot.start).min()?;
    let end = occurrences.iter().map(|one| one.slot.end).max()?;
    Slot::new(start, end).ok()
}

fn told(planned: &[Planned], lost: &BTreeSet<Uuid>, had: Outcome) -> Vec<OccurrenceView> {
    planned.iter().map(|one| one.view(if lost.contains(&one.booking) { Outcome::Taken } else { had })).collect()
}

impl Planned {
    fn bookable(&self) -> bool {
        self.refusals.is_empty() && !self.chosen.is_empty()
    }

    /// What is told; `had` is the outcome of those that could be had.
    fn view(&self, had: Outcome) -> OccurrenceView {
        let outcome = match (self.refusals.is_empty(), self.chosen.is_empty()) {
            (false, _) => Outcome::Refused,
            (true, true) => Outcome::Taken,
            (true, false) => had,
        };
        OccurrenceView {
            original: self.occurrence.original,
            slot: self.occurrence.slot,
            outcome,
            booking: (outcome == Outcome::Booked).then_some(self.booking),
            refusals: self.refusals.clone(),
        }
    }

    fn candidates<'a>(&self, all: &'a Candidates) -> Vec<&'a Candidate> {
        all.items.iter().zip(&self.chosen).filter_map(|(found, index)| found.get(*index)).collect()
    }
}

impl BookSeries {
    fn plan(
        &self,
        occurrence: Occurrence,
        found: &Candidates,
        busy: &BTreeMap<i32, Vec<Slot>>,
        now: DateTime<Utc>,
    ) -> Planned {
        let slot = occurrence.slot;
        let mut used = BTreeSet::new();
        let mut chosen = Vec::new();
        for candidates in &found.items {
            let free = candidates.iter().position(|one| {
                let padded = one.padded(slot);
                let taken = busy.get(&one.no).is_some_and(|busy| {
                    // In order and apart: the first that ends after our start is the only one that can be in the way.
                    let next = busy.partition_point(|taken| taken.end <= padded.start);
                    busy.get(next).is_some_and(|taken| taken.overlaps(&padded))
                });
                !taken && !used.contains(&one.no)
            });
            let Some(index) = free else { break };
            used.extend(candidates.get(index).map(|one| one.no));
            chosen.push(index);
        }
        if chosen.len() < found.items.len() {
            chosen.clear();
        }
        let refusals = allocate::refusals(found, slot, self.details.participants, false, now);
        // Made from the series and the occurrence, so that the same write tried again makes the same bookings.
        let booking = Uuid::from_u128(
            self.id.as_u128() ^ (u128::from(occurrence.original.and_utc().timestamp().unsigned_abs()) << 16),
        );
        Planned { occurrence, booking, refusals, chosen }
    }

    /// Takes the places of all occurrences in one statement; the bookings of those of which a place was lost.
    async fn take(&self, all: &Candidates, wanted: &[&Planned], tx: &mut Tx<'_>) -> Result<BTreeSet<Uuid>, WriteError> {
        let claims: Vec<_> = wanted
            .iter()
            .flat_map(|one| allocate::claims(one.booking, &one.candidates(all), one.occurrence.slot))
            .collect();
        let approval = all.items.iter().flatten().any(|one| one.policy.requires_approval);
        let state = if approval { State::Pending } else { State::Booked };
        let taken: BTreeSet<usize> = slots::take(tx.sql(), &claims, state).await?.into_iter().collect();
        let lost = claims.iter().enumerate().filter(|(index, _)| !taken.contains(index));
        Ok(lost.map(|(_, claim)| claim.booking).collect())
    }

    async fn write(
        &self,
        all: &Candidates,
        had: &[&Planned],
        tx: &mut Tx<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), WriteError> {
        let owner = &self.actor.subject;
        let mut records = Vec::with_capacity(had.len());
        let mut all_usages = Vec::new();
        let mut included: BTreeMap<String, u32> = BTreeMap::new();
        let mut credits = 0;
        for one in had {
            let chosen = one.candidates(all);
            let mut record = self.record(one, &chosen, now)?;
            let zone = record.booking.zone;
            let key = people::included_key(owner, one.occurrence.slot.start, zone);
            if !included.contains_key(&key) {
                let left = money::included_left(tx.sql(), owner, &all.member, one.occurrence.slot, &chosen).await?;
                included.insert(key.clone(), left);
            }
            let left = included.get(&key).copied().unwrap_or(0);
            record.booking.charge = self.charge(one, &chosen, &all.member, left, now)?;
            included.insert(key, left.saturating_sub(record.booking.charge.included_minutes));
            credits += record.booking.charge.credits;
            let mut usages = money::quota_usages(money::whose(&record.booking), &self.actor.groups(), &chosen);
            let minutes = record.booking.charge.included_minutes;
            usages.extend(all.member.included_usage(owner, record.booking.slot, zone, minutes));
            record.usage = usages.iter().map(|one| Counted { key: one.key.clone(), amount: one.amount }).collect();
            all_usages.extend(usages);
            records.push(record);
        }
        let counted = counts::add(tx.sql(), &summed(all_usages)).await?;
        let total = Charge { pay_with: PayWith::Credits, credits, ..Charge::nothing() };
        money::pay(tx.sql(), owner, &total, counted).await?;
        let series = SeriesRecord { id: self.id, owner: owner.clone(), details: self.details.clone() };
        series::insert(tx.sql(), &series, now).await?;
        tx.make(&records);
        for record in &records {
            let kind = if record.booking.state == State::Pending { kinds::REQUESTED } else { kinds::CONFIRMED };
            tx.emit(event(kind, record, None, now));
        }
        Ok(())
    }

    fn charge(
        &self,
        one: &Planned,
        chosen: &[&Candidate],
        member: &Member,
        included: u32,
        now: DateTime<Utc>,
    ) -> Result<Charge, Refused> {
        let SeriesDetails { items, participants, pay_with, .. } = &self.details;
        let wish = Wish { items: items.clone(), slot: one.occurrence.slot, participants: *participants };
        let ask = PriceAsk { owner: &self.actor.subject, wish, pay_with: *pay_with, repeats: true };
        Ok(money::quoted(ask, chosen, (member, included), &[], now)?.charge)
    }

    fn record(&self, one: &Planned, chosen: &[&Candidate], now: DateTime<Utc>) -> Result<Record, Refused> {
        let first = chosen.first().ok_or(Refused::NotFound("resource"))?;
        let approval = chosen.iter().any(|one| one.policy.requires_approval);
        let slot = one.occurrence.slot;
        let booking = Booking {
            id: one.booking,
            state: if approval { State::Pending } else { State::Booked },
            owner: self.actor.subject.clone(),
            site: first.site.id.clone(),
            zone: first.zone(),
            items: self.details.items.clone(),
            resources: allocate::ids(chosen),
            slot,
            title: self.details.title.clone(),
            participants: self.details.participants,
            guests: self.details.guests.clone(),
            charge: Charge::nothing(),
            expires_at: approval.then_some(slot.start.max(now)),
            check_in: None,
            series: Some(self.id),
            occurrence: Some(one.occurrence.original),
            waited: false,
            version: 0,
            created_at: now,
            modified_at: now,
        };
        let (terms, spaces) = (first.policy.clone(), allocate::spaces(chosen));
        Ok(Record { booking, terms, usage: Vec::new(), refund: None, spaces })
    }
}

/// Usages with the same key made one, so that a series of weeks counts each period once.
fn summed(usages: Vec<Usage>) -> Vec<Usage> {
    let mut by_key: BTreeMap<String, Usage> = BTreeMap::new();
    for usage in usages {
        match by_key.get_mut(&usage.key) {
            Some(sum) => sum.amount += usage.amount,
            None => {
                by_key.insert(usage.key.clone(), usage);
            }
        }
    }
    by_key.into_values().collect()
}
