//! Monthly invoices to operators, for what their apps have sold on our account, and what they have paid of them.
//!
//! Sales are in the books when they happen: what an operator owes stands on its account (411). The invoice is the document for it; its
//! payment takes it off the account.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_kit::moment::start_of_day;
use parvis_kit::postgres::begin;
use parvis_kit::telemetry::chain;
use parvis_ledger_rules::{
    Auxiliary, Buyer, DocumentKind, DocumentLine, Draft, Movement, OUTSIDE_VAT, PaymentTerms, Piece,
};
use parvis_money::{Currency, Money, VatRate};
use serde::Serialize;
use sqlx::{PgConnection, Row as _};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::FUNCTION;
use crate::post::{Origin, PostError, give_number, insert_entry, store_document};
use crate::state::App;

/// Days that an operator has to pay (code de commerce, article L441-10: 30 unless agreed otherwise).
const DAYS_TO_PAY: Days = Days::new(30);

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Invoicing {
    /// Invoices issued.
    pub issued: Vec<String>,
    /// Operators whose invoice waits: nobody has said where it goes, or more was given back than sold.
    pub waiting: Vec<String>,
}

/// An invoice as it is listed; amounts in cents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct InvoiceRow {
    /// Its number.
    #[schema(example = "F-2026-000001")]
    pub number: String,
    /// The operator.
    pub customer: String,
    /// Its date.
    pub issued_on: NaiveDate,
    /// Its total, VAT included.
    pub gross_cents: i64,
    /// What was paid of it.
    pub settled_cents: i64,
    /// ISO 4217.
    pub currency: String,
}

/// Why a payment is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// There is no such invoice.
    #[error("there is no invoice of this number")]
    Unknown,
    /// It is more than is open.
    #[error("{open} cents of this invoice are open")]
    TooMuch {
        /// What is open.
        open: i64,
    },
    /// The id was used for another payment.
    #[error("another payment has this id")]
    OtherPayment,
    /// The books failed.
    #[error(transparent)]
    Post(#[from] PostError),
}

impl From<sqlx::Error> for SettleError {
    fn from(error: sqlx::Error) -> Self {
        Self::Post(error.into())
    }
}

/// A payment of an invoice.
#[derive(Debug, Clone, Copy)]
pub struct Payment {
    /// Made by who records it, so that it is recorded once.
    pub id: Uuid,
    /// When the money came.
    pub on: NaiveDate,
    /// How much, in cents.
    pub cents: i64,
}

/// Issues the invoices of the month that is over, and says what it has done.
///
/// # Errors
/// When the database is away; the next run does the rest.
pub async fn run(app: &App) -> Result<Invoicing, Failure> {
    let done = app.invoice().await.map_err(|error| Failure::retryable(chain(&error).to_string()))?;
    let mut metrics = Metrics::new(FUNCTION);
    metrics.count("InvoicesIssued", done.issued.len() as u64, &[]);
    metrics.count("InvoicesWaiting", done.waiting.len() as u64, &[]);
    Ok(done)
}

