//! The file: one line per change.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::account::{Account, Kept};

/// A file that changes are appended to.
pub(crate) struct Journal(Mutex<File>);

impl Journal {
    /// Opens the file and tells the account what it holds. A last line that was cut off by a crash is left out.
    pub fn open(file: &Path, account: &mut Account) -> std::io::Result<Self> {
        if let Ok(kept) = File::open(file) {
            for line in BufReader::new(kept).lines() {
                if let Ok(kept) = serde_json::from_str::<Kept>(&line?) {
                    account.recall(kept);
                }
            }
        }
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(file)?)))
    }

    /// Adds a change.
    pub fn append(&self, kept: &Kept) {
        let Ok(mut line) = serde_json::to_string(kept) else { return };
        line.push('\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::error!(%error, "the test provider's file cannot be written");
        }
    }
}
