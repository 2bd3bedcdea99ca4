//! What a resource costs.

use parvis_money::{Currency, Money, MoneyError, Rounding, VatRate};
use serde::{Deserialize, Serialize};

/// Minutes of an hour.
const HOUR: i64 = 60;
/// Minutes that a day's price covers.
const DAY: i64 = 24 * HOUR;
/// Minutes that a month's price covers: the longest month and its clock change.
const MONTH: i64 = 31 * DAY + HOUR;

/// Prices in cents, VAT included; a unit without a price is not sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// One hour; parts of it by the minute.
    #[serde(default)]
    pub hour: Option<i64>,
    /// Half a day.
    #[serde(default)]
    pub half_day: Option<i64>,
    /// A day: up to 24 hours.
    #[serde(default)]
    pub day: Option<i64>,
    /// A month: up to 31 days.
    #[serde(default)]
    pub month: Option<i64>,
}

/// What a resource costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RateCard {
    /// Currency of all amounts.
    #[serde(default)]
    pub currency: Currency,
    /// VAT in the prices, in basis points: 2000 is 20 %.
    #[serde(default = "no_vat")]
    pub vat: VatRate,
    /// For everybody.
    pub standard: Rates,
    /// For members; units that are missing cost what they cost everybody.
    #[serde(default)]
    pub member: Option<Rates>,
    /// Length of half a day in minutes.
    #[serde(default = "half_day")]
    pub half_day_minutes: u32,
    /// Deposit in cents.
    #[serde(default)]
    pub deposit: i64,
    /// Lowest demand factor in basis points: 8000 is 0.8.
    #[serde(default = "unmoved")]
    pub factor_floor: u32,
    /// Highest demand factor in basis points.
    #[serde(default = "unmoved")]
    pub factor_cap: u32,
}

const fn no_vat() -> VatRate {
    VatRate::ZERO
}

const fn half_day() -> u32 {
    5 * 60
}

const fn unmoved() -> u32 {
    DemandFactor::ONE
}

/// A piece of a price: so many of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Months at this price.
    Months(i64, i64),
    /// Days at this price.
    Days(i64, i64),
    /// Half days at this price.
    HalfDays(i64, i64),
    /// Minutes at this price per hour.
    Minutes(i64, i64),
}

impl Piece {
    pub(super) fn amount(self, currency: Currency) -> Result<Money, MoneyError> {
        match self {
            Self::Months(count, price) | Self::Days(count, price) | Self::HalfDays(count, price) => {
                Money::new(price, currency).checked_mul(count)
            }
            Self::Minutes(minutes, hour) => Money::new(hour, currency).share(minutes, HOUR, Rounding::HalfUp),
        }
    }
}

impl Rates {
    /// These rates, completed by those of `standard`.
    #[must_use]
    pub fn or(self, standard: Self) -> Self {
        Self {
            hour: self.hour.or(standard.hour),
            half_day: self.half_day.or(standard.half_day),
            day: self.day.or(standard.day),
            month: self.month.or(standard.month),
        }
    }

    /// The cheapest way to pay `minutes` with these units: of each unit, largest first, as many whole ones as fit, and one
    /// more when that is cheaper than the rest in smaller ones. Nothing when no unit is sold.
    pub(super) fn cover(self, minutes: i64, half_day: i64, currency: Currency) -> Result<Vec<Piece>, MoneyError> {
        type Make = fn(i64, i64) -> Piece;
        let units: [(Option<i64>, i64, Make); 3] = [
            (self.month, MONTH, Piece::Months),
            (self.day, DAY, Piece::Days),
            (self.half_day, half_day.max(1), Piece::HalfDays),
        ];
        let sold = units.into_iter().filter_map(|(price, length, make)| price.map(|price| (price, length, make)));
        cheapest(minutes, &sold.collect::<Vec<_>>(), self.hour, currency)
    }
}

/// A unit in which time is sold: its price in cents, its length in minutes, and what so many of them at that price make.
type Unit = (i64, i64, fn(i64, i64) -> Piece);

fn cheapest(minutes: i64, units: &[Unit], hour: Option<i64>, currency: Currency) -> Result<Vec<Piece>, MoneyError> {
    if minutes <= 0 {
        return Ok(Vec::new());
    }
    let Some(((price, length, make), smaller)) = units.split_first() else {
        return Ok(hour.map(|hour| Piece::Minutes(minutes, hour)).into_iter().collect());
    };
    let whole = minutes / length;
    let rest = minutes % length;
    let in_smaller = cheapest(rest, smaller, hour, currency)?;
    let cost =
        Money::sum(currency, in_smaller.iter().map(|piece| piece.amount(currency)).collect::<Result<Vec<_>, _>>()?)?;
    // A rest that no smaller unit can pay takes a whole one.
    let rounds_up = rest > 0 && (in_smaller.is_empty() || *price <= cost.cents);
    let count = whole + i64::from(rounds_up);
    let mut pieces = if count > 0 { vec![make(count, *price)] } else { Vec::new() };
    if !rounds_up {
        pieces.extend(in_smaller);
    }
    Ok(pieces)
}

