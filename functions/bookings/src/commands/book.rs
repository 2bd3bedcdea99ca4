//! Making a booking: held, pending, booked, or waiting.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_booking::Slot;
use parvis_booking::booking::{Booking, Charge, Guest, PayWith, Wish};
use parvis_booking::life::State;
use parvis_booking::policy::Policy;
use parvis_booking::pricing::Quote;
use parvis_booking::resource::Item;
use parvis_events::booking as kinds;
use sqlx::PgConnection;
use uuid::Uuid;

use super::money::PriceAsk;
use super::{allocate, money};
use crate::actor::Actor;
use crate::error::Refused;
use crate::events::event;
use crate::store::bookings::Record;
use crate::store::candidates::{self, Candidate, Candidates};
use crate::store::people::Member;
use crate::store::slots;
use crate::store::tx::{Command, Left, Tx, WriteError};

/// A new booking.
#[derive(Clone, Debug)]
pub struct Book {
    /// Its id.
    pub id: Uuid,
    /// Whose it will be.
    pub actor: Actor,
    /// What is wanted, all or nothing.
    pub items: Vec<Item>,
    /// When.
    pub slot: Slot,
    /// What it is about.
    pub title: String,
    /// People who come.
    pub participants: u32,
    /// Who is invited.
    pub guests: Vec<Guest>,
    /// How it is paid.
    pub pay_with: PayWith,
    /// The price that was promised.
    pub quote: Option<Quote>,
    /// Only to be held for now.
    pub hold: bool,
    /// Whether to wait when it is taken.
    pub waitlist: bool,
}

/// What [`Book`] has found out.
#[derive(Debug)]
pub struct Prepared {
    candidates: Candidates,
    waits: bool,
}

impl Command for Book {
    type Prepared = Prepared;
    type Answer = Record;

    async fn prepare(&self, sql: &mut PgConnection, now: DateTime<Utc>) -> Result<Prepared, WriteError> {
        let candidates = candidates::read(sql, &self.items, self.slot, None, &self.actor.subject, self.id).await?;
        allocate::exists(&self.items, &candidates)?;
        let refusals = allocate::refusals(&candidates, self.slot, self.participants, false, now);
        if !refusals.is_empty() {
            return Err(Refused::Policy(refusals).into());
        }
        if let Some(quote) = &self.quote {
            let wish = &quote.wish;
            let other = wish.items != self.items || wish.slot != self.slot || wish.participants != self.participants;
            // The price of each of a series is not that of one booking alone.
            if other || quote.repeats {
                return Err(Refused::QuoteForOther.into());
            }
        }
        let taken = allocate::choose(&candidates, &Default::default()).is_none();
        let first = candidates.items.first().and_then(|found| found.first());
        let waits = taken && self.waitlist && first.is_some_and(|one| one.policy.waitlist);
        if taken && !waits {
            return Err(Refused::Taken(Vec::new()).into());
        }
        Ok(Prepared { candidates, waits })
    }

    /// One place that was named, whose price and count nothing in the database moves: nearly all bookings.
    fn at_once(&self, prepared: &Prepared, now: DateTime<Utc>) -> Result<Option<(Left, Record)>, Refused> {
        let [found] = prepared.candidates.items.as_slice() else { return Ok(None) };
        let ([only], false, true) = (found.as_slice(), prepared.waits, self.guests.is_empty()) else { return Ok(None) };
        let chosen = [only];
        let Some(charge) = self.known_charge(&chosen, &prepared.candidates.member, now)? else { return Ok(None) };
        let mut record = self.record(&chosen, charge, now)?;
        if money::counts(&record.booking, &self.actor.groups(), &chosen) {
            return Ok(None);
        }
        let kind = settle(&mut record, self.hold, &chosen, now);
        let mut left = Left::default();
        for claim in allocate::claims(self.id, &chosen, self.slot) {
            left.claim(claim, record.booking.state);
        }
        left.make(std::slice::from_ref(&record));
        left.emit(event(kind, &record, None, now));
        Ok(Some((left, record)))
    }

