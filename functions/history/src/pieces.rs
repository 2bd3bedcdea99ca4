//! Applying the images of a batch piece by piece.
//!
//! After an outage of the database batches are full, and it has just started: all of a batch at once may be more than it can do in
//! time, and would be so again the next time. Edits repeat without effect and may be split anywhere, so every piece is a transaction, and what
//! is done is done.

use parvis_kit::{postgres::DatabaseError, telemetry::chain};
use parvis_live::VersionedBlock;
use tokio::time::{Instant, timeout_at};

use crate::{
    edits::Edits,
    store::{Applied, HistoryStore},
};

/// Rows of one piece, unless a single image is about more.
const ROWS: usize = 2_000;

/// How far an invocation came.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What was written.
    pub(crate) applied: Applied,
    /// Images that are done.
    pub(crate) done: usize,
    /// Images among them that the database will never take.
    pub(crate) rejected: u64,
    /// Why it ended before all images were done.
    pub(crate) stopped: Option<Stopped>,
}

/// Why images are left.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error("the database could not take them")]
    Database(#[from] DatabaseError),
    #[error("the time was up")]
    OutOfTime,
}

/// Applies `images` in their order until all are done, the database fails or `deadline` has come.
pub(crate) async fn apply(store: &HistoryStore, images: &[VersionedBlock], deadline: Instant) -> Progress {
    let mut progress = Progress::default();
    let mut rows = ROWS;
    while progress.done < images.len() {
        let (edits, count) = piece(&images[progress.done..], rows);
        let error = match timeout_at(deadline, store.apply(&edits)).await {
            Ok(Ok(applied)) => {
                progress.applied += applied;
                progress.done += count;
                continue;
            }
            Ok(Err(error)) => error,
            Err(_) => {
                progress.stopped = Some(Stopped::OutOfTime);
                break;
            }
        };
        let smaller_may_do = is_cancelled(&error) || !error.is_transient();
        if count > 1 && smaller_may_do {
            tracing::warn!(error = %chain(&error), images = count, rows = edits.len(), "trying with fewer images");
            rows = (edits.len() / 2).max(1);
        } else if count == 1 && is_of_the_data(&error) {
            // No retry would ever write it, and it must not hold up what comes behind it.
            tracing::error!(error = %chain(&error), block = %images[progress.done].key, "an image cannot be written");
            progress.rejected += 1;
            progress.done += 1;
            rows = ROWS;
        } else {
            progress.stopped = Some(error.into());
            break;
        }
    }
    progress
}

/// The edits of the first images that are together about at most `rows` rows, at least of one image; and of how many.
fn piece(images: &[VersionedBlock], rows: usize) -> (Edits, usize) {
    let mut edits = Edits::default();
    let mut count = 0;
    for image in images {
        if count > 0 && edits.len() + image.block.changes().len() > rows {
            break;
        }
        edits.add(&image.key, image.version, image.block.changes());
        count += 1;
    }
    (edits, count)
}

fn code(error: &DatabaseError) -> Option<String> {
    match error {
        DatabaseError::Sql(sqlx::Error::Database(error)) => error.code().map(Into::into),
        _ => None,
    }
}

/// Whether the server cancelled the statement, because it took too long.
fn is_cancelled(error: &DatabaseError) -> bool {
    code(error).is_some_and(|code| code == "57014")
}

/// Whether the values are to blame (SQLSTATE classes 22, data, and 23, constraints), and not the schema or the login, with which
/// every image would fail.
fn is_of_the_data(error: &DatabaseError) -> bool {
    code(error).is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}
