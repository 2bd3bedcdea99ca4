//! Sessions that operators' apps sell: they bring their own time and receipt, and pay by monthly invoice.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use parvis_kit::problem::{FieldError, Problem};
use parvis_ledger_rules::{Auxiliary, Payer};
use parvis_parking::ZoneId;
use parvis_parking::plate::{Plate, PlateHash};
use parvis_rights::{Segment, Session, SessionSegment, SessionSource, SessionState};
use parvis_tariffs::{Holder, Quote, QuoteRequest};
use uuid::Uuid;

use super::start::{first_charge, segment};
use super::{Length, chargeable, the_same};
use crate::error::{ApiError, ApiResult};
use crate::record::{Charge, ChargeState, SessionRecord, Source, Wish};
use crate::state::App;
use crate::store::{Creation, LastStay, StoreError};

/// How late may arrive what an operator has done without a connection.
pub const LATEST: TimeDelta = TimeDelta::hours(24);
/// How far an operator's clock may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// How often a step is decided again because somebody else has written meanwhile.
const ATTEMPTS: usize = 4;

/// A session that an operator has sold.
#[derive(Debug, Clone)]
pub struct Sold {
    /// Made by the operator, so that telling twice makes one session.
    pub id: Uuid,
    /// Where.
    pub zone: ZoneId,
    /// The vehicle.
    pub plate: Plate,
    /// Its class, drive and sticker.
    pub holder: Holder,
    /// When it began, by the operator's clock; now without it.
    pub start: Option<DateTime<Utc>>,
    /// How long.
    pub length: Length,
    /// What the operator's customer has paid, in minor units.
    pub price_cents: Option<i64>,
    /// The operator's receipt.
    pub receipt: String,
    /// The operator, by its client id.
    pub operator: String,
}

/// An extension that an operator has sold.
#[derive(Debug, Clone)]
pub struct SoldMore {
    /// Made by the operator, so that telling twice extends once.
    pub id: Uuid,
    /// Until when, or for how much longer.
    pub length: Length,
    /// When it was sold, by the operator's clock; now without it.
    pub at: Option<DateTime<Utc>>,
    /// What the operator's customer has paid, in minor units.
    pub price_cents: Option<i64>,
    /// The operator, by its client id.
    pub operator: String,
}

impl Sold {
    /// What the operator says of it.
    fn wish(&self, plate: &PlateHash) -> Wish {
        Wish::of(&(&self.zone, plate, self.holder, self.start, self.length, self.price_cents, &self.receipt))
    }
}

