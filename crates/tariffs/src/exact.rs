//! Exact fractions of a cent.

use std::cmp::Ordering;

use parvis_money::{MoneyError, Rounding};

/// A number of cents as a fraction; the denominator is positive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exact {
    numerator: i128,
    denominator: i128,
}

impl Exact {
    pub(crate) const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// Whole cents.
    pub(crate) fn cents(cents: i64) -> Self {
        Self { numerator: cents.into(), denominator: 1 }
    }

    /// `numerator / denominator` cents, in lowest terms; the denominator must be positive.
    pub(crate) fn ratio(numerator: i128, denominator: i128) -> Self {
        debug_assert!(denominator > 0);
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
        match i128::try_from(divisor) {
            Ok(divisor) if divisor > 1 => Self { numerator: numerator / divisor, denominator: denominator / divisor },
            _ => Self { numerator, denominator },
        }
    }

    pub(crate) fn add(self, other: Self) -> Result<Self, MoneyError> {
        if self.denominator == other.denominator {
            let numerator = self.numerator.checked_add(other.numerator).ok_or(MoneyError::Overflow)?;
            return Ok(Self { numerator, denominator: self.denominator });
        }
        let left = self.numerator.checked_mul(other.denominator).ok_or(MoneyError::Overflow)?;
        let right = other.numerator.checked_mul(self.denominator).ok_or(MoneyError::Overflow)?;
        let numerator = left.checked_add(right).ok_or(MoneyError::Overflow)?;
        let denominator = self.denominator.checked_mul(other.denominator).ok_or(MoneyError::Overflow)?;
        Ok(Self::ratio(numerator, denominator))
    }

    pub(crate) fn sub(self, other: Self) -> Result<Self, MoneyError> {
        self.add(Self { numerator: -other.numerator, denominator: other.denominator })
    }

    /// The amount times `numerator / denominator`.
    pub(crate) fn scale(self, numerator: i64, denominator: i64) -> Result<Self, MoneyError> {
        let top = self.numerator.checked_mul(numerator.into()).ok_or(MoneyError::Overflow)?;
        let bottom = self.denominator.checked_mul(denominator.into()).ok_or(MoneyError::Overflow)?;
        Ok(Self::ratio(top, bottom))
    }

    pub(crate) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub(crate) fn is_positive(self) -> bool {
        self.numerator > 0
    }

    /// True when greater than `cents`.
    pub(crate) fn exceeds(self, cents: i64) -> bool {
        match i128::from(cents).checked_mul(self.denominator) {
            Some(product) => self.numerator.cmp(&product) == Ordering::Greater,
            None => cents < 0,
        }
    }

    /// True when greater than another fraction; false also when the comparison does not fit 128 bits.
    pub(crate) fn exceeds_exact(self, other: Self) -> bool {
        self.sub(other).is_ok_and(Self::is_positive)
    }

    /// Whole coins of `step` cents.
    pub(crate) fn round(self, step: i64, rounding: Rounding) -> Result<i64, MoneyError> {
        let step = i128::from(step.max(1));
        let unit = self.denominator.checked_mul(step).ok_or(MoneyError::Overflow)?;
        let coins = rounding.divide(self.numerator, unit);
        i64::try_from(coins * step).map_err(|_| MoneyError::Overflow)
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    // Nearly all numbers here fit 64 bits, where a division is ten times cheaper.
    while b != 0 {
        if let (Ok(small_a), Ok(small_b)) = (u64::try_from(a), u64::try_from(b)) {
            return gcd_small(small_a, small_b).into();
        }
        (a, b) = (b, a % b);
    }
    a
}

fn gcd_small(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thirds_add_up() {
        let third = Exact::ratio(100, 3);
        let whole = third.add(third).unwrap().add(third).unwrap();
        assert_eq!(whole.round(1, Rounding::Up), Ok(100));
        assert!(!whole.exceeds(100) && whole.exceeds(99));
        assert_eq!(third.round(10, Rounding::HalfUp), Ok(30));
        assert!(whole.sub(Exact::cents(100)).unwrap().is_zero());
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_their_order(parts in prop::collection::vec((0..100_000i64, 1..1440i64), 1..12)) {
            let add = |sum: Exact, (n, d): &(i64, i64)| sum.add(Exact::ratio((*n).into(), (*d).into()));
            let forward = parts.iter().try_fold(Exact::ZERO, add);
            let backward = parts.iter().rev().try_fold(Exact::ZERO, add);
            if let (Ok(forward), Ok(backward)) = (forward, backward) {
                prop_assert!(forward.sub(backward).unwrap().is_zero());
            }
        }
    }
}
