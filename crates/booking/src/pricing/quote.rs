//! A quote: what a wish would cost, until when that holds, and why, line by line.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_money::{Currency, Money, MoneyError, Rounding};
use serde::{Deserialize, Serialize};

use super::rates::Piece;
use super::{DemandFactor, RateCard};
use crate::booking::{Charge, PayWith, Wish};
use crate::opening::OpeningHours;
use crate::policy::Policy;
use crate::{ResourceId, Slot};

/// How long a quote holds.
const VALID: TimeDelta = TimeDelta::minutes(15);

/// What a line of a quote is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// `quantity` months.
    Months,
    /// `quantity` days.
    Days,
    /// `quantity` half days.
    HalfDays,
    /// `quantity` minutes, the unit being an hour.
    Minutes,
    /// `quantity` minutes that a subscription includes; the amount is negative.
    Included,
    /// What members pay less than others; the amount is negative. The prices above are members' prices already: for information, not
    /// summed up.
    MemberSaving,
    /// Demand: `quantity` is the factor in basis points.
    Demand,
    /// `quantity` credits outside of peak hours.
    Credits,
    /// `quantity` credits in peak hours.
    PeakCredits,
    /// The VAT inside the total, `quantity` in basis points; for information, not summed up.
    Vat,
    /// Comes back; not part of the total.
    Deposit,
}

/// A line of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Line {
    /// What it is for; absent on lines about all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// What it says.
    pub kind: LineKind,
    /// How many, in the unit of the kind.
    pub quantity: i64,
    /// Price of one unit in cents, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cents: Option<i64>,
    /// What it adds.
    pub amount: Money,
    /// Of demand: percent of the places of the resource's kind that are expected to be taken then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_percent: Option<u32>,
}

/// A promise of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quote {
    /// To whom.
    pub owner: String,
    /// For what.
    pub wish: Wish,
    /// What it costs.
    pub charge: Charge,
    /// Why.
    pub lines: Vec<Line>,
    /// Whether it is the price of each of a series, which demand does not move; then it proves no price of a single booking.
    #[serde(default)]
    pub repeats: bool,
    /// Since when it holds.
    pub issued_at: DateTime<Utc>,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
}

/// One resource of what is asked, with what its price depends on.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The resource that is priced; of a pool, any member.
    pub resource: &'a ResourceId,
    /// Its card; free without one.
    pub rates: Option<&'a RateCard>,
    /// Its policy, for credits.
    pub policy: &'a Policy,
    /// Demand for places of its kind, before the floor and the cap of its card.
    pub factor: DemandFactor,
}

/// What a price is asked for.
#[derive(Clone, Debug)]
pub struct QuoteAsk<'a> {
    /// Who asks.
    pub owner: &'a str,
    /// What they wish.
    pub wish: Wish,
    /// The resources of the wish.
    pub parts: Vec<Part<'a>>,
    /// The site's clocks, for peak hours.
    pub zone: Tz,
    /// Whether member rates hold.
    pub member: bool,
    /// Minutes that the subscription still includes this month.
    pub included_minutes: u32,
    /// How it will be paid.
    pub pay_with: PayWith,
    /// Whether it is for each of a series.
    pub repeats: bool,
    /// The present.
    pub now: DateTime<Utc>,
}

/// The quote for `ask`.
///
/// # Errors
/// [`MoneyError::CurrencyMismatch`] when the parts are in two currencies, [`MoneyError::Overflow`].
pub fn quote(ask: QuoteAsk<'_>) -> Result<Quote, MoneyError> {
    let currency = ask.parts.iter().find_map(|part| part.rates).map_or(Currency::Eur, |card| card.currency);
    let mut sums = Sums::new(currency);
    let mut included = i64::from(ask.included_minutes);
    for part in &ask.parts {
        match ask.pay_with {
            PayWith::Credits => sums.add_credits(part, ask.wish.slot, ask.zone),
            PayWith::Money => sums.add_money(part, &ask, &mut included)?,
        }
        sums.add_deposit(part)?;
    }
    let used = i64::from(ask.included_minutes) - included;
    let charge = Charge {
        pay_with: ask.pay_with,
        total: sums.total,
        vat: sums.vat,
        deposit: sums.deposit,
        credits: sums.credits,
        included_minutes: u32::try_from(used).unwrap_or(0),
    };
    let expires_at = ask.now + VALID;
    Ok(Quote {
        owner: ask.owner.to_owned(),
        wish: ask.wish,
        charge,
        lines: sums.lines,
        repeats: ask.repeats,
        issued_at: ask.now,
        expires_at,
    })
}

struct Sums {
    total: Money,
    vat: Money,
    deposit: Money,
    credits: u32,
    lines: Vec<Line>,
}

impl Sums {
    fn new(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { total: zero, vat: zero, deposit: zero, credits: 0, lines: Vec::new() }
    }

