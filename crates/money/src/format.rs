//! Amounts as people read them.

use serde::{Deserialize, Serialize};

use crate::Money;

/// No-break space: keeps the symbol on the line of its amount.
const NO_BREAK: &str = "\u{a0}";

/// Narrow no-break space: groups of thousands in French.
const NARROW_NO_BREAK: &str = "\u{202f}";

/// The languages Parvis speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl Language {
    /// ISO 639-1, lower case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// One of two texts: `language.pick("gratuit", "free")`.
    #[must_use]
    pub fn pick<T>(self, french: T, english: T) -> T {
        match self {
            Self::Fr => french,
            Self::En => english,
        }
    }
}

impl Money {
    /// `1 234,50 €` in French, `€1,234.50` in English, with no-break spaces (CLDR's patterns).
    #[must_use]
    pub fn format(self, language: Language) -> String {
        let symbol = self.currency.symbol();
        match language {
            Language::Fr => format!("{}{NO_BREAK}{symbol}", self.digits(",", NARROW_NO_BREAK)),
            Language::En => {
                let digits = self.digits(".", ",");
                let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
                // A symbol made of letters needs a space before the digits.
                let gap = if symbol.ends_with(char::is_alphabetic) { NO_BREAK } else { "" };
                format!("{sign}{symbol}{gap}{digits}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn french_and_english() {
        let cases = [
            (Money::eur(123_450), "1\u{202f}234,50\u{a0}€", "€1,234.50"),
            (Money::eur(-5), "-0,05\u{a0}€", "-€0.05"),
            (Money::eur(100_000_000), "1\u{202f}000\u{202f}000,00\u{a0}€", "€1,000,000.00"),
            (Money::eur(99_999), "999,99\u{a0}€", "€999.99"),
            (Money::new(1500, Currency::Xpf), "1\u{202f}500\u{a0}F", "F\u{a0}1,500"),
            (Money::new(250, Currency::Chf), "2,50\u{a0}CHF", "CHF\u{a0}2.50"),
            (
                Money::eur(i64::MIN),
                "-92\u{202f}233\u{202f}720\u{202f}368\u{202f}547\u{202f}758,08\u{a0}€",
                "-€92,233,720,368,547,758.08",
            ),
        ];
        for (money, french, english) in cases {
            assert_eq!(money.format(Language::Fr), french);
            assert_eq!(money.format(Language::En), english);
        }
    }
}
