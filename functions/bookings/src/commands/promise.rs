//! The price of a wish, promised only where the wish could be booked but for others who have the place.

use chrono::{DateTime, Utc};
use parvis_booking::booking::{PayWith, Wish};
use parvis_booking::policy::Refusal;
use parvis_booking::pricing::Quote;
use sqlx::PgConnection;
use uuid::Uuid;

use super::allocate;
use super::money::{PriceAsk, priced, quota_usages};
use crate::actor::Actor;
use crate::error::{PolicyRefusal, Refused};
use crate::store::candidates::{self, Candidate, Candidates};
use crate::store::counts;
use crate::store::tx::WriteError;

/// What a promise is asked for.
#[derive(Clone, Debug)]
pub struct PromiseAsk {
    /// By whom.
    pub actor: Actor,
    /// What is wished.
    pub wish: Wish,
    /// How it will be paid.
    pub pay_with: PayWith,
    /// Whether it is for each of a series, whose dates are not known here.
    pub repeats: bool,
}

/// The price of a wish.
///
/// # Errors
/// What a booking would be refused with, other than that somebody else has the place; or the database fails.
pub async fn promise(sql: &mut PgConnection, ask: PromiseAsk, now: DateTime<Utc>) -> Result<Quote, WriteError> {
    let PromiseAsk { actor, wish, pay_with, repeats } = ask;
    let (slot, owner) = (wish.slot, actor.subject.as_str());
    let found = candidates::read(&mut *sql, &wish.items, slot, None, owner, Uuid::nil()).await?;
    allocate::exists(&wish.items, &found)?;
    let mut refusals = allocate::refusals(&found, slot, wish.participants, false, now);
    if repeats {
        refusals.retain(|one| !of_the_date(&one.refusal));
    }
    let chosen = allocate::choose(&found, &Default::default()).unwrap_or_else(|| anyway(&found));
    if !repeats {
        refusals.extend(used_up(sql, &actor, &wish, &chosen).await?);
    }
    if !refusals.is_empty() {
        return Err(Refused::Policy(refusals).into());
    }
    let quote = priced(sql, PriceAsk { owner, wish, pay_with, repeats }, &chosen, &found.member, now).await?;
    let needed = quote.charge.credits;
    if needed > found.member.credits {
        return Err(Refused::policy(None, Refusal::NotEnoughCredits { needed }).into());
    }
    Ok(quote)
}

/// Whether a reason is one of the date: each date of a series has its own, which the series tells.
const fn of_the_date(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Past | Refusal::TooLate { .. } | Refusal::TooEarly { .. } | Refusal::Closed)
}

/// What a wish means that somebody else has: who waits for it knows what it will cost.
fn anyway(found: &Candidates) -> Vec<&Candidate> {
    found.items.iter().filter_map(|found| found.first()).collect()
}

/// The quotas that have no room for the wish.
async fn used_up(
    sql: &mut PgConnection,
    actor: &Actor,
    wish: &Wish,
    chosen: &[&Candidate],
) -> Result<Vec<PolicyRefusal>, WriteError> {
    let zone = chosen.first().map_or(chrono_tz::Tz::UTC, |one| one.zone());
    let mut refusals = Vec::new();
    for usage in quota_usages((&actor.subject, wish.slot, zone), &actor.groups(), chosen) {
        if counts::used(sql, &usage.key).await? + usage.amount > usage.limit {
            refusals.push(PolicyRefusal { resource: None, refusal: usage.refusal() });
        }
    }
    Ok(refusals)
}
