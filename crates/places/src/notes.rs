//! What was found out about the register's places at some expense, kept beside them so that all sandboxes tell the same.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::RegisterError;
use crate::store::{PlacesStore, SdkItem};

/// The partition of all notes.
const NOTES: &str = "NOTE";

/// Something that was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What, in whatever form its writer likes.
    pub text: String,
    /// When it was looked for.
    pub found_at: DateTime<Utc>,
    /// How often it was written, from 1.
    pub version: u64,
}

impl PlacesStore {
    /// A note; none before the first.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn note(&self, name: &str) -> Result<Option<Note>, RegisterError> {
        let items = self.query(NOTES, Some(name)).await?;
        Ok(items.into_iter().next().map(serde_dynamo::from_item).transpose()?)
    }

    /// Writes a note whose `version` is the new one.
    ///
    /// # Errors
    /// [`RegisterError::VersionConflict`] when somebody else has written it in between; other [`RegisterError`]s.
    pub async fn put_note(&self, name: &str, note: &Note) -> Result<(), RegisterError> {
        let item: SdkItem = serde_dynamo::to_item(note)?;
        self.put(NOTES, name, item, note.version).await
    }
}
