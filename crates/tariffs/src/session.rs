//! A paid stay: what its extension costs, and what an early end gives back.

use chrono::{DateTime, Utc};
use parvis_money::{Money, MoneyError};
use parvis_parking::ZoneId;
use serde::{Deserialize, Serialize};

use crate::book::RefundPolicy;
use crate::demand::ExpectedDemand;
use crate::holder::Holder;
use crate::quote::{PreviousStay, Quote, QuoteRequest};
use crate::refusal::{QuoteError, Refusal};
use crate::tariffs::Tariffs;

/// A paid part of a stay (APDS: Segment); each extension adds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaidSegment {
    /// From.
    pub start: DateTime<Utc>,
    /// To.
    pub end: DateTime<Utc>,
    /// What was paid for it, VAT included.
    pub paid: Money,
}

/// A paid stay (APDS: Session).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidSession {
    /// Where.
    pub zone: ZoneId,
    /// Who.
    pub holder: Holder,
    /// The stay before this one, as it was known when this one began.
    pub previous: Option<PreviousStay>,
    /// The demand that it was sold under: what is added or given back is priced by the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<ExpectedDemand>,
    /// The parts, in order; the first begins the stay.
    pub segments: Vec<PaidSegment>,
}

/// The end of a stay before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyStop {
    /// The price of the time used.
    pub used: Money,
    /// What goes back in all.
    pub refund: Money,
    /// What goes back of each segment's payment, the last paid first; segments that give nothing back are left out.
    pub parts: Vec<RefundPart>,
}

/// What goes back of one segment's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPart {
    /// Index of the segment.
    pub segment: usize,
    /// How much; positive.
    pub amount: Money,
}

impl PaidSession {
    /// When the stay began, and when what is paid ends; `None` without a segment.
    #[must_use]
    pub fn bounds(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        Some((self.segments.first()?.start, self.segments.last()?.end))
    }

    /// All that was paid.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn paid(&self, tariffs: &Tariffs) -> Result<Money, MoneyError> {
        Money::sum(tariffs.currency(), self.segments.iter().map(|segment| segment.paid))
    }

    fn request(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> QuoteRequest<'_> {
        let Self { zone, holder, previous, demand, .. } = self;
        QuoteRequest { zone, holder: *holder, start, end, previous: *previous, demand: *demand }
    }
}

impl Tariffs {
    /// What extending a stay to `end` costs: the price of the whole stay, less what was paid.
    ///
    /// Priced as a whole, an extension never escapes the progressive tiers, and costs exactly what asking for the
    /// whole time at once would have cost.
    ///
    /// # Errors
    /// `noExtensionPossible` when the stay is over, the end is not later, or the rate forbids it; otherwise as
    /// [`Tariffs::quote`].
    pub fn quote_extension(
        &self,
        session: &PaidSession,
        end: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Quote, QuoteError> {
        let (start, paid_until) = session.bounds().ok_or_else(|| Refusal::no_extension("nothing was paid yet"))?;
        if now >= paid_until {
            return Err(Refusal::no_extension("the stay is over").into());
        }
        if end <= paid_until {
            return Err(Refusal::no_extension("the new end is not later than the present one").into());
        }
        if !self.rate_at(&session.zone, &session.holder, start)?.1.extensible {
            return Err(Refusal::no_extension("stays cannot be extended here").into());
        }
        let quote = self.quote(&session.request(start, end))?;
        Ok(quote.after_paying(session.paid(self)?)?)
    }

    /// What ending a stay at `at` gives back.
    ///
    /// # Errors
    /// As [`Tariffs::quote`].
    pub fn stop_early(&self, session: &PaidSession, at: DateTime<Utc>) -> Result<EarlyStop, QuoteError> {
        let paid = session.paid(self)?;
        let zero = Money::zero(self.currency());
        let kept = EarlyStop { used: paid, refund: zero, parts: Vec::new() };
        let Some((start, end)) = session.bounds() else { return Ok(kept) };
        let (_, rate) = self.rate_at(&session.zone, &session.holder, start)?;
        if at >= end || rate.refund == RefundPolicy::None {
            return Ok(kept);
        }
        let used = if at <= start { zero } else { self.used(session, start, at)? };
        let refund = paid.checked_sub(used)?;
        if refund.cents <= 0 {
            return Ok(EarlyStop { used, ..kept });
        }
        Ok(EarlyStop { used, refund, parts: refund_parts(&session.segments, refund)? })
    }

    fn used(&self, session: &PaidSession, start: DateTime<Utc>, at: DateTime<Utc>) -> Result<Money, QuoteError> {
        match self.quote(&session.request(start, at)) {
            Ok(quote) => Ok(quote.total),
            // Left before the first chargeable minute.
            Err(QuoteError::Refused(Refusal::OutsideOperatingHours { .. })) => Ok(Money::zero(self.currency())),
            Err(other) => Err(other),
        }
    }
}

/// Takes a refund from the payments, the last first: that is the order in which a provider can give them back whole.
fn refund_parts(segments: &[PaidSegment], refund: Money) -> Result<Vec<RefundPart>, MoneyError> {
    let mut left = refund;
    let mut parts = Vec::new();
    for (segment, payment) in segments.iter().enumerate().rev() {
        let amount = Money::new(left.cents.min(payment.paid.cents), left.currency);
        if amount.cents > 0 {
            left = left.checked_sub(amount)?;
            parts.push(RefundPart { segment, amount });
        }
    }
    Ok(parts)
}
