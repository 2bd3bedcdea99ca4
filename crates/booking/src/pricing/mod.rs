//! Prices: rate cards, quotes that explain themselves line by line, and their signature.

mod demand;
mod quote;
mod rates;
mod sign;

pub use demand::factor_over;
pub use quote::{Line, LineKind, Part, Quote, QuoteAsk, quote};
pub use rates::{DemandFactor, RateCard, Rates};
pub use sign::{QuoteError, QuoteKey};
