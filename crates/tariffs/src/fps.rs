//! The FPS (forfait de post-stationnement): its amount at a moment, its reduction, and its increase.
//!
//! Sources: code général des collectivités territoriales, articles L.2333-87, R.2333-120-1 and R.2333-120-5. The numbers
//! (percentages, hours, months) are configuration with dates: [`FpsRules`].

use chrono::{DateTime, Duration, Months, NaiveDate, Utc};
use parvis_money::{Money, Rounding};
use parvis_parking::ZoneId;
use serde::{Deserialize, Serialize};

use crate::book::Amount;
use crate::holder::Holder;
use crate::quote::TableVersion;
use crate::refusal::QuoteError;
use crate::schedule::Runs;
use crate::tariffs::{Table, Tariffs};

/// A proof of payment (justificatif) as the law sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What was paid for the stay up to this receipt; the receipt of an extension carries the stay's whole sum.
    pub paid: Money,
    /// Beginning of the paid stay.
    pub start: DateTime<Utc>,
    /// End of the paid time.
    pub end: DateTime<Utc>,
    /// How it is known.
    pub form: ReceiptForm,
}

/// How a proof of payment is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptForm {
    /// Sent electronically: mobile payment, meters with plate entry.
    Electronic,
    /// On paper, readable behind the windscreen.
    Displayed,
    /// On paper, not displayed: it does not count.
    NotDisplayed,
    /// Part of a subscription: it does not count.
    Subscription,
}

impl ReceiptForm {
    fn counts(self) -> bool {
        matches!(self, Self::Electronic | Self::Displayed)
    }
}

/// The question whether an FPS is due.
#[derive(Debug, Clone)]
pub struct FpsRequest<'a> {
    /// Where the vehicle stands.
    pub zone: &'a ZoneId,
    /// The vehicle; its right does not matter.
    pub holder: Holder,
    /// The moment of the finding.
    pub at: DateTime<Utc>,
    /// All receipts known for the vehicle in the zone, in any order.
    pub receipts: &'a [Receipt],
}

/// Whether an FPS is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum FpsOutcome {
    /// It is.
    Due(Fps),
    /// It is not.
    NotDue {
        /// Why.
        why: NotDue,
    },
}

/// Why no FPS is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NotDue {
    /// A car park, not the street.
    OffStreet,
    /// No price is due at this time.
    OutsideOperatingHours,
    /// Parking is free for this vehicle.
    FreeOfCharge,
    /// The time is paid.
    Paid {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The last receipt covers the whole FPS.
    NothingLeft,
}

/// An FPS with how it was computed, so that it can be computed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fps {
    /// The tariff it comes from.
    pub table: TableVersion,
    /// The tariff of the longest stay.
    pub full: Money,
    /// What the last receipt takes off; zero without one that counts.
    pub deducted: Money,
    /// Index, in the request, of the receipt that was deducted.
    pub receipt: Option<usize>,
    /// What is due: `full - deducted`.
    pub amount: Money,
}

impl Tariffs {
    /// Whether an FPS is due at a moment, and how much.
    ///
    /// The tariff of the longest stay, less what was paid on the last receipt before the moment, if that receipt was
    /// electronic or displayed and the longest stay is not exceeded since its beginning.
    ///
    /// # Errors
    /// As [`Tariffs::quote`]; a zone without a tariff on the day is refused with `noAvailability`.
    pub fn fps(&self, request: &FpsRequest<'_>) -> Result<FpsOutcome, QuoteError> {
        let holder = request.holder.as_visitor();
        let (table, rate) = self.rate_at(request.zone, &holder, request.at)?;
        let not_due = |why| Ok(FpsOutcome::NotDue { why });
        if !table.on_street {
            return not_due(NotDue::OffStreet);
        }
        if !self.is_open(request)? {
            return not_due(NotDue::OutsideOperatingHours);
        }
        let before = || request.receipts.iter().enumerate().filter(|(_, receipt)| receipt.start <= request.at);
        let paid_until = before().filter(|(_, r)| r.form != ReceiptForm::NotDisplayed).map(|(_, r)| r.end).max();
        if let Some(until) = paid_until.filter(|until| *until > request.at) {
            return not_due(NotDue::Paid { until });
        }
        let full = self.fps_of(table, &holder, request.at)?;
        if full.is_zero() {
            return not_due(NotDue::FreeOfCharge);
        }
        let last = before().max_by_key(|(_, receipt)| receipt.end);
        let counted = match last {
            Some((index, receipt)) if receipt.form.counts() => {
                let used = self.chargeable_seconds(request.zone, receipt.start, request.at)?;
                (used <= rate.max_stay).then_some((index, receipt.paid))
            }
            _ => None,
        };
        let zero = Money::zero(self.currency);
        let deducted = counted.map_or(zero, |(_, paid)| Money::new(paid.cents.clamp(0, full.cents), paid.currency));
        let amount = full.checked_sub(deducted)?;
        if amount.is_zero() {
            return not_due(NotDue::NothingLeft);
        }
        let table = TableVersion { table: table.id.clone(), version: table.version, rate: rate.id.clone() };
        Ok(FpsOutcome::Due(Fps { table, full, deducted, receipt: counted.map(|(index, _)| index), amount }))
    }