impl RateCard {
    /// Whether demand may move its prices.
    #[must_use]
    pub fn moves(&self) -> bool {
        (self.factor_floor, self.factor_cap) != (DemandFactor::ONE, DemandFactor::ONE)
    }

    /// The rates for a member or anybody.
    #[must_use]
    pub fn rates(&self, member: bool) -> Rates {
        match self.member {
            Some(rates) if member => rates.or(self.standard),
            _ => self.standard,
        }
    }

    /// What is wrong with it, as pairs of field and message.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let all = [Some(self.standard), self.member];
        let amounts = all.into_iter().flatten().flat_map(|rates| [rates.hour, rates.half_day, rates.day, rates.month]);
        if amounts.flatten().chain([self.deposit]).any(|cents| !(0..=100_000_000).contains(&cents)) {
            faults.push(("/rates", "amounts are cents from 0 to 100000000".to_owned()));
        }
        if !(1..=1440).contains(&self.half_day_minutes) {
            faults.push(("/rates/half_day_minutes", "must be 1 to 1440".to_owned()));
        }
        let (floor, cap) = (self.factor_floor, self.factor_cap);
        if floor > DemandFactor::ONE || cap < DemandFactor::ONE || floor < 1000 || cap > 50_000 {
            let message = "the floor must be 1000 to 10000 basis points, the cap 10000 to 50000";
            faults.push(("/rates/factor_floor", message.to_owned()));
        }
        faults
    }
}

/// How demand moves a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DemandFactor {
    /// In basis points: 10000 is 1.0.
    pub basis_points: u32,
    /// Why: percent of the places of this kind that are expected to be taken then. Absent without a forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_percent: Option<u32>,
}

impl DemandFactor {
    /// 1.0 in basis points.
    pub const ONE: u32 = 10_000;

    /// The factor while there is no forecast.
    #[must_use]
    pub const fn none() -> Self {
        Self { basis_points: Self::ONE, expected_percent: None }
    }

    /// The factor within what the card allows.
    #[must_use]
    pub fn within(self, card: &RateCard) -> Self {
        let basis_points = self.basis_points.clamp(card.factor_floor, card.factor_cap.max(card.factor_floor));
        Self { basis_points, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATES: Rates = Rates { hour: Some(1000), half_day: Some(3500), day: Some(6000), month: Some(60_000) };

    fn cost(rates: Rates, minutes: i64) -> i64 {
        let pieces = rates.cover(minutes, 300, Currency::Eur).unwrap();
        pieces.iter().map(|piece| piece.amount(Currency::Eur).unwrap().cents).sum()
    }

    #[test]
    fn the_cheapest_units_are_taken() {
        assert_eq!(cost(RATES, 60), 1000);
        assert_eq!(cost(RATES, 90), 1500);
        assert_eq!(cost(RATES, 240), 3500, "half a day is cheaper than four hours");
        assert_eq!(cost(RATES, 360), 4500, "half a day and one hour");
        assert_eq!(cost(RATES, 600), 6000, "a day is cheaper than two halves");
        assert_eq!(cost(RATES, 3 * 1440), 18_000);
        assert_eq!(cost(RATES, 20 * 1440), 60_000, "a month is cheaper than twenty days");
    }

    #[test]
    fn what_is_sold_only_by_the_day_costs_a_day() {
        let daily = Rates { day: Some(2000), ..Rates::default() };
        assert_eq!(cost(daily, 30), 2000);
        assert_eq!(cost(daily, 1441), 4000);
        assert_eq!(cost(Rates::default(), 600), 0, "no unit is sold: free");
    }

    proptest! {
        /// Longer never costs less, and no unit's price is ever exceeded by what it covers.
        #[test]
        fn prices_grow_and_are_capped(
            hour in 1_i64..3000, half in 1_i64..9000, day in 1_i64..20_000, month in 1_i64..300_000,
            minutes in 1_i64..60_000, more in 0_i64..3000,
        ) {
            let rates = Rates { hour: Some(hour), half_day: Some(half), day: Some(day), month: Some(month) };
            prop_assert!(cost(rates, minutes) <= cost(rates, minutes + more) + 1, "a cent of rounding");
            if minutes <= 1440 {
                prop_assert!(cost(rates, minutes) <= day);
            }
            if minutes <= 300 {
                prop_assert!(cost(rates, minutes) <= half.min((hour * minutes + 30) / 60));
            }
        }
    }
}
