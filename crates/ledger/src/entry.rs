//! Entries in double entry: balanced, or refused.

use std::fmt;

use chrono::NaiveDate;
use parvis_money::{Currency, Money, MoneyError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::Account;

/// A journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Journal {
    /// Sales and their credit notes.
    Sales,
    /// Money in and out.
    Treasury,
    /// Everything else.
    Miscellaneous,
}

impl Journal {
    /// The code in exports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Sales => "VT",
            Self::Treasury => "BQ",
            Self::Miscellaneous => "OD",
        }
    }

    /// The name in exports.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Sales => "Ventes",
            Self::Treasury => "Trésorerie",
            Self::Miscellaneous => "Opérations diverses",
        }
    }
}

/// A side of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Débit.
    Debit,
    /// Crédit.
    Credit,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}

/// Whom a line of a collective account is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auxiliary {
    /// The customer's number; never a plate.
    pub number: String,
    /// The customer's name.
    pub label: String,
}

/// A line of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryLine {
    /// The account.
    pub account: Account,
    /// Its side.
    pub side: Side,
    /// How much; above zero.
    pub amount: Money,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auxiliary: Option<Auxiliary>,
}

impl EntryLine {
    /// A debit.
    #[must_use]
    pub fn debit(account: &Account, amount: Money) -> Self {
        Self { account: account.clone(), side: Side::Debit, amount, auxiliary: None }
    }

    /// A credit.
    #[must_use]
    pub fn credit(account: &Account, amount: Money) -> Self {
        Self { account: account.clone(), side: Side::Credit, amount, auxiliary: None }
    }

    /// The same line about a customer.
    #[must_use]
    pub fn about(self, auxiliary: Option<Auxiliary>) -> Self {
        Self { auxiliary, ..self }
    }
}

/// The document that an entry rests on (pièce justificative).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its number.
    pub reference: String,
    /// Its date.
    pub date: NaiveDate,
}

/// Why lines are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Fewer than two lines.
    #[error("an entry has two lines at least")]
    TooFewLines,
    /// An amount of zero or below: the side says the sign.
    #[error("{0} is not above zero")]
    NotPositive(Money),
    /// Debit and credit differ.
    #[error("{debit} debit, {credit} credit")]
    Unbalanced {
        /// Sum of the debits.
        debit: Money,
        /// Sum of the credits.
        credit: Money,
    },
    /// Two currencies, or an amount beyond all bounds.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// An entry: always balanced, for there is no way to make another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    id: Uuid,
    journal: Journal,
    date: NaiveDate,
    piece: Piece,
    label: String,
    lines: Vec<EntryLine>,
}

impl Entry {
    /// An entry from its lines. The id is that of the event it comes from.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn new(
        id: Uuid,
        journal: Journal,
        date: NaiveDate,
        piece: Piece,
        label: impl Into<String>,
        lines: Vec<EntryLine>,
    ) -> Result<Self, EntryError> {
        let currency = lines.first().ok_or(EntryError::TooFewLines)?.amount.currency;
        if lines.len() < 2 {
            return Err(EntryError::TooFewLines);
        }
        if let Some(line) = lines.iter().find(|line| line.amount.cents <= 0) {
            return Err(EntryError::NotPositive(line.amount));
        }
        let (debit, credit) = (sum(&lines, Side::Debit, currency)?, sum(&lines, Side::Credit, currency)?);
        if debit != credit {
            return Err(EntryError::Unbalanced { debit, credit });
        }
        Ok(Self { id, journal, date, piece, label: label.into(), lines })
    }

    /// The entry that undoes this one, on another date.
    #[must_use]
    pub fn reversed(&self, id: Uuid, date: NaiveDate, piece: Piece, label: impl Into<String>) -> Self {
        let lines = self.lines.iter().cloned().map(|line| EntryLine { side: line.side.opposite(), ..line }).collect();
        Self { id, journal: self.journal, date, piece, label: label.into(), lines }
    }

    /// The id of the event it comes from.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.journal
    }

    /// The date on which it counts.
    #[must_use]
    pub fn date(&self) -> NaiveDate {
        self.date
    }

    /// The document it rests on.
    #[must_use]
    pub fn piece(&self) -> &Piece {
        &self.piece
    }

    /// What it is about.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[EntryLine] {
        &self.lines
    }

    /// The sum of its debits, which is that of its credits.
    ///
    /// # Errors
    /// Never for an entry that was made by [`Entry::new`].
    pub fn total(&self) -> Result<Money, MoneyError> {
        let currency = self.lines.first().map_or_else(Currency::default, |line| line.amount.currency);
        sum(&self.lines, Side::Debit, currency)
    }
}

fn sum(lines: &[EntryLine], side: Side, currency: Currency) -> Result<Money, MoneyError> {
    Money::sum(currency, lines.iter().filter(|line| line.side == side).map(|line| line.amount))
}

/// A stored entry is checked as a new one is.
impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            id: Uuid,
            journal: Journal,
            date: NaiveDate,
            piece: Piece,
            label: String,
            lines: Vec<EntryLine>,
        }
        let raw = Raw::deserialize(deserializer)?;
        Self::new(raw.id, raw.journal, raw.date, raw.piece, raw.label, raw.lines).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