impl App {
    /// Takes a session that an operator has sold; the same id again is answered the same.
    ///
    /// # Errors
    /// Refusals of the tariff, of the plate's other session, of the time; failures of the table.
    pub async fn sold(&self, sold: &Sold) -> ApiResult<SessionRecord> {
        let now = self.now();
        let start = sold.start.unwrap_or(now);
        let (plate, charge) = (sold.plate.hash(self.plate_key()), first_charge(sold.id));
        let wish = sold.wish(&plate);
        for _ in 0..ATTEMPTS {
            if let Some(known) = self.store().session(sold.id).await? {
                let own = matches!(&known.session.source, SessionSource::Operator { operator, .. } if *operator == sold.operator);
                the_same(own && known.is_of_vehicle(&plate, &sold.zone) && known.is_as_asked(charge, wish))?;
                return Ok(known);
            }
            timely("/start", start, now)?;
            let last = self.store().last_stay(&plate, &sold.zone).await?;
            let mut record = self.sold_record(sold, start, &plate, last.as_ref().map(|(last, _)| last)).await?;
            record.asked.insert(charge, wish);
            let until = record.end() + self.settings().plate_retention;
            let creation = Creation {
                record: &record,
                last,
                funds: None,
                movement: Some(match record.charges.first() {
                    Some(charge) => record.sale(charge, now),
                    None => record.free_stay(now),
                }),
                listed_for: &sold.operator,
                clear_plate: Some(self.plates().put(sold.id, &sold.plate, until)?),
            };
            match self.store().create(creation).await {
                Ok(()) => return Ok(record),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn sold_record(
        &self,
        sold: &Sold,
        start: DateTime<Utc>,
        plate: &PlateHash,
        last: Option<&LastStay>,
    ) -> ApiResult<SessionRecord> {
        let start = start.trunc_subsecs(0);
        let book = self.book().await?;
        let holder = Holder { qualification: self.qualification(plate, &sold.zone, start).await?, ..sold.holder };
        // A stay that began later than this one is none that came before.
        let previous = last.filter(|last| last.end <= start).map(LastStay::as_previous);
        let (zone, end) = (&sold.zone, sold.length.end(start));
        let demand = self.expected(&book.tariffs, zone, start).await?;
        let request = QuoteRequest { zone, holder, start, end, previous, demand };
        let quote = self.quote_after(&book, &request, last, &sold.operator).await?;
        let quote = super::agreed(quote, sold.price_cents)?;
        let mut session = Session {
            id: sold.id,
            version: 1,
            plate: plate.clone(),
            zone: zone.clone(),
            holder,
            previous,
            demand,
            segments: vec![segment(&quote)],
            state: SessionState::Pending,
            stopped_at: None,
            source: SessionSource::Operator { operator: sold.operator.clone(), receipt: sold.receipt.clone() },
        };
        self.refuse_overlap(&session, Segment { start, end: quote.end }, last, &sold.operator).await?;
        session.confirm()?;
        let charge = self.invoiced(first_charge(sold.id), &quote, segment(&quote), &sold.operator)?;
        Ok(SessionRecord {
            session,
            owner: None,
            vat: quote.vat_rate,
            book: book.version,
            charges: charge.into_iter().collect(),
            free: Vec::new(),
            asked: BTreeMap::new(),
            refunds: Vec::new(),
            created_at: self.now(),
            revision: 1,
            delay: None,
        })
    }

    /// Extends a session that an operator has sold. One that was extended in time is, though its time has run out before that is told.
    ///
    /// # Errors
    /// Refusals of the tariff, of the session's state and of the time; failures of the table.
    pub async fn extend_sold(&self, mut record: SessionRecord, more: &SoldMore) -> ApiResult<SessionRecord> {
        let id = Uuid::new_v5(&record.session.id, more.id.as_bytes());
        let wish = Wish::of(&(more.length, more.at, more.price_cents));
        for _ in 0..ATTEMPTS {
            if record.knows(id) {
                the_same(record.is_as_asked(id, wish))?;
                return Ok(record);
            }
            let at = self.done_at(more.at)?;
            let mut after = record.as_of(at);
            let quote = super::agreed(self.quote_extension_at(&after, more.length, at).await?, more.price_cents)?;
            let part =
                SessionSegment { start: record.end(), end: quote.end, paid: quote.due, tables: quote.tables.clone() };
            after.session.extend(part.clone())?;
            after.asked.insert(id, wish);
            let charge = self.invoiced(id, &quote, part, &more.operator)?;
            let movement = match &charge {
                Some(charge) => after.sale(charge, self.now()),
                None => {
                    after.free.push(id);
                    after.free_stay(self.now())
                }
            };
            after.charges.extend(charge);
            match self.write(&record, &mut after, Some(movement)).await {
                Ok(()) => return Ok(after),
                Err(ApiError::Store(StoreError::Conflict)) => record = self.reload(record.session.id).await?,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Stops a session that an operator has sold. One that was stopped in time is, though its time has run out before that is told.
    ///
    /// # Errors
    /// Refusals of the session's state and of the time; failures of the table.
    pub async fn stop_sold(&self, record: SessionRecord, at: Option<DateTime<Utc>>) -> ApiResult<SessionRecord> {
        let at = match record.session.state {
            // Told again, however late.
            SessionState::Stopped => self.now(),
            _ => self.done_at(at)?,
        };
        // Who was found parked and paid cannot have left before: only what has not begun yet is given up whole.
        let begun = record.session.bounds().filter(|bounds| bounds.start <= self.now());
        if begun.is_some_and(|bounds| at < bounds.start) {
            let before = FieldError::new("/at", "no sooner than the session's beginning");
            return Err(Problem::invalid(vec![before]).into());
        }
        self.stop_at(record, at).await
    }

    /// When an operator has done what it tells of: now, unless it says when.
    fn done_at(&self, at: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, Problem> {
        let now = self.now();
        let at = at.unwrap_or(now);
        timely("/at", at, now)?;
        Ok(at.min(now))
    }

    /// The charge of an operator's sale, which stands on its monthly invoice; `None` when nothing is due.
    fn invoiced(&self, id: Uuid, quote: &Quote, segment: SessionSegment, operator: &str) -> ApiResult<Option<Charge>> {
        if quote.due.is_zero() {
            return Ok(None);
        }
        let customer = Auxiliary { number: operator.to_owned(), label: operator.to_owned() };
        Ok(Some(Charge {
            id,
            amount: chargeable(quote.due)?,
            segment,
            source: Source::Invoice { payer: Payer::Invoice { customer } },
            state: ChargeState::Succeeded,
            intent: None,
            client_secret: None,
            failure: None,
            created_at: self.now(),
        }))
    }
}

/// Refuses a time that is too long ago, or ahead.
fn timely(field: &str, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Problem> {
    if at < now - LATEST || at > now + AHEAD {
        return Err(Problem::invalid(vec![FieldError::new(field, "at most 24 hours ago, and not ahead")]));
    }
    Ok(())
}
