//! Receipts, invoices and credit notes as PDF and HTML. Pure: the same document always gives the same bytes.

pub mod html;
pub mod pdf;
mod sheet;

pub use sheet::{Row, Sheet, VatRow};