impl App {
    /// Issues one invoice per operator, for all that stands on none yet and happened before this month. What comes late, or is held up,
    /// stands on the next one; a second run finds nothing to do.
    ///
    /// # Errors
    /// [`PostError`] when the database fails.
    pub async fn invoice(&self) -> Result<Invoicing, PostError> {
        let before = self.beginning_of_month();
        let operators: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT operator FROM ledger_movement m
             WHERE payer = 'invoice' AND operator IS NOT NULL AND at < $1
               AND NOT EXISTS (SELECT FROM ledger_invoiced i WHERE i.movement = m.id)
             ORDER BY operator",
        )
        .bind(before)
        .fetch_all(self.database().pool().await?)
        .await?;
        let mut done = Invoicing::default();
        for operator in operators {
            let Some(buyer) = self.house().customers.get(&operator) else {
                tracing::error!(operator, "nobody has said where this operator's invoice goes (LEDGER_CUSTOMERS)");
                done.waiting.push(operator);
                continue;
            };
            match self.invoice_to(&operator, buyer, before).await {
                Ok(Some(number)) => done.issued.push(number),
                Ok(None) => {}
                // Nothing of it remains, so the others get theirs.
                Err(error) if matches!(error, PostError::Faults(_)) || !error.is_transient() => {
                    tracing::error!(operator, error = %chain(&error), "an operator's invoice cannot be issued");
                    done.waiting.push(operator);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// The instant at which this month began here.
    fn beginning_of_month(&self) -> DateTime<Utc> {
        let today = self.date(self.now());
        start_of_day(today.with_day(1).unwrap_or(today), self.house().timezone)
    }

    async fn invoice_to(
        &self,
        operator: &str,
        buyer: &Buyer,
        before: DateTime<Utc>,
    ) -> Result<Option<String>, PostError> {
        let mut transaction = begin(self.database().pool().await?).await?;
        // Two runs at once: the second finds what the first has left.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('ledger_invoice ' || $1, 0))")
            .bind(operator)
            .execute(&mut *transaction)
            .await?;
        let Some((draft, movements)) = self.draft_invoice(&mut transaction, operator, buyer, before).await? else {
            return Ok(None);
        };
        let document = give_number(&mut transaction, draft).await?;
        let number = document.number().to_string();
        store_document(&mut transaction, Origin::Customer(operator), &document).await?;
        sqlx::query("INSERT INTO ledger_invoiced (movement, number) SELECT unnest($1::uuid[]), $2")
            .bind(&movements)
            .bind(&number)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(number))
    }

    /// The invoice of what is on none yet, one line per zone and rate; `None` when nothing is owed.
    async fn draft_invoice(
        &self,
        connection: &mut PgConnection,
        operator: &str,
        buyer: &Buyer,
        before: DateTime<Utc>,
    ) -> Result<Option<(Draft, Vec<Uuid>)>, PostError> {
        let rows = sqlx::query(
            "SELECT zone, vat, count(*) FILTER (WHERE kind = 'sale'),
                    sum(CASE kind WHEN 'sale' THEN cents ELSE -cents END)::bigint, min(at), max(at), array_agg(id)
             FROM ledger_movement m
             WHERE payer = 'invoice' AND operator = $1 AND at < $2 AND currency = 'EUR'
               AND NOT EXISTS (SELECT FROM ledger_invoiced i WHERE i.movement = m.id)
             GROUP BY zone, vat ORDER BY zone, vat",
        )
        .bind(operator)
        .bind(before)
        .fetch_all(connection)
        .await?;
        let (mut lines, mut ids, mut span) = (Vec::new(), Vec::new(), None);
        for row in rows {
            let (zone, vat, sold): (String, i32, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let (from, to) = (self.date(row.try_get(4)?), self.date(row.try_get(5)?));
            span =
                Some(span.map_or((from, to), |(first, last): (NaiveDate, NaiveDate)| (first.min(from), last.max(to))));
            ids.extend(row.try_get::<Vec<Uuid>, _>(6)?);
            let cents: i64 = row.try_get(3)?;
            if cents == 0 {
                continue;
            }
            let vat = u32::try_from(vat).ok().and_then(|vat| VatRate::try_from(vat).ok()).unwrap_or(VatRate::ZERO);
            let zone = self.zones().name(&zone).await;
            lines.push(DocumentLine {
                description: format!("Stationnement {zone}, {sold} ventes"),
                english: Some(format!("Parking {zone}, {sold} sales")),
                quantity: 1,
                gross: Money::eur(cents),
                vat,
                no_vat_because: (vat == VatRate::ZERO).then(|| OUTSIDE_VAT.to_owned()),
            });
        }
        let Some((from, to)) = span.filter(|_| !lines.is_empty()) else { return Ok(None) };
        let issued_on = self.date(self.now());
        let draft = Draft {
            kind: DocumentKind::Invoice,
            issued_on,
            supplied_from: from,
            supplied_to: to,
            currency: Currency::Eur,
            seller: self.house().seller.clone(),
            buyer: Some(buyer.clone()),
            lines,
            terms: Some(terms(issued_on)),
            settlements: Vec::new(),
        };
        Ok(Some((draft, ids)))
    }

    /// Records that an invoice was paid, all or in part, once per id; the invoice as it is then.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn settle(&self, number: &str, payment: Payment) -> Result<InvoiceRow, SettleError> {
        let pool = self.database().pool().await.map_err(PostError::from)?;
        let mut transaction = begin(pool).await?;
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('ledger_settlement ' || $1, 0))")
            .bind(number)
            .execute(&mut *transaction)
            .await?;
        let found = invoice(&mut transaction, number).await?.ok_or(SettleError::Unknown)?;
        let known: Option<(String, i64)> = sqlx::query_as("SELECT number, cents FROM ledger_settlement WHERE id = $1")
            .bind(payment.id)
            .fetch_optional(&mut *transaction)
            .await?;
        match known {
            Some((of, cents)) if (of.as_str(), cents) == (number, payment.cents) => return Ok(found),
            Some(_) => return Err(SettleError::OtherPayment),
            None => {}
        }
        let open = found.gross_cents - found.settled_cents;
        if payment.cents > open {
            return Err(SettleError::TooMuch { open });
        }
        sqlx::query("INSERT INTO ledger_settlement (id, number, paid_on, cents) VALUES ($1, $2, $3, $4)")
            .bind(payment.id)
            .bind(number)
            .bind(payment.on)
            .bind(payment.cents)
            .execute(&mut *transaction)
            .await?;
        let customer = Auxiliary { number: found.customer.clone(), label: found.customer.clone() };
        let movement = Movement::Settlement { amount: Money::eur(payment.cents), customer };
        let piece = Piece { reference: number.to_owned(), date: found.issued_on };
        let entry = movement.entry(&self.house().chart, payment.id, payment.on, piece).map_err(PostError::from)?;
        if let Some(entry) = entry {
            insert_entry(&mut transaction, &entry, self.date(self.now())).await?;
        }
        transaction.commit().await?;
        Ok(InvoiceRow { settled_cents: found.settled_cents + payment.cents, ..found })
    }

    /// The invoices, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invoices(&self, limit: i64) -> Result<Vec<InvoiceRow>, PostError> {
        let sql = format!("{INVOICES} ORDER BY d.issued_on DESC, d.number DESC LIMIT $1");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(limit);
        Ok(rows.fetch_all(self.database().pool().await?).await?)
    }
}

const INVOICES: &str = "SELECT d.number, d.customer, d.issued_on, d.cents AS gross_cents, d.currency,
           coalesce((SELECT sum(s.cents) FROM ledger_settlement s WHERE s.number = d.number), 0)::bigint AS settled_cents
    FROM ledger_document d WHERE d.customer IS NOT NULL";

async fn invoice(connection: &mut PgConnection, number: &str) -> Result<Option<InvoiceRow>, sqlx::Error> {
    let sql = format!("{INVOICES} AND d.number = $1");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(number).fetch_optional(connection).await
}

/// Code de commerce, articles L441-10 (penalties: at least three times the legal rate) and D441-5 (40 EUR for recovery).
fn terms(issued_on: NaiveDate) -> PaymentTerms {
    PaymentTerms {
        due_on: issued_on.checked_add_days(DAYS_TO_PAY).unwrap_or(issued_on),
        early_payment: "néant".to_owned(),
        late_penalties: "trois fois le taux d'intérêt légal".to_owned(),
        recovery_compensation: Money::eur(4_000),
    }
}
