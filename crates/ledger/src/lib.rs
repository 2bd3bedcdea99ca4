//! The rules of the books: postings, numbers, documents, exports. Pure: time and ids are passed in.

mod account;
mod balance;
mod document;
mod entry;
mod export;
mod fec;
mod number;
mod parking;
mod rules;

pub use account::{Account, AccountNumber, Chart, InvalidAccount};
pub use balance::{Balance, Book, PostError, Posted};
pub use document::{Buyer, Document, DocumentKind, DocumentLine, Draft, Fault, PaymentTerms, Seller, Settlement};
pub use entry::{Auxiliary, Entry, EntryError, EntryLine, Journal, Piece, Side};
pub use export::write_csv;
pub use fec::{FEC_COLUMNS, FecError, fec_file_name, write_fec};
pub use number::{Counter, DocumentNumber, Gap, NumberError, Series, gaps};
pub use parking::{ParkingMovement, ParkingMovementKind, Stay};
pub use rules::{Movement, MovementError, Payer, Supply};
