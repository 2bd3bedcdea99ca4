//! The currencies that French-speaking car parks meet.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A currency by its ISO 4217 code.
///
/// A short list on purpose: the number of decimals and the symbol belong to a currency, and a code without them cannot
/// be calculated with or shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro.
    #[default]
    Eur,
    /// Swiss franc.
    Chf,
    /// Pound sterling.
    Gbp,
    /// United States dollar.
    Usd,
    /// Canadian dollar.
    Cad,
    /// Pacific franc, which has no cents.
    Xpf,
}

/// A text that is not the code of a known currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known ISO 4217 currency code")]
pub struct UnknownCurrency(String);

impl Currency {
    /// The ISO 4217 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Chf => "CHF",
            Self::Gbp => "GBP",
            Self::Usd => "USD",
            Self::Cad => "CAD",
            Self::Xpf => "XPF",
        }
    }

    /// What prices show.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eur => "€",
            Self::Chf => "CHF",
            Self::Gbp => "£",
            Self::Usd => "$",
            Self::Cad => "CA$",
            Self::Xpf => "F",
        }
    }

    /// Digits after the decimal mark.
    #[must_use]
    pub fn decimals(self) -> usize {
        if self == Self::Xpf { 0 } else { 2 }
    }

    /// Minor units in one major unit: 100 cents in a euro.
    #[must_use]
    pub fn minor_units(self) -> i64 {
        if self == Self::Xpf { 1 } else { 100 }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        [Self::Eur, Self::Chf, Self::Gbp, Self::Usd, Self::Cad, Self::Xpf]
            .into_iter()
            .find(|currency| currency.code() == text)
            .ok_or_else(|| UnknownCurrency(text.to_owned()))
    }
}