    fn line(&mut self, part: &Part<'_>, kind: LineKind, quantity: i64, unit_cents: Option<i64>, amount: Money) {
        let resource = Some(part.resource.clone());
        let expected_percent = part.factor.expected_percent.filter(|_| kind == LineKind::Demand);
        self.lines.push(Line { resource, kind, quantity, unit_cents, amount, expected_percent });
    }

    fn add_money(&mut self, part: &Part<'_>, ask: &QuoteAsk<'_>, included: &mut i64) -> Result<(), MoneyError> {
        let Some(card) = part.rates else { return Ok(()) };
        let minutes = ask.wish.slot.minutes();
        let half_day = i64::from(card.half_day_minutes);
        let full = card.rates(ask.member).cover(minutes, half_day, card.currency)?;
        for piece in &full {
            let (kind, quantity, unit) = described(*piece);
            self.line(part, kind, quantity, Some(unit), piece.amount(card.currency)?);
        }
        let mut price = sum(&full, card.currency)?;
        let covered = minutes.min(*included);
        if covered > 0 && !price.is_zero() {
            *included -= covered;
            let rest = sum(&card.rates(ask.member).cover(minutes - covered, half_day, card.currency)?, card.currency)?;
            self.line(part, LineKind::Included, covered, None, rest.checked_sub(price)?);
            price = rest;
        }
        if ask.member && card.member.is_some() {
            let others = sum(&card.standard.cover(minutes, half_day, card.currency)?, card.currency)?;
            let saved = others.checked_sub(sum(&full, card.currency)?)?;
            if saved.cents > 0 {
                self.line(part, LineKind::MemberSaving, 1, None, saved.checked_neg()?);
            }
        }
        let factor = part.factor.within(card);
        if factor.basis_points != DemandFactor::ONE {
            let moved = price.share(i64::from(factor.basis_points), i64::from(DemandFactor::ONE), Rounding::HalfUp)?;
            self.line(part, LineKind::Demand, i64::from(factor.basis_points), None, moved.checked_sub(price)?);
            price = moved;
        }
        let vat = card.vat.of_gross(price)?.vat;
        if !vat.is_zero() {
            self.line(part, LineKind::Vat, i64::from(card.vat.basis_points()), None, vat);
        }
        self.total = self.total.checked_add(price)?;
        self.vat = self.vat.checked_add(vat)?;
        Ok(())
    }

    fn add_credits(&mut self, part: &Part<'_>, slot: Slot, zone: Tz) {
        let (usual, peak) = credits(part.policy, slot, zone);
        let zero = Money::zero(self.total.currency);
        for (kind, count) in [(LineKind::Credits, usual), (LineKind::PeakCredits, peak)] {
            if count > 0 {
                self.line(part, kind, i64::from(count), None, zero);
                self.credits += count;
            }
        }
    }

    fn add_deposit(&mut self, part: &Part<'_>) -> Result<(), MoneyError> {
        let Some(card) = part.rates.filter(|card| card.deposit > 0) else { return Ok(()) };
        let deposit = Money::new(card.deposit, card.currency);
        self.line(part, LineKind::Deposit, 1, Some(card.deposit), deposit);
        self.deposit = self.deposit.checked_add(deposit)?;
        Ok(())
    }
}

fn described(piece: Piece) -> (LineKind, i64, i64) {
    match piece {
        Piece::Months(count, price) => (LineKind::Months, count, price),
        Piece::Days(count, price) => (LineKind::Days, count, price),
        Piece::HalfDays(count, price) => (LineKind::HalfDays, count, price),
        Piece::Minutes(minutes, hour) => (LineKind::Minutes, minutes, hour),
    }
}

fn sum(pieces: &[Piece], currency: Currency) -> Result<Money, MoneyError> {
    pieces.iter().try_fold(Money::zero(currency), |sum, piece| sum.checked_add(piece.amount(currency)?))
}

