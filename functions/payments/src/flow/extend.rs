//! Extending a session.

use chrono::{DateTime, Utc};
use parvis_kit::problem::Problem;
use parvis_rights::{Segment, SessionSegment, SessionState};
use parvis_tariffs::Quote;
use uuid::Uuid;

use super::{Length, PayWith, agreed, the_same};
use crate::error::{ApiError, ApiResult};
use crate::record::{ChargeState, PATIENCE, SessionRecord, Wish};
use crate::state::App;
use crate::store::StoreError;

/// How often an extension is decided again because the session has changed meanwhile.
const ATTEMPTS: usize = 3;

/// An extension that a driver asks for.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Made by the client, so that asking twice extends once.
    pub id: Uuid,
    /// Until when, or for how much longer.
    pub length: Length,
    /// The price that the driver has seen, in minor units.
    pub price_cents: Option<i64>,
    /// How the driver pays.
    pub pay: PayWith,
}

impl App {
    /// What an extension costs.
    ///
    /// # Errors
    /// Refusals of the tariff; the plate's next stay, when an operator has told of one that begins within it.
    pub async fn quote_extension(&self, record: &SessionRecord, length: Length) -> ApiResult<Quote> {
        self.quote_extension_at(record, length, self.now()).await
    }

    /// The same of one that is bought at an instant.
    pub(super) async fn quote_extension_at(
        &self,
        record: &SessionRecord,
        length: Length,
        at: DateTime<Utc>,
    ) -> ApiResult<Quote> {
        if record.session.state != SessionState::Active {
            record.session.state.after(parvis_rights::Command::Extend)?;
        }
        // By the tariffs that it began under: the whole stay has one price, and what is given back of it adds up.
        let book = self.book_at(record.book).await?;
        let end = length.end(record.end());
        let quote = book.tariffs.quote_extension(&record.session.as_paid(), end, at)?;
        let part = Segment { start: record.end(), end: quote.end };
        let last = self.store().last_stay(&record.session.plate, &record.session.zone).await?;
        let asks = record.whose().unwrap_or_default();
        self.refuse_overlap(&record.session, part, last.as_ref().map(|(last, _)| last), asks).await?;
        Ok(quote)
    }

    /// Extends a session, or goes on with the extension if it was asked for under this id before.
    ///
    /// # Errors
    /// Refusals of the tariff, of the session's state, of the payment; failures of table or provider.
    pub async fn extend(&self, mut record: SessionRecord, extension: &Extension) -> ApiResult<SessionRecord> {
        let id = Uuid::new_v5(&record.session.id, extension.id.as_bytes());
        let wish = Wish::of(&(extension.length, extension.price_cents, &extension.pay));
        for _ in 0..ATTEMPTS {
            if record.knows(id) {
                the_same(record.is_as_asked(id, wish))?;
                return self.pay(record, id).await;
            }
            if let Some(open) = record.open_charge() {
                return Err(ApiError::PaymentUnderWay { until: open.created_at + PATIENCE });
            }
            match self.add_extension(&record, (id, wish), extension).await {
                Ok(after) => return self.pay(after, id).await,
                Err(ApiError::Store(StoreError::Conflict)) => record = self.reload(record.session.id).await?,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn refuse_too_little_more(&self, record: &SessionRecord, quote: &Quote, pay: &PayWith) -> ApiResult<()> {
        let (book, paid) = (self.book_at(record.book).await?, record.session.as_paid());
        let latest = book.tariffs.latest_end(&record.session.zone, &record.session.holder, quote.start)?;
        let quote_until = |end| book.tariffs.quote_extension(&paid, end, self.now()).ok();
        self.refuse_too_little(quote, pay, latest, quote_until)
    }

    async fn add_extension(
        &self,
        record: &SessionRecord,
        (id, wish): (Uuid, Wish),
        extension: &Extension,
    ) -> ApiResult<SessionRecord> {
        let quote = agreed(self.quote_extension(record, extension.length).await?, extension.price_cents)?;
        self.refuse_too_little_more(record, &quote, &extension.pay).await?;
        // The quote is of the whole stay; what is bought begins where the paid time ends.
        let segment =
            SessionSegment { start: record.end(), end: quote.end, paid: quote.due, tables: quote.tables.clone() };
        let mut after = record.clone();
        after.asked.insert(id, wish);
        if quote.due.is_zero() {
            after.session.extend(segment)?;
            after.free.push(id);
            let movement = after.free_stay(self.now());
            self.write(record, &mut after, Some(movement)).await?;
            return Ok(after);
        }
        let owner = record.owner.clone().ok_or_else(Problem::forbidden)?;
        let (charge, funds) = self.charge(id, &quote, segment.clone(), &extension.pay, &owner).await?;
        let paid = charge.state == ChargeState::Succeeded;
        let movement = paid.then(|| after.sale(&charge, self.now()));
        after.begin_extension(charge)?;
        if paid {
            after.session.extend(segment)?;
        }
        self.save(record, &mut after, movement, funds).await?;
        Ok(after)
    }
}
