//! The rules of the books: postings, numbers, documents, exports. Pure: time and ids are passed in.

mod account;
mod balance;
mod document;
mod entry;
mod export;
mod fec;
mod listing;
mod number;
mod parking;
mod rules;

pub use account::{Account, AccountNumber, Chart, InvalidAccount};
pub use balance::{Balance, Book, PostError, Posted};
pub use document::{
    Buyer, Document, DocumentKind, DocumentLine, Draft, Fault, OUTSIDE_VAT, PaymentTerms, Seller, Settlement, means,
};
pub use entry::{Auxiliary, Entry, EntryError, EntryLine, Journal, Piece, Side};
pub use export::write_csv;
pub use fec::{FEC_COLUMNS, FecError, FecWriter, Validated, fec_file_name};
pub use listing::{LIST_SHARDS, ListedMovement, list_partition, movement_key};
pub use number::{Counter, DocumentNumber, Gap, NumberError, Series, gaps};
pub use parking::{KeptMovement, ParkingMovement, ParkingMovementKind, Stay, WalletMovement, WalletMovementKind};
pub use rules::{Movement, MovementError, Payer, Supply};
