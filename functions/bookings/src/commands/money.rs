//! What a booking costs and counts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_booking::Slot;
use parvis_booking::booking::{Booking, Charge, PayWith, Wish};
use parvis_booking::policy::{Refusal, Usage, usages};
use parvis_booking::pricing::{DemandFactor, Part, Quote, QuoteAsk, RateCard, factor_over, quote};
use parvis_booking::resource::Resource;
use sqlx::PgConnection;

use crate::error::Refused;
use crate::store::candidates::Candidate;
use crate::store::counts::{self, Counted};
use crate::store::demand;
use crate::store::people::{self, Member, included_key};
use crate::store::tx::WriteError;

/// What a price is asked for.
#[derive(Debug)]
pub struct PriceAsk<'a> {
    /// By whom.
    pub owner: &'a str,
    /// What is wished.
    pub wish: Wish,
    /// How it will be paid.
    pub pay_with: PayWith,
    /// Whether it is one of a series: who comes every week pays the same every week, whatever the demand.
    pub repeats: bool,
}

/// The quote for what was chosen, for somebody who is a member or not.
///
/// # Errors
/// When the database fails or the prices do not add up.
pub async fn priced(
    sql: &mut PgConnection,
    ask: PriceAsk<'_>,
    chosen: &[&Candidate],
    member: &Member,
    now: DateTime<Utc>,
) -> Result<Quote, WriteError> {
    let left = included_left(sql, ask.owner, member, ask.wish.slot, chosen).await?;
    let factors = if ask.repeats { Vec::new() } else { expected(sql, chosen, ask.wish.slot).await? };
    Ok(quoted(ask, chosen, (member, left), &factors, now)?)
}

/// Whether expected demand may move the price of `resource`.
#[must_use]
pub fn moves(resource: &Resource) -> bool {
    resource.rates.as_ref().is_some_and(RateCard::moves)
}

/// How expected demand moves the price of each of those chosen that it may move: by that for places of its own kind.
async fn expected(sql: &mut PgConnection, chosen: &[&Candidate], slot: Slot) -> Result<Vec<DemandFactor>, WriteError> {
    let mut of_kinds = HashMap::new();
    let mut factors = Vec::with_capacity(chosen.len());
    for Candidate { resource, site, .. } in chosen {
        if !moves(resource) {
            factors.push(DemandFactor::none());
            continue;
        }
        let kind = (site.id.as_str(), resource.kind.as_str());
        let factor = match of_kinds.get(&kind) {
            Some(factor) => *factor,
            None => factor_over(slot, &demand::of_slot(&mut *sql, kind.0, kind.1, slot).await?),
        };
        of_kinds.insert(kind, factor);
        factors.push(factor);
    }
    Ok(factors)
}

/// The quote for what was chosen, for a member in whose plan so many minutes are left. Of those chosen for which there is no factor
/// demand does not move the price.
pub fn quoted(
    ask: PriceAsk<'_>,
    chosen: &[&Candidate],
    (member, included_minutes): (&Member, u32),
    factors: &[DemandFactor],
    now: DateTime<Utc>,
) -> Result<Quote, Refused> {
    let factors = factors.iter().copied().chain(std::iter::repeat(DemandFactor::none()));
    let parts = chosen.iter().copied().zip(factors).map(part).collect();
    let zone = chosen.first().map_or(Tz::UTC, |one| one.zone());
    let is_member = member.plan.as_ref().is_some_and(|(_, plan)| plan.member);
    let PriceAsk { owner, wish, pay_with, repeats } = ask;
    Ok(quote(QuoteAsk { owner, wish, parts, zone, member: is_member, included_minutes, pay_with, repeats, now })?)
}

fn part((candidate, factor): (&Candidate, DemandFactor)) -> Part<'_> {
    let Candidate { resource, policy, .. } = candidate;
    Part { resource: &resource.id, rates: resource.rates.as_ref(), policy, factor }
}

