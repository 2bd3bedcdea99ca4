//! Starting a session.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};
use parvis_kit::problem::Problem;
use parvis_ledger_rules::{Auxiliary, Payer};
use parvis_parking::ZoneId;
use parvis_parking::plate::{Plate, PlateHash};
use parvis_rights::{RightKind, Session, SessionSegment, SessionSource, SessionState, coverage};
use parvis_tariffs::{Holder, Qualification, Quote, QuoteRequest};
use uuid::Uuid;

use super::rivals::Standing;
use super::{Length, Patience, PayWith, agreed, chargeable, the_same};
use crate::error::ApiResult;
use crate::record::{Charge, ChargeState, SessionRecord, Source, Wish};
use crate::state::{App, Book};
use crate::store::{Creation, Funds, LastStay, StoreError};

/// How often a start is decided again because the plate's last stay has changed meanwhile.
const ATTEMPTS: usize = 4;

/// A session that a driver asks for.
#[derive(Debug, Clone)]
pub struct Start {
    /// Made by the client, so that asking twice makes one session.
    pub id: Uuid,
    /// Where.
    pub zone: ZoneId,
    /// The vehicle.
    pub plate: Plate,
    /// The vehicle's class, drive and sticker. The right it holds is looked up, not believed.
    pub holder: Holder,
    /// How long.
    pub length: Length,
    /// The price that the driver has seen, in minor units.
    pub price_cents: Option<i64>,
    /// How the driver pays.
    pub pay: PayWith,
    /// Who asks, by the issuer's subject.
    pub owner: String,
}

/// A session as it was decided, not yet written.
struct Decided {
    record: SessionRecord,
    last: Option<(LastStay, u64)>,
    funds: Option<Funds>,
}

