//! Gapless numbers per series and year (CGI annexe II, article 242 nonies A, I, 7°).

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// A series of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Series {
    /// Receipts.
    Receipt,
    /// Invoices.
    Invoice,
    /// Credit notes.
    CreditNote,
}

impl Series {
    /// The letter that numbers begin with: reçu, facture, avoir.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Receipt => "R",
            Self::Invoice => "F",
            Self::CreditNote => "A",
        }
    }
}

/// A number such as `F-2026-000123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentNumber {
    /// The series.
    pub series: Series,
    /// The year.
    pub year: i32,
    /// From 1 on.
    pub number: u32,
}

/// What is wrong with a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a number of a document.
    #[error("`{0}` is not a number such as F-2026-000123")]
    Unreadable(String),
    /// Numbers follow dates; an earlier date would break their order.
    #[error("{last} was given on {on} already; a document of {date} would come after it")]
    BackInTime {
        /// The last number.
        last: DocumentNumber,
        /// Its date.
        on: NaiveDate,
        /// The date that was asked for.
        date: NaiveDate,
    },
    /// More than four thousand million documents in a year.
    #[error("there are no numbers left")]
    Exhausted,
}

impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:04}-{:06}", self.series.letter(), self.year, self.number)
    }
}

impl FromStr for DocumentNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let parse = || {
            let mut parts = text.split('-');
            let (letter, year, number) = (parts.next()?, parts.next()?, parts.next()?);
            let series =
                [Series::Receipt, Series::Invoice, Series::CreditNote].into_iter().find(|s| s.letter() == letter)?;
            let number = Self { series, year: year.parse().ok()?, number: number.parse().ok()? };
            // Only the form that is written: no sign, no missing zeros.
            (number.number > 0 && number.to_string() == text).then_some(number)
        };
        parse().ok_or_else(|| NumberError::Unreadable(text.to_owned()))
    }
}

impl TryFrom<String> for DocumentNumber {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl From<DocumentNumber> for String {
    fn from(number: DocumentNumber) -> String {
        number.to_string()
    }
}

/// The state of a series: one row, locked while a number is given and its document stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The series.
    pub series: Series,
    /// The last number and its date; none before the first.
    pub last: Option<(DocumentNumber, NaiveDate)>,
}

impl Counter {
    /// A series without numbers.
    #[must_use]
    pub fn new(series: Series) -> Self {
        Self { series, last: None }
    }

    /// The next number, for a document of `date`. A new year begins at 1.
    ///
    /// # Errors
    /// [`NumberError::BackInTime`] when a document of a later date has a number; [`NumberError::Exhausted`].
    pub fn next(&mut self, date: NaiveDate) -> Result<DocumentNumber, NumberError> {
        let number = match self.last {
            Some((last, on)) if date < on => return Err(NumberError::BackInTime { last, on, date }),
            Some((last, _)) if last.year == date.year() => last.number.checked_add(1).ok_or(NumberError::Exhausted)?,
            _ => 1,
        };
        let number = DocumentNumber { series: self.series, year: date.year(), number };
        self.last = Some((number, date));
        Ok(number)
    }
}

/// Numbers that are missing within a series and year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first missing number.
    pub first: DocumentNumber,
    /// The last missing number.
    pub last: DocumentNumber,
}

/// The gaps in numbers, in any order: for reconciliation. Each series and year begins at 1.
#[must_use]
pub fn gaps(numbers: &[DocumentNumber]) -> Vec<Gap> {
    let mut sorted = numbers.to_vec();
    sorted.sort();
    sorted.dedup();
    let mut gaps = Vec::new();
    let mut previous: Option<DocumentNumber> = None;
    for number in sorted {
        let expected = match previous {
            Some(last) if (last.series, last.year) == (number.series, number.year) => last.number + 1,
            _ => 1,
        };
        if number.number > expected {
            let at = |value| DocumentNumber { number: value, ..number };
            gaps.push(Gap { first: at(expected), last: at(number.number - 1) });
        }
        previous = Some(number);
    }
    gaps
}
