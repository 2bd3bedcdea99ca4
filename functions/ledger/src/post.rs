//! A movement into the books: once, with its entry and its document, in one transaction.

use chrono::NaiveDate;
use parvis_kit::postgres::{DatabaseError, begin};
use parvis_ledger_rules::{
    Counter, Document, DocumentNumber, Draft, Entry, Fault, KeptMovement, MovementError, NumberError, ParkingMovement,
    ParkingMovementKind, Payer, Piece, Posted, Series, Side, Supply, WalletMovement,
};
use parvis_money::{MoneyError, VatRate};
use sqlx::types::Json;
use sqlx::{PgConnection, Row as _};

use crate::draft;
use crate::state::App;

/// Why a movement was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Money goes back of a sale that the books do not have yet.
    #[error("the sale of this refund is not in the books yet")]
    SaleMissing,
    /// The movement has no entry.
    #[error(transparent)]
    Movement(#[from] MovementError),
    /// An amount beyond all bounds.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// No number can be given.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// The document lacks something, such as the seller's SIREN.
    #[error("the document cannot be issued: {0:?}")]
    Faults(Vec<Fault>),
}

impl PostError {
    /// Whether the movements after this one shall wait for it: what fails does so for all of them, until somebody puts it right.
    /// What is refused for its own sake waits alone, until the books are completed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // Classes of SQLSTATE: 22 data, 23 constraint. Anything else is the database's state: away, or not yet migrated.
            Self::Database(DatabaseError::Sql(sqlx::Error::Database(error))) => {
                !error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Database(_) => true,
            // The configuration of the seller is on every document.
            Self::Faults(faults) => faults.iter().all(|fault| matches!(fault, Fault::Siren(_) | Fault::Missing(_))),
            Self::SaleMissing | Self::Movement(_) | Self::Money(_) | Self::Number(_) => false,
        }
    }
}

impl PostError {
    /// Whether somebody else has written the same meanwhile.
    fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(DatabaseError::Sql(sqlx::Error::Database(error))) if error.is_unique_violation())
    }
}

impl From<sqlx::Error> for PostError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl App {
    /// Takes a movement of a stay or of a wallet, once.
    ///
    /// # Errors
    /// [`PostError`]; nothing is changed then.
    pub async fn post_kept(&self, movement: &KeptMovement) -> Result<Posted, PostError> {
        match movement {
            KeptMovement::Parking(movement) => self.post(movement).await,
            KeptMovement::Wallet(movement) => self.post_wallet(movement).await,
        }
    }

    /// Money in a wallet is owed to its owner and no sale: it has an entry, and no document.
    async fn post_wallet(&self, movement: &WalletMovement) -> Result<Posted, PostError> {
        let date = self.date(movement.at);
        let piece = Piece { reference: movement.id.to_string(), date };
        let Some(entry) = movement.movement().entry(&self.house().chart, movement.id, date, piece)? else {
            return Ok(Posted::Known);
        };
        let mut transaction = begin(self.database().pool().await?).await?;
        let known: Option<i32> = sqlx::query_scalar("SELECT 1 FROM ledger_entry WHERE id = $1")
            .bind(movement.id)
            .fetch_optional(&mut *transaction)
            .await?;
        if known.is_some() {
            return Ok(Posted::Known);
        }
        match insert_entry(&mut transaction, &entry, self.date(self.now())).await {
            // Two at once, the stream and the nightly completion: the key lets one through.
            Err(error) if error.is_duplicate() => return Ok(Posted::Known),
            inserted => inserted?,
        }
        transaction.commit().await?;
        Ok(Posted::New)
    }

    /// Takes a movement, once.
    ///
    /// # Errors
    /// [`PostError`]; nothing is changed then.
    pub async fn post(&self, movement: &ParkingMovement) -> Result<Posted, PostError> {
        // Before the transaction: it holds the counter of numbers.
        let zone = self.zones().name(movement.stay.zone.as_str()).await;
        let pool = self.database().pool().await?;
        let mut transaction = begin(pool).await?;
        if !insert_movement(&mut transaction, movement).await? {
            return Ok(Posted::Known);
        }
        let today = self.date(self.now());
        let document = self.issue(&mut transaction, movement, &zone, today).await?;
        let piece = match &document {
            Some(document) => Piece { reference: document.number().to_string(), date: document.content().issued_on },
            None => Piece { reference: movement.stay.session.to_string(), date: self.date(movement.at) },
        };
        let date = self.date(movement.at);
        if let Some(entry) = movement.movement().entry(&self.house().chart, movement.id, date, piece)? {
            insert_entry(&mut transaction, &entry, today).await?;
        }
        transaction.commit().await?;
        Ok(Posted::New)
    }

    /// Gives the movement's document its number and stores it.
    async fn issue(
        &self,
        connection: &mut PgConnection,
        movement: &ParkingMovement,
        zone: &str,
        today: NaiveDate,
    ) -> Result<Option<Document>, PostError> {
        let corrected = match movement.kind {
            ParkingMovementKind::Sale => None,
            ParkingMovementKind::Refund { sale } => document_of(connection, sale).await?,
        };
        let Some(draft) = draft::of(movement, zone, corrected.as_ref(), self.house(), today)? else { return Ok(None) };
        let document = give_number(connection, draft).await?;
        store_document(connection, Origin::Movement(movement), &document).await?;
        Ok(Some(document))
    }
}

