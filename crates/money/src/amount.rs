//! An amount of money and its exact arithmetic.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Currency;

/// An amount in the minor unit of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The amount in cents (minor units); negative for what is owed the other way.
    pub cents: i64,
    /// ISO 4217.
    pub currency: Currency,
}

/// Why an operation on money was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit 64 bits.
    #[error("the amount is too large")]
    Overflow,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
    /// A division by zero, or an allocation to nobody.
    #[error("there is nothing to divide by")]
    NothingToDivideBy,
    /// A text that is not a decimal amount.
    #[error("`{0}` is not an amount such as 12.50")]
    NotAnAmount(String),
}

/// What to do with a fraction of a cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearest; one half goes away from zero. The rule of French tax and retail prices.
    #[default]
    HalfUp,
    /// To the nearest; one half goes to the even neighbour.
    HalfEven,
    /// Away from zero.
    Up,
    /// Towards zero: in the payer's favour.
    Down,
}

impl Rounding {
    /// `numerator / denominator` as a whole number; `denominator` must be positive.
    #[must_use]
    pub fn divide(self, numerator: i128, denominator: i128) -> i128 {
        let (quotient, remainder) = (numerator / denominator, numerator % denominator);
        let twice = remainder.abs() * 2;
        let away = match self {
            Self::Down => false,
            Self::Up => remainder != 0,
            Self::HalfUp => twice >= denominator,
            Self::HalfEven => twice > denominator || (twice == denominator && quotient % 2 != 0),
        };
        if away { quotient + numerator.signum() } else { quotient }
    }
}

impl Money {
    /// An amount in minor units.
    #[must_use]
    pub const fn new(cents: i64, currency: Currency) -> Self {
        Self { cents, currency }
    }

    /// An amount in euro cents.
    #[must_use]
    pub const fn eur(cents: i64) -> Self {
        Self::new(cents, Currency::Eur)
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// True for zero, whatever the currency.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.cents == 0
    }

    /// True below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.cents < 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.cents.checked_add(other.cents))
    }

    /// The difference.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.cents.checked_sub(other.cents))
    }

    /// The opposite amount.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for the lowest amount only.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        self.with(self.cents.checked_neg())
    }

    /// The amount `factor` times.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(self, factor: i64) -> Result<Self, MoneyError> {
        self.with(self.cents.checked_mul(factor))
    }

    /// The sum of amounts, zero of `currency` when there are none.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// `numerator / denominator` of the amount, rounded to the cent.
    ///
    /// # Errors
    /// [`MoneyError::NothingToDivideBy`] for a denominator of zero, [`MoneyError::Overflow`].
    pub fn share(self, numerator: i64, denominator: i64, rounding: Rounding) -> Result<Self, MoneyError> {
        if denominator == 0 {
            return Err(MoneyError::NothingToDivideBy);
        }
        let sign = i128::from(denominator.signum());
        let product = i128::from(self.cents) * i128::from(numerator) * sign;
        let cents = rounding.divide(product, i128::from(denominator).abs());
        self.with(i64::try_from(cents).ok())
    }

    /// The amount as a whole number of coins of `step` cents; a step of 1 or less changes nothing.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn round_to(self, step: i64, rounding: Rounding) -> Result<Self, MoneyError> {
        if step <= 1 {
            return Ok(self);
        }
        let coins = rounding.divide(i128::from(self.cents), i128::from(step));
        self.with(i64::try_from(coins * i128::from(step)).ok())
    }

    /// Reads `12.50`, `-3`, `0.5`; a point as decimal mark, no grouping, no more decimals than the currency has.
    ///
    /// # Errors
    /// [`MoneyError::NotAnAmount`], [`MoneyError::Overflow`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let wrong = || MoneyError::NotAnAmount(text.to_owned());
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = currency.decimals();
        let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let fraction_missing = digits.contains('.') && fraction.is_empty();
        if whole.is_empty() || fraction_missing || fraction.len() > decimals || !numeric(whole) || !numeric(fraction) {
            return Err(wrong());
        }
        let cents: i64 = format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| MoneyError::Overflow)?;
        Ok(Self::new(if negative { -cents } else { cents }, currency))
    }

    /// The plain decimal text, `-1234.50`: for files and machines, the inverse of [`Money::parse`].
    #[must_use]
    pub fn decimal(self) -> String {
        self.digits(".", "")
    }

    /// Sign, grouped whole part, mark and decimals.
    pub(crate) fn digits(self, mark: &str, group: &str) -> String {
        let unit = self.currency.minor_units().unsigned_abs();
        let (whole, minor) = (self.cents.unsigned_abs() / unit, self.cents.unsigned_abs() % unit);
        let sign = if self.is_negative() { "-" } else { "" };
        let whole = grouped(&whole.to_string(), group);
        match self.currency.decimals() {
            0 => format!("{sign}{whole}"),
            decimals => format!("{sign}{whole}{mark}{minor:0decimals$}"),
        }
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
        }
    }

    fn with(self, cents: Option<i64>) -> Result<Self, MoneyError> {
        cents.map(|cents| Self::new(cents, self.currency)).ok_or(MoneyError::Overflow)
    }
}

