//! Records as compressed JSON in a binary attribute: a forecast of a week by quarters of an hour takes 20 to 40 kB of the 400 kB
//! that an item may have.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Serialize, de::DeserializeOwned};

/// A record that cannot be packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// It is no gzip.
    #[error("a record cannot be decompressed")]
    Gzip(#[from] std::io::Error),
    /// It is not of the form that this version of the program writes.
    #[error("a record does not have the form it should")]
    Json(#[from] serde_json::Error),
}

pub(crate) fn pack<T: Serialize>(record: &T) -> Result<Vec<u8>, PackedError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&serde_json::to_vec(record)?)?;
    Ok(encoder.finish()?)
}

pub(crate) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PackedError> {
    let mut json = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}