/// The minutes that the plan still includes in the month of `slot`.
pub async fn included_left(
    sql: &mut PgConnection,
    owner: &str,
    member: &Member,
    slot: Slot,
    chosen: &[&Candidate],
) -> Result<u32, WriteError> {
    let (Some((_, plan)), Some(first)) = (&member.plan, chosen.first()) else { return Ok(0) };
    let used = counts::used(sql, &included_key(owner, slot.start, first.zone())).await?;
    Ok(u32::try_from(i64::from(plan.included_minutes) - used).unwrap_or(0))
}

/// Whether a booking adds to any quota, or takes anything from credits or plan.
#[must_use]
pub fn counts(booking: &Booking, groups: &[&str], chosen: &[&Candidate]) -> bool {
    let Charge { credits, included_minutes, .. } = booking.charge;
    credits > 0 || included_minutes > 0 || !quota_usages(whose(booking), groups, chosen).is_empty()
}

/// Counts a booking in the quotas of `chosen` and takes what it costs from credits and plan.
///
/// # Errors
/// The quota or the credits that are used up; then nothing is counted.
pub async fn count(
    sql: &mut PgConnection,
    booking: &Booking,
    groups: &[&str],
    chosen: &[&Candidate],
) -> Result<Vec<Counted>, WriteError> {
    let mut all = quota_usages(whose(booking), groups, chosen);
    if booking.charge.included_minutes > 0 {
        let member = people::member(&mut *sql, &booking.owner, booking.slot.start).await?;
        let minutes = booking.charge.included_minutes;
        all.extend(member.included_usage(&booking.owner, booking.slot, booking.zone, minutes));
    }
    let counted = counts::add(&mut *sql, &all).await?;
    pay(sql, &booking.owner, &booking.charge, counted).await
}

/// Pays the credits of `charge`; when there are not enough, what was `counted` is taken back.
pub async fn pay(
    sql: &mut PgConnection,
    owner: &str,
    charge: &Charge,
    counted: Vec<Counted>,
) -> Result<Vec<Counted>, WriteError> {
    let credits = charge.credits;
    if credits > 0 && !counts::pay_credits(&mut *sql, owner, credits).await? {
        counts::take_back(&mut *sql, &counted).await?;
        return Err(Refused::policy(None, Refusal::NotEnoughCredits { needed: credits }).into());
    }
    Ok(counted)
}

/// Whose a booking is and when, by which clocks: what quotas go by.
pub fn whose(booking: &Booking) -> (&str, Slot, Tz) {
    (&booking.owner, booking.slot, booking.zone)
}

/// What a booking adds to the quotas of `chosen`. A quota over a whole policy counts a booking of two of its rooms once in
/// bookings, and twice in minutes.
pub fn quota_usages((owner, slot, zone): (&str, Slot, Tz), groups: &[&str], chosen: &[&Candidate]) -> Vec<Usage> {
    let mut all: Vec<Usage> = Vec::new();
    for candidate in chosen {
        let found = usages(&candidate.policy, &candidate.resource, owner, groups, slot, zone);
        for usage in found {
            match all.iter_mut().find(|one| one.key == usage.key) {
                Some(one) if usage.unit == "minutes" => one.amount += usage.amount,
                Some(_) => {}
                None => all.push(usage),
            }
        }
    }
    all
}

/// Gives back what a booking that is given up has counted: quotas whole, the plan's minutes and credits as far as the refund says.
///
/// # Errors
/// When the database fails.
pub async fn give_back(
    sql: &mut PgConnection,
    owner: &str,
    usage: &[Counted],
    credits: u32,
    included_minutes: u32,
) -> Result<(), sqlx::Error> {
    let part = |counted: &Counted| {
        let included = counted.key.starts_with(people::INCLUDED);
        Counted {
            key: counted.key.clone(),
            amount: if included { i64::from(included_minutes) } else { counted.amount },
        }
    };
    let back: Vec<Counted> = usage.iter().map(part).collect();
    counts::take_back(&mut *sql, &back).await?;
    if credits > 0 {
        counts::give_credits(sql, owner, credits).await?;
    }
    Ok(())
}