impl App {
    /// Starts a session, or goes on with it if it was started under this id before.
    ///
    /// # Errors
    /// Refusals of the tariff, of the plate's other session, of the payment; failures of table or provider.
    pub async fn start(&self, start: &Start) -> ApiResult<SessionRecord> {
        let plate = start.plate.hash(self.plate_key());
        let wish = Wish::of(&(&start.zone, &plate, start.holder, start.length, start.price_cents, &start.pay));
        let charge = first_charge(start.id);
        let book = self.book().await?;
        for _ in 0..ATTEMPTS {
            if let Some(known) = self.store().session(start.id).await? {
                let own = known.owner.as_deref() == Some(start.owner.as_str());
                the_same(own && known.is_of_vehicle(&plate, &start.zone) && known.is_as_asked(charge, wish))?;
                return self.pay(known, charge).await;
            }
            let Some(decided) = self.decide(start, &plate, &book).await? else { continue };
            let Decided { mut record, last, funds } = decided;
            record.asked.insert(charge, wish);
            let paid = record.session.state == SessionState::Active;
            let movement = paid.then(|| match record.charges.first() {
                Some(charge) => record.sale(charge, self.now()),
                None => record.free_stay(self.now()),
            });
            let until = record.end() + self.settings().plate_retention;
            let clear_plate = self.plates().put(start.id, &start.plate, until)?;
            let creation = Creation {
                record: &record,
                last,
                funds,
                movement,
                listed_for: &start.owner,
                clear_plate: Some(clear_plate),
            };
            match self.store().create(creation).await {
                Ok(()) => return self.pay(record, charge).await,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// What is to be written; `None` when something was in the way that is gone now.
    async fn decide(&self, start: &Start, plate: &PlateHash, book: &Book) -> ApiResult<Option<Decided>> {
        let now = self.now();
        let begins = now.trunc_subsecs(0);
        let standing = self.standing(start, plate, begins).await?;
        let holder = Holder { qualification: self.qualification(plate, &start.zone, now).await?, ..start.holder };
        let (zone, previous) = (&start.zone, standing.previous());
        let demand = self.expected(&book.tariffs, zone, begins).await?;
        let request = QuoteRequest { zone, holder, start: begins, end: start.length.end(begins), previous, demand };
        let quote = self.price(start, &request, &standing, book).await?;
        if let Some(rival) = standing.rival {
            // At the provider first, so that it can never be paid; if it was just before, it holds.
            self.bring_forward(rival, Patience::GiveUp).await?;
            return Ok(None);
        }
        let session = Session {
            id: start.id,
            version: 1,
            plate: plate.clone(),
            zone: zone.clone(),
            holder,
            previous,
            demand,
            segments: vec![segment(&quote)],
            state: SessionState::Pending,
            stopped_at: None,
            source: SessionSource::Driver,
        };
        let record = SessionRecord {
            session,
            owner: Some(start.owner.clone()),
            vat: quote.vat_rate,
            book: book.version,
            charges: Vec::new(),
            free: Vec::new(),
            asked: BTreeMap::new(),
            refunds: Vec::new(),
            created_at: now,
            revision: 1,
            delay: None,
        };
        let (record, funds) = self.with_payment(record, start, &quote).await?;
        Ok(Some(Decided { record, last: standing.last, funds }))
    }

    /// What is due, if it may be paid like that.
    async fn price(
        &self,
        start: &Start,
        request: &QuoteRequest<'_>,
        standing: &Standing,
        book: &Book,
    ) -> ApiResult<Quote> {
        let quote = self.quote_after(book, request, standing.stay(), &start.owner).await?;
        let quote = agreed(quote, start.price_cents)?;
        let latest = book.tariffs.latest_end(request.zone, &request.holder, request.start)?;
        let quote_until = |end| book.tariffs.quote(&QuoteRequest { end, ..request.clone() }).ok();
        self.refuse_too_little(&quote, &start.pay, latest, quote_until)?;
        if !quote.due.is_zero() && start.pay != PayWith::Wallet {
            self.refuse_too_many(&start.owner).await?;
        }
        Ok(quote)
    }

    /// Adds the payment: what is free or in the wallet needs nobody else, so the session begins at once.
    async fn with_payment(
        &self,
        mut record: SessionRecord,
        start: &Start,
        quote: &Quote,
    ) -> ApiResult<(SessionRecord, Option<Funds>)> {
        if quote.due.is_zero() {
            record.session.confirm()?;
            return Ok((record, None));
        }
        let (charge, funds) =
            self.charge(first_charge(start.id), quote, segment(quote), &start.pay, &start.owner).await?;
        if charge.state == ChargeState::Succeeded {
            record.session.confirm()?;
        }
        record.charges.push(charge);
        Ok((record, funds))
    }

    /// The charge of what is due; from a wallet it is paid with the very write that makes it.
    pub(super) async fn charge(
        &self,
        id: Uuid,
        quote: &Quote,
        segment: SessionSegment,
        pay: &PayWith,
        owner: &str,
    ) -> ApiResult<(Charge, Option<Funds>)> {
        let amount = chargeable(quote.due)?;
        let (source, state, funds) = match pay {
            PayWith::CardInBrowser => (Source::Card { method: None }, ChargeState::Created, None),
            PayWith::Method { id } => (Source::Card { method: Some(id.clone()) }, ChargeState::Created, None),
            PayWith::Wallet => {
                if self.store().wallet(owner).await? < amount.cents {
                    return Err(Problem::new(
                        axum::http::StatusCode::PAYMENT_REQUIRED,
                        "wallet-empty",
                        "The wallet does not hold so much",
                    )
                    .into());
                }
                let customer = Auxiliary { number: owner.to_owned(), label: owner.to_owned() };
                let funds = Funds { owner: owner.to_owned(), change: amount.checked_neg().map_err(Problem::internal)? };
                (Source::Wallet { payer: Payer::Wallet { customer } }, ChargeState::Succeeded, Some(funds))
            }
        };
        let created_at = self.now();
        let charge =
            Charge { id, amount, segment, source, state, intent: None, client_secret: None, failure: None, created_at };
        Ok((charge, funds))
    }

    /// The right under which a plate parks in a zone: that of a permit which holds there now.
    pub(crate) async fn qualification(
        &self,
        plate: &PlateHash,
        zone: &ZoneId,
        now: DateTime<Utc>,
    ) -> ApiResult<Qualification> {
        let rights = self.store().rights(plate, now).await?;
        let permits: Vec<_> =
            rights.into_iter().filter(|right| matches!(right.kind, RightKind::Permit { .. })).collect();
        if permits.is_empty() {
            return Ok(Qualification::Visitor);
        }
        let series = self.store().series().await?;
        let covering = coverage(&permits, &series, zone, None, now).covering;
        Ok(match covering.map(|covered| covered.right.kind) {
            Some(RightKind::Permit { permit }) => permit.qualification(),
            _ => Qualification::Visitor,
        })
    }
}

/// The charge of a session's beginning.
pub(super) fn first_charge(session: Uuid) -> Uuid {
    Uuid::new_v5(&session, b"charge 0")
}

/// The part of a session that a quote prices.
pub(super) fn segment(quote: &Quote) -> SessionSegment {
    SessionSegment { start: quote.start, end: quote.end, paid: quote.due, tables: quote.tables.clone() }
}
