//! Money in integer cents: exact, or refused.
//!
//! [`Money`] carries its [`Currency`]; every operation that could overflow, mix currencies or lose a cent says so in
//! its type. Floating point has no place here.

mod allocate;
mod amount;
mod currency;
mod format;
mod vat;

pub use amount::{Money, MoneyError, Rounding};
pub use currency::{Currency, UnknownCurrency};
pub use format::Language;
pub use vat::{InvalidVatRate, VatRate, VatSplit};