/// What a document is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// A movement: a receipt or a credit note.
    Movement(&'a ParkingMovement),
    /// A customer's month: an invoice.
    Customer(&'a str),
}

/// Gives a draft the next number of its series, which stays locked until the transaction ends.
pub(crate) async fn give_number(connection: &mut PgConnection, draft: Draft) -> Result<Document, PostError> {
    let mut counter = lock_counter(connection, draft.kind.series()).await?;
    // Dates follow numbers: a clock that is a little behind must not stop the books.
    let issued_on = counter.last.map_or(draft.issued_on, |(_, on)| on.max(draft.issued_on));
    let number = counter.next(issued_on)?;
    Draft { issued_on, ..draft }.issue(number).map_err(PostError::Faults)
}

/// False when the movement is known.
async fn insert_movement(connection: &mut PgConnection, movement: &ParkingMovement) -> Result<bool, PostError> {
    let (kind, sale) = match movement.kind {
        ParkingMovementKind::Sale => ("sale", None),
        ParkingMovementKind::Refund { sale } => ("refund", Some(sale)),
    };
    let vat = match movement.supply {
        Supply::CarPark { vat } => vat,
        Supply::Street => VatRate::ZERO,
    };
    let payer = match movement.payer {
        Payer::Provider => "provider",
        Payer::Wallet { .. } => "wallet",
        Payer::Invoice { .. } => "invoice",
    };
    let inserted = sqlx::query(
        "INSERT INTO ledger_movement (id, at, kind, sale, cents, currency, vat, payer, session, owner, operator, zone, class,
                                      qualification, electric, stay_from, stay_to)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(movement.id)
    .bind(movement.at)
    .bind(kind)
    .bind(sale)
    .bind(movement.gross.cents)
    .bind(movement.gross.currency.code())
    .bind(i32::from(vat.basis_points()))
    .bind(payer)
    .bind(movement.stay.session)
    .bind(movement.stay.owner.as_deref())
    .bind(movement.stay.operator.as_deref())
    .bind(movement.stay.zone.as_str())
    .bind(&movement.stay.class)
    .bind(&movement.stay.qualification)
    .bind(movement.stay.electric)
    .bind(movement.stay.start)
    .bind(movement.stay.end)
    .execute(connection)
    .await;
    match inserted {
        Ok(done) => Ok(done.rows_affected() > 0),
        Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => Err(PostError::SaleMissing),
        Err(error) => Err(error.into()),
    }
}

async fn document_of(connection: &mut PgConnection, sale: uuid::Uuid) -> Result<Option<Document>, PostError> {
    let row = sqlx::query("SELECT document FROM ledger_document WHERE movement = $1")
        .bind(sale)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.try_get::<Json<Document>, _>(0)).transpose()?.map(|Json(document)| document))
}

/// The state of a series, locked until the transaction ends: numbers have no gaps, since one that is given and rolled back is given
/// again.
async fn lock_counter(connection: &mut PgConnection, series: Series) -> Result<Counter, PostError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('ledger_series ' || $1, 0))")
        .bind(series.letter())
        .execute(&mut *connection)
        .await?;
    let row = sqlx::query("SELECT number, date FROM ledger_series WHERE series = $1")
        .bind(series.letter())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(Counter::new(series)) };
    let number: DocumentNumber = row.try_get::<String, _>(0)?.parse()?;
    Ok(Counter { series, last: Some((number, row.try_get(1)?)) })
}

pub(crate) async fn store_document(
    connection: &mut PgConnection,
    origin: Origin<'_>,
    document: &Document,
) -> Result<(), PostError> {
    let (number, issued_on) = (document.number().to_string(), document.content().issued_on);
    let (movement, customer) = match origin {
        Origin::Movement(movement) => (Some(movement), None),
        Origin::Customer(customer) => (None, Some(customer)),
    };
    sqlx::query(
        "INSERT INTO ledger_series (series, number, date) VALUES ($1, $2, $3)
         ON CONFLICT (series) DO UPDATE SET number = excluded.number, date = excluded.date",
    )
    .bind(document.number().series.letter())
    .bind(&number)
    .bind(issued_on)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO ledger_document (number, movement, session, owner, customer, issued_on, cents, currency, document)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&number)
    .bind(movement.map(|movement| movement.id))
    .bind(movement.map(|movement| movement.stay.session))
    .bind(movement.and_then(|movement| movement.stay.owner.as_deref()))
    .bind(customer)
    .bind(issued_on)
    .bind(document.gross().cents)
    .bind(document.gross().currency.code())
    .bind(Json(document))
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn insert_entry(
    connection: &mut PgConnection,
    entry: &Entry,
    validated_on: NaiveDate,
) -> Result<(), PostError> {
    sqlx::query("INSERT INTO ledger_entry (id, date, validated_on, entry) VALUES ($1, $2, $3, $4)")
        .bind(entry.id())
        .bind(entry.date())
        .bind(validated_on)
        .bind(Json(entry))
        .execute(&mut *connection)
        .await?;
    for line in entry.lines() {
        let (debit, credit) = match line.side {
            Side::Debit => (line.amount.cents, 0),
            Side::Credit => (0, line.amount.cents),
        };
        sqlx::query("INSERT INTO ledger_line (entry, account, debit, credit, currency) VALUES ($1, $2, $3, $4, $5)")
            .bind(entry.id())
            .bind(line.account.number.as_str())
            .bind(debit)
            .bind(credit)
            .bind(line.amount.currency.code())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