/// Puts `separator` between groups of three digits.
fn grouped(digits: &str, separator: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(digit);
    }
    text
}

/// Decimal amount and code, `12.50 EUR`: for logs; people are shown [`Money::format`].
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_is_what_its_name_says() {
        // value in halves of a cent -> HalfUp, HalfEven, Up, Down
        for (halves, expected) in [
            (5, [3, 2, 3, 2]),
            (7, [4, 4, 4, 3]),
            (-5, [-3, -2, -3, -2]),
            (4, [2, 2, 2, 2]),
            (1, [1, 0, 1, 0]),
            (0, [0, 0, 0, 0]),
        ] {
            let rounded = [Rounding::HalfUp, Rounding::HalfEven, Rounding::Up, Rounding::Down]
                .map(|rounding| Money::eur(halves).share(1, 2, rounding).unwrap().cents);
            assert_eq!(rounded, expected, "{halves}/2");
        }
    }

    #[test]
    fn a_share_may_have_a_negative_denominator() {
        assert_eq!(Money::eur(100).share(1, -3, Rounding::HalfUp), Ok(Money::eur(-33)));
        assert_eq!(Money::eur(100).share(1, 0, Rounding::HalfUp), Err(MoneyError::NothingToDivideBy));
        assert_eq!(Money::eur(i64::MAX).share(2, 1, Rounding::Down), Err(MoneyError::Overflow));
    }

    #[test]
    fn coins_of_ten_cents() {
        assert_eq!(Money::eur(125).round_to(10, Rounding::HalfUp), Ok(Money::eur(130)));
        assert_eq!(Money::eur(125).round_to(10, Rounding::Down), Ok(Money::eur(120)));
        assert_eq!(Money::eur(121).round_to(10, Rounding::Up), Ok(Money::eur(130)));
        assert_eq!(Money::eur(121).round_to(1, Rounding::Up), Ok(Money::eur(121)));
    }

    #[test]
    fn currencies_do_not_mix_and_nothing_wraps() {
        let franc = Money::new(1, Currency::Chf);
        assert_eq!(Money::eur(1).checked_add(franc), Err(MoneyError::CurrencyMismatch(Currency::Eur, Currency::Chf)));
        assert_eq!(Money::eur(i64::MAX).checked_add(Money::eur(1)), Err(MoneyError::Overflow));
        assert_eq!(Money::eur(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
        assert_eq!(Money::sum(Currency::Eur, []), Ok(Money::eur(0)));
    }

    #[test]
    fn decimal_texts() {
        let eur = |text: &str| Money::parse(text, Currency::Eur);
        assert_eq!(eur("19.50"), Ok(Money::eur(1950)));
        assert_eq!(eur("19.5"), Ok(Money::eur(1950)));
        assert_eq!(eur("-0.05"), Ok(Money::eur(-5)));
        assert_eq!(eur("7"), Ok(Money::eur(700)));
        assert_eq!(Money::parse("150", Currency::Xpf), Ok(Money::new(150, Currency::Xpf)));
        for bad in ["", "-", ".5", "1.", "1.234", "1,5", "+1", "1 000", "--1", "1e3", "0.-5"] {
            assert_eq!(eur(bad), Err(MoneyError::NotAnAmount(bad.into())), "{bad}");
        }
        assert!(Money::parse("1.5", Currency::Xpf).is_err());
        assert_eq!(eur("99999999999999999999"), Err(MoneyError::Overflow));
    }

    #[test]
    fn json_is_stable() {
        let json = serde_json::to_string(&Money::eur(1250)).unwrap();
        assert_eq!(json, r#"{"cents":1250,"currency":"EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), Money::eur(1250));
        assert!(serde_json::from_str::<Money>(r#"{"cents":1.5,"currency":"EUR"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"cents":1,"currency":"EURO"}"#).is_err());
    }

    proptest! {
        #[test]
        fn decimal_text_round_trips(cents in (i64::MIN + 1)..i64::MAX) {
            for currency in [Currency::Eur, Currency::Xpf] {
                let money = Money::new(cents, currency);
                prop_assert_eq!(Money::parse(&money.decimal(), currency), Ok(money));
            }
        }

        #[test]
        fn rounding_to_a_coin_stays_within_one_coin(cents in -1_000_000..1_000_000i64, step in 2..500i64) {
            for rounding in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Up, Rounding::Down] {
                let rounded = Money::eur(cents).round_to(step, rounding).unwrap().cents;
                prop_assert_eq!(rounded % step, 0);
                prop_assert!((rounded - cents).abs() < step);
            }
        }
    }
}
