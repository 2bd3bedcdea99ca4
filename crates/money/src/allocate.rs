//! Dividing an amount into parts that add up to it.

use crate::{Money, MoneyError};

impl Money {
    /// Divides the amount in proportion to `weights`; the parts add up to the whole to the cent.
    ///
    /// Largest remainder: each part gets its share rounded down, and the cents left go one by one to the parts that
    /// lost the most; of equals, to the first. A weight of zero gets nothing.
    ///
    /// # Errors
    /// [`MoneyError::NothingToDivideBy`] when no weight is positive.
    pub fn allocate(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        if total == 0 {
            return Err(MoneyError::NothingToDivideBy);
        }
        let cents = i128::from(self.cents);
        let mut parts = Vec::with_capacity(weights.len());
        let mut remainders = Vec::with_capacity(weights.len());
        for (index, weight) in weights.iter().enumerate() {
            let product = cents * i128::from(*weight);
            parts.push(product / total);
            remainders.push(((product % total).abs(), index));
        }
        // Fewer cents are left than there are parts with a remainder, so a weight of zero never receives one.
        let left = cents - parts.iter().sum::<i128>();
        remainders.sort_by_key(|(remainder, index)| (-remainder, *index));
        let receivers = usize::try_from(left.abs()).map_err(|_| MoneyError::Overflow)?;
        for (_, index) in remainders.into_iter().take(receivers) {
            parts[index] += left.signum();
        }
        parts
            .into_iter()
            .map(|part| {
                i64::try_from(part).map(|part| Self::new(part, self.currency)).map_err(|_| MoneyError::Overflow)
            })
            .collect()
    }

    /// Divides the amount into `parts` that differ by one cent at most.
    ///
    /// # Errors
    /// [`MoneyError::NothingToDivideBy`] for no parts.
    pub fn split(self, parts: usize) -> Result<Vec<Self>, MoneyError> {
        self.allocate(&vec![1; parts])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cents(parts: &[Money]) -> Vec<i64> {
        parts.iter().map(|part| part.cents).collect()
    }

    #[test]
    fn a_cent_left_over_goes_to_who_lost_most() {
        assert_eq!(cents(&Money::eur(100).split(3).unwrap()), [34, 33, 33]);
        assert_eq!(cents(&Money::eur(-100).split(3).unwrap()), [-34, -33, -33]);
        // 5 in 70:30 is 3.5 and 1.5: equal remainders, the first wins.
        assert_eq!(cents(&Money::eur(5).allocate(&[70, 30]).unwrap()), [4, 1]);
        // 10 in 1:2:0 is 3.33, 6.67, 0.
        assert_eq!(cents(&Money::eur(10).allocate(&[1, 2, 0]).unwrap()), [3, 7, 0]);
        assert_eq!(Money::eur(1).allocate(&[0, 0]), Err(MoneyError::NothingToDivideBy));
        assert_eq!(Money::eur(1).split(0), Err(MoneyError::NothingToDivideBy));
    }

    proptest! {
        #[test]
        fn no_cent_is_lost_and_none_is_unfair(
            whole in any::<i64>(),
            weights in prop::collection::vec(any::<u32>().prop_map(u64::from), 1..20),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let parts = Money::eur(whole).allocate(&weights).unwrap();
            prop_assert_eq!(parts.iter().map(|part| i128::from(part.cents)).sum::<i128>(), i128::from(whole));
            let total: i128 = weights.iter().map(|w| i128::from(*w)).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                // Within one cent of the exact share, in exact arithmetic.
                let error = i128::from(part.cents) * total - i128::from(whole) * i128::from(*weight);
                prop_assert!(error.abs() < total);
                prop_assert!(*weight > 0 || part.cents == 0);
            }
        }
    }
}