/// The credits outside of and in peak hours; each quarter of an hour counts where it begins, and a part of a credit is a whole one.
fn credits(policy: &Policy, slot: Slot, zone: Tz) -> (u32, u32) {
    const QUARTER: TimeDelta = TimeDelta::minutes(15);
    let (mut usual, mut peak) = (0_u32, 0_u32);
    let mut at = slot.start;
    while at < slot.end {
        let local = at.with_timezone(&zone).naive_local();
        let quarters = if OpeningHours::weekly_contains(&policy.peak_hours, local) { &mut peak } else { &mut usual };
        *quarters += 1;
        at += QUARTER;
    }
    let cost = |quarters: u32, per_hour: u32| (quarters * per_hour).div_ceil(4);
    (cost(usual, policy.credits_per_hour), cost(peak, policy.peak_credits_per_hour))
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;
    use chrono_tz::Europe::Paris;
    use parvis_money::VatRate;

    use super::*;
    use crate::opening::{DaySpan, WeeklySpan};
    use crate::pricing::Rates;

    fn card() -> RateCard {
        RateCard {
            currency: Currency::Eur,
            vat: VatRate::try_from(2000).unwrap(),
            standard: Rates { hour: Some(2400), half_day: Some(9000), ..Rates::default() },
            member: Some(Rates { hour: Some(1800), ..Rates::default() }),
            half_day_minutes: 300,
            deposit: 10_000,
            factor_floor: 8000,
            factor_cap: 15_000,
        }
    }

    fn policy() -> Policy {
        let days = vec![Weekday::Mon];
        let span = DaySpan { from: "17:00:00".parse().unwrap(), until: "19:00:00".parse().unwrap() };
        Policy {
            credits_per_hour: 2,
            peak_credits_per_hour: 5,
            peak_hours: vec![WeeklySpan { days, span }],
            ..Policy::usual("rooms".parse().unwrap())
        }
    }

    fn ask<'a>(card: &'a RateCard, policy: &'a Policy, resource: &'a ResourceId) -> QuoteAsk<'a> {
        // A Monday, 16:00 to 18:00 in Paris.
        let slot = Slot::new("2026-07-13T14:00:00Z".parse().unwrap(), "2026-07-13T16:00:00Z".parse().unwrap()).unwrap();
        QuoteAsk {
            owner: "u1",
            wish: Wish { items: vec![], slot, participants: 1 },
            parts: vec![Part { resource, rates: Some(card), policy, factor: DemandFactor::none() }],
            zone: Paris,
            member: false,
            included_minutes: 0,
            pay_with: PayWith::Money,
            repeats: false,
            now: "2026-07-01T08:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_quote_explains_itself_line_by_line() {
        let (card, policy, room) = (card(), policy(), "room-1".parse().unwrap());
        let mut ask = ask(&card, &policy, &room);
        ask.member = true;
        ask.included_minutes = 30;
        ask.parts[0].factor = DemandFactor { basis_points: 20_000, expected_percent: Some(99) };
        let quote = quote(ask).unwrap();
        let lines: Vec<_> = quote.lines.iter().map(|line| (line.kind, line.quantity, line.amount.cents)).collect();
        assert_eq!(
            lines,
            [
                (LineKind::Minutes, 120, 3600),
                (LineKind::Included, 30, -900),
                (LineKind::MemberSaving, 1, -1200),
                // Demand of 2.0 is held at the cap of 1.5.
                (LineKind::Demand, 15_000, 1350),
                (LineKind::Vat, 2000, 675),
                (LineKind::Deposit, 1, 10_000),
            ]
        );
        let told: Vec<_> = quote.lines.iter().filter_map(|line| line.expected_percent).collect();
        assert_eq!(told, [99], "beside the line of demand and no other");
        assert_eq!(quote.charge.total, Money::eur(4050));
        assert_eq!(quote.charge.included_minutes, 30);
        assert_eq!(quote.charge.deposit, Money::eur(10_000));
        assert_eq!(quote.expires_at - quote.issued_at, VALID);
    }

    #[test]
    fn demand_for_one_kind_moves_no_other() {
        let (card, policy, room, lamp) = (card(), policy(), "room-1".parse().unwrap(), "lamp".parse().unwrap());
        let mut ask = ask(&card, &policy, &room);
        let factor = DemandFactor { basis_points: 8_500, expected_percent: Some(10) };
        ask.parts.push(Part { resource: &lamp, factor, ..ask.parts[0] });
        let quote = quote(ask).unwrap();
        let moved: Vec<_> = quote.lines.iter().filter(|line| line.kind == LineKind::Demand).collect();
        // Two hours at 24.00, of which the second part costs 15 % less.
        assert_eq!(moved.len(), 1);
        assert_eq!((moved[0].resource.as_ref(), moved[0].expected_percent), (Some(&lamp), Some(10)));
        assert_eq!(quote.charge.total, Money::eur(4800 + 4080));
    }

    #[test]
    fn credits_know_peak_hours() {
        let (card, policy, room) = (card(), policy(), "room-1".parse().unwrap());
        let quote = quote(QuoteAsk { pay_with: PayWith::Credits, ..ask(&card, &policy, &room) }).unwrap();
        assert_eq!(quote.charge.credits, 2 + 5, "an hour before the peak and one in it");
        assert_eq!(quote.charge.total, Money::eur(0));
    }

    #[test]
    fn two_currencies_cannot_be_one_price() {
        let (card, policy, room) = (card(), policy(), "room-1".parse().unwrap());
        let francs = RateCard { currency: Currency::Chf, ..card };
        let mut ask = ask(&card, &policy, &room);
        ask.parts.push(Part { rates: Some(&francs), ..ask.parts[0] });
        assert!(matches!(quote(ask), Err(MoneyError::CurrencyMismatch(..))));
    }
}
