//! A quote: what an interval costs, and why.

use chrono::{DateTime, Utc};
use parvis_money::{Money, MoneyError, VatRate, VatSplit};
use parvis_parking::ZoneId;
use serde::{Deserialize, Serialize};

use crate::clock::Length;
use crate::demand::ExpectedDemand;
use crate::holder::Holder;

/// A question to the tariffs.
#[derive(Debug, Clone)]
pub struct QuoteRequest<'a> {
    /// Where.
    pub zone: &'a ZoneId,
    /// Who.
    pub holder: Holder,
    /// From.
    pub start: DateTime<Utc>,
    /// To.
    pub end: DateTime<Utc>,
    /// The last stay of the same vehicle in the zone, if any is known.
    pub previous: Option<PreviousStay>,
    /// The demand that is expected when the stay begins, if anything is known of it; tables decide what it does.
    pub demand: Option<ExpectedDemand>,
}

/// An earlier stay of the same vehicle in the same zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousStay {
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it ended.
    pub end: DateTime<Utc>,
}

/// The version of a rate table that a price comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TableVersion {
    /// The table.
    pub table: String,
    /// Its version.
    pub version: u32,
    /// The rate within it.
    pub rate: String,
}

/// What an interval costs (APDS: Quote). The lines add up to `total`, to the cent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quote {
    /// Where.
    pub zone: ZoneId,
    /// From, as asked, at a whole second.
    pub start: DateTime<Utc>,
    /// To: at least as asked, later when the time was rounded up to the billing unit.
    pub end: DateTime<Utc>,
    /// Until when the vehicle stands in order: the end, or the next opening when the end lies in free time.
    pub covered_until: DateTime<Utc>,
    /// Chargeable time, in seconds, free minutes included.
    pub chargeable_seconds: i64,
    /// The tariffs it comes from, in order of time.
    pub tables: Vec<TableVersion>,
    /// Why.
    pub lines: Vec<QuoteLine>,
    /// The price of the whole interval, VAT included.
    pub total: Money,
    /// What was paid before.
    pub paid: Money,
    /// What is to be paid now; never below zero.
    pub due: Money,
    /// VAT within the prices, in basis points.
    pub vat_rate: VatRate,
}

impl Quote {
    /// The VAT within what is due.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn vat(&self) -> Result<VatSplit, MoneyError> {
        self.vat_rate.of_gross(self.due)
    }

    /// The same quote after `paid` was paid.
    pub(crate) fn after_paying(mut self, paid: Money) -> Result<Self, MoneyError> {
        let due = self.total.checked_sub(paid)?;
        self.due = if due.is_negative() { Money::zero(self.total.currency) } else { due };
        self.paid = paid;
        Ok(self)
    }
}

/// A line of a quote's explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QuoteLine {
    /// What it is.
    #[serde(flatten)]
    pub reason: LineReason,
    /// What it adds; negative for what it takes away.
    pub amount: Money,
}

/// Why a quote has a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LineReason {
    /// Free minutes.
    Free {
        /// From.
        start: DateTime<Utc>,
        /// To.
        end: DateTime<Utc>,
    },
    /// Time within a rate line.
    Rate {
        /// From.
        start: DateTime<Utc>,
        /// To.
        end: DateTime<Utc>,
        /// The line's price.
        price: Money,
        /// Per this time; absent for a flat price.
        #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
        every: Option<Length>,
        /// Parts of `every` count as a whole.
        started: bool,
    },
    /// A percentage for this holder.
    Modifier {
        /// Its name.
        name: String,
        /// Percent of the price.
        percent: u32,
    },
    /// Demand that is expected when the stay begins.
    Demand {
        /// Percent of the price.
        percent: u32,
        /// Percent of the spaces that are expected to be taken.
        taken_percent: u32,
    },
    /// The most for one day is reached.
    DailyCap {
        /// The local day.
        day: chrono::NaiveDate,
    },
    /// The most for a stay is reached.
    StayCap,
    /// The least that is charged.
    Minimum,
    /// Rounding to the coin.
    Rounding,
}
