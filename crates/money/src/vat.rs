//! Value-added tax.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Money, MoneyError, Rounding};

/// Basis points in 100 %.
const WHOLE: i64 = 10_000;

/// A VAT rate in basis points: 2000 is 20 %.
///
/// Rates are configuration. Parking off the street (car parks) is taxed in France at the normal rate; the fee for
/// parking on the street (redevance de stationnement) is outside VAT: rate zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 10000))]
#[serde(try_from = "u32", into = "u32")]
pub struct VatRate(u16);

/// A rate above 100 %.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a VAT rate: 0 to 10000 basis points")]
pub struct InvalidVatRate(u32);

impl VatRate {
    /// Outside VAT, or exempt.
    pub const ZERO: Self = Self(0);

    /// The rate in basis points.
    #[must_use]
    pub const fn basis_points(self) -> u16 {
        self.0
    }

    /// The tax inside an amount that includes it: net is rounded half up, VAT is the rest.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for amounts near the limits of 64 bits.
    pub fn of_gross(self, gross: Money) -> Result<VatSplit, MoneyError> {
        let net = gross.share(WHOLE, WHOLE + i64::from(self.0), Rounding::HalfUp)?;
        Ok(VatSplit { rate: self, net, vat: gross.checked_sub(net)?, gross })
    }

    /// The tax on top of an amount without it: VAT is rounded half up.
    ///
    /// # Errors
    /// As [`VatRate::of_gross`].
    pub fn of_net(self, net: Money) -> Result<VatSplit, MoneyError> {
        let vat = net.share(i64::from(self.0), WHOLE, Rounding::HalfUp)?;
        Ok(VatSplit { rate: self, net, vat, gross: net.checked_add(vat)? })
    }
}

impl TryFrom<u32> for VatRate {
    type Error = InvalidVatRate;

    fn try_from(basis_points: u32) -> Result<Self, InvalidVatRate> {
        u16::try_from(basis_points)
            .ok()
            .filter(|points| i64::from(*points) <= WHOLE)
            .map(Self)
            .ok_or(InvalidVatRate(basis_points))
    }
}

impl From<VatRate> for u32 {
    fn from(rate: VatRate) -> u32 {
        rate.0.into()
    }
}

/// `20`, `5.5`, `2.1`: percent with the decimals it needs and no more.
impl fmt::Display for VatRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        match hundredths {
            0 => write!(f, "{whole}"),
            _ if hundredths % 10 == 0 => write!(f, "{whole}.{}", hundredths / 10),
            _ => write!(f, "{whole}.{hundredths:02}"),
        }
    }
}

/// An amount with its tax; `net + vat == gross` always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VatSplit {
    /// The rate, in basis points.
    pub rate: VatRate,
    /// Without tax (hors taxes).
    pub net: Money,
    /// The tax.
    pub vat: Money,
    /// With tax (toutes taxes comprises).
    pub gross: Money,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(points: u32) -> VatRate {
        VatRate::try_from(points).unwrap()
    }

    #[test]
    fn twenty_percent() {
        // 10.00 / 1.2 = 8.3333: 8.33 + 1.67
        let split = rate(2000).of_gross(Money::eur(1000)).unwrap();
        assert_eq!((split.net.cents, split.vat.cents), (833, 167));
        let split = rate(2000).of_net(Money::eur(833)).unwrap();
        assert_eq!((split.vat.cents, split.gross.cents), (167, 1000));
        // A credit note is the exact mirror.
        let split = rate(2000).of_gross(Money::eur(-1000)).unwrap();
        assert_eq!((split.net.cents, split.vat.cents), (-833, -167));
    }

    #[test]
    fn rates_are_checked_and_shown() {
        assert!(VatRate::try_from(10_001).is_err());
        let shown = [2000, 550, 210, 1025, 0].map(|points| rate(points).to_string());
        assert_eq!(shown, ["20", "5.5", "2.1", "10.25", "0"]);
        assert_eq!(serde_json::to_string(&rate(2000)).unwrap(), "2000");
        assert!(serde_json::from_str::<VatRate>("20000").is_err());
    }

    proptest! {
        #[test]
        fn net_and_tax_add_up(cents in -10_000_000_000..10_000_000_000i64, points in 0..=10_000u32) {
            for split in [rate(points).of_gross(Money::eur(cents)), rate(points).of_net(Money::eur(cents))] {
                let split = split.unwrap();
                prop_assert_eq!(split.net.cents + split.vat.cents, split.gross.cents);
                // The tax is within half a cent, and its own rounding, of the rate on the net amount.
                let exact = i128::from(split.net.cents) * i128::from(points);
                prop_assert!((i128::from(split.vat.cents) * 10_000 - exact).abs() <= 10_000);
            }
        }
    }
}
