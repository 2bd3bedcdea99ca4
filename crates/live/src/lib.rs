//! The live state of zones as packed blocks in DynamoDB.
//!
//! One item is one block: `pk` is the place, `sk` the block within it, `v` the version on which every write is
//! conditional, `d` the packed block. [`LiveStore`] reads and writes them; [`from_image`] reads them from the table's
//! stream.

mod error;
mod image;
mod store;

pub use error::{ImageError, LiveError};
pub use image::{VersionedBlock, from_image};
pub use store::{LiveStore, PutOutcome};