    async fn run(&self, prepared: &Prepared, tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<Record, WriteError> {
        if prepared.waits {
            return self.wait(&prepared.candidates, tx, now);
        }
        let guess = self.likely_state(&prepared.candidates);
        let taken = allocate::take(tx.sql(), self.id, &prepared.candidates, self.slot, guess).await?;
        let Some(chosen) = taken else {
            return if self.waitlist {
                self.wait(&prepared.candidates, tx, now)
            } else {
                Err(Refused::Taken(Vec::new()).into())
            };
        };
        let charge = self.charge(tx, &chosen, &prepared.candidates.member, now).await?;
        let mut record = self.record(&chosen, charge, now)?;
        record.usage = money::count(tx.sql(), &record.booking, &self.actor.groups(), &chosen).await?;
        let kind = settle(&mut record, self.hold, &chosen, now);
        if record.booking.state != guess {
            slots::follow(tx.sql(), &[self.id], record.booking.state, None).await?;
        }
        tx.make(std::slice::from_ref(&record));
        tx.emit(event(kind, &record, None, now));
        Ok(record)
    }
}

/// Sets the state and the deadline of a new booking; the event's type.
fn settle(record: &mut Record, hold: bool, chosen: &[&Candidate], now: DateTime<Utc>) -> &'static str {
    let approval = chosen.iter().any(|one| one.policy.requires_approval);
    let (booking, terms) = (&mut record.booking, &record.terms);
    let minutes = TimeDelta::minutes(i64::from(terms.hold_minutes));
    let (state, expires_at, kind) = match (hold, approval) {
        (true, _) => (State::Held, Some((now + minutes).min(booking.slot.end)), kinds::HELD),
        (false, true) => (State::Pending, Some(booking.slot.start.max(now + minutes)), kinds::REQUESTED),
        (false, false) => (State::Booked, None, kinds::CONFIRMED),
    };
    booking.state = state;
    booking.expires_at = expires_at;
    kind
}

impl Book {
    /// The state that it will have, unless the resources chosen want an approval that others of their pool do not. The place is kept
    /// in the same way in any of them.
    fn likely_state(&self, candidates: &Candidates) -> State {
        let approval = candidates.items.iter().flatten().any(|one| one.policy.requires_approval);
        match (self.hold, approval) {
            (true, _) => State::Held,
            (false, true) => State::Pending,
            (false, false) => State::Booked,
        }
    }

    async fn charge(
        &self,
        tx: &mut Tx<'_>,
        chosen: &[&Candidate],
        member: &Member,
        now: DateTime<Utc>,
    ) -> Result<Charge, WriteError> {
        match self.known_charge(chosen, member, now)? {
            Some(charge) => Ok(charge),
            None => Ok(money::priced(tx.sql(), self.ask(), chosen, member, now).await?.charge),
        }
    }

    /// What it costs, where that needs no further look: it was quoted, or neither demand nor a plan moves it.
    fn known_charge(
        &self,
        chosen: &[&Candidate],
        member: &Member,
        now: DateTime<Utc>,
    ) -> Result<Option<Charge>, Refused> {
        if let Some(quote) = &self.quote {
            return Ok(Some(quote.charge));
        }
        if member.plan.is_some() || chosen.iter().any(|one| money::moves(&one.resource)) {
            return Ok(None);
        }
        Ok(Some(money::quoted(self.ask(), chosen, (member, 0), &[], now)?.charge))
    }

    fn ask(&self) -> PriceAsk<'_> {
        let wish = Wish { items: self.items.clone(), slot: self.slot, participants: self.participants };
        PriceAsk { owner: &self.actor.subject, wish, pay_with: self.pay_with, repeats: false }
    }

    /// Joins the waitlist. Nothing is paid before something is offered.
    fn wait(&self, candidates: &Candidates, tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<Record, WriteError> {
        let first: Vec<&Candidate> = candidates.items.iter().filter_map(|found| found.first()).collect();
        if first.iter().any(|one| !one.policy.waitlist) {
            return Err(Refused::Taken(Vec::new()).into());
        }
        let mut record = self.record(&first, Charge { pay_with: self.pay_with, ..Charge::nothing() }, now)?;
        record.booking.resources.clear();
        record.booking.state = State::Waitlist;
        record.booking.waited = true;
        tx.make(std::slice::from_ref(&record));
        tx.emit(event(kinds::JOINED, &record, None, now));
        Ok(record)
    }

    fn record(&self, chosen: &[&Candidate], charge: Charge, now: DateTime<Utc>) -> Result<Record, Refused> {
        let first = chosen.first().ok_or(Refused::NotFound("resource"))?;
        let terms: Policy = first.policy.clone();
        let booking = Booking {
            id: self.id,
            state: State::Held,
            owner: self.actor.subject.clone(),
            site: first.site.id.clone(),
            zone: first.zone(),
            items: self.items.clone(),
            resources: allocate::ids(chosen),
            slot: self.slot,
            title: self.title.clone(),
            participants: self.participants,
            guests: self.guests.clone(),
            charge,
            expires_at: None,
            check_in: None,
            series: None,
            occurrence: None,
            waited: false,
            version: 0,
            created_at: now,
            modified_at: now,
        };
        Ok(Record { booking, terms, usage: Vec::new(), refund: None })
    }
}