    /// The FPS of a vehicle before any deduction: the amount set, or the price of the longest stay; with modifiers.
    fn fps_of(&self, table: &Table, holder: &Holder, at: DateTime<Utc>) -> Result<Money, QuoteError> {
        let rate = table.rate_for(holder)?;
        let (top, bottom) = table.factor(holder, self.local_date(at));
        let cents = match rate.fps {
            Some(fps) => rate.round(crate::exact::Exact::cents(fps).scale(top, bottom)?)?,
            None => rate.round(rate.bound((top, bottom))?)?,
        };
        Ok(Money::new(cents, self.currency))
    }

    fn is_open(&self, request: &FpsRequest<'_>) -> Result<bool, QuoteError> {
        let first = Runs::new(self, self.tables_of(request.zone)?, request.at).next();
        Ok(matches!(first, Some(Ok(run)) if run.start <= request.at))
    }

    fn chargeable_seconds(&self, zone: &ZoneId, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<i64, QuoteError> {
        let runs = Runs::new(self, self.tables_of(zone)?, from).map_while(Result::ok);
        let runs = runs.take_while(|run| run.start < to);
        Ok(runs.map(|run| (run.end.min(to) - run.start).num_seconds()).sum())
    }
}

/// The rules of payment of an FPS during some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FpsRules {
    /// First date of a finding to which they apply.
    pub from: NaiveDate,
    /// First date to which they apply no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// The reduction for quick payment (FPS minoré), if the city grants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Reduction>,
    /// Months to pay.
    pub payment_months: u32,
    /// Percent added after that (FPS majoré).
    pub increase_percent: u32,
    /// The least that is added.
    pub increase_minimum: Amount,
}

/// The reduction for quick payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reduction {
    /// Percent taken off.
    pub percent: u32,
    /// Hours to pay.
    pub within_hours: u32,
}

/// What an FPS costs, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The reduced amount and the end of its time.
    pub reduced: Option<(Money, DateTime<Utc>)>,
    /// The full amount and the end of its time.
    pub full: (Money, DateTime<Utc>),
    /// What is due afterwards.
    pub increased: Money,
}

impl FpsRules {
    /// True when the rules apply to a finding of this date.
    #[must_use]
    pub fn apply_on(&self, date: NaiveDate) -> bool {
        date >= self.from && self.until.is_none_or(|until| date < until)
    }

    /// What an FPS of `amount`, notified at `notified`, costs when. Fractions of a cent are rounded half up.
    ///
    /// # Errors
    /// [`QuoteError::Money`] for amounts beyond all bounds or that the currency cannot express.
    pub fn schedule(&self, amount: Money, notified: DateTime<Utc>) -> Result<Schedule, QuoteError> {
        let reduced = match self.reduction {
            None => None,
            Some(Reduction { percent, within_hours }) => {
                let left = amount.share(100 - i64::from(percent.min(100)), 100, Rounding::HalfUp)?;
                Some((left, notified + Duration::hours(within_hours.into())))
            }
        };
        let last = notified.checked_add_months(Months::new(self.payment_months)).ok_or(QuoteError::BadInterval)?;
        let added = amount.share(self.increase_percent.into(), 100, Rounding::HalfUp)?;
        let least = self.increase_minimum.cents(amount.currency).ok_or(QuoteError::BadInterval)?;
        let added = Money::new(added.cents.max(least), amount.currency);
        Ok(Schedule { reduced, full: (amount, last), increased: amount.checked_add(added)? })
    }
}
