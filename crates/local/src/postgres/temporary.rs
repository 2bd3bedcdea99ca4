//! Directories of servers that keep nothing.

use std::fs::File;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "parvis-postgres-";
/// Held locked by the process that uses the directory; the lock goes with it, however it ends.
const LOCK: &str = "in-use";

/// A directory that is removed when it is dropped, and by the next one created if its process was killed.
#[derive(Debug)]
pub(super) struct Temporary {
    directory: TempDir,
    _lock: File,
}

impl Temporary {
    /// Creates one in `parent`, and removes those there that nobody uses any more (40 MB each).
    pub(super) fn create(parent: &Path) -> std::io::Result<Self> {
        remove_abandoned(parent);
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::create(directory.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { directory, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn remove_abandoned(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        // One without a lock is only just being made.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok()
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, directory = %entry.path().display(), "an abandoned directory stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_in_use_stays() {
        let parent = tempfile::tempdir().unwrap();
        let used = Temporary::create(parent.path()).unwrap();
        let abandoned = parent.path().join("parvis-postgres-dead");
        std::fs::create_dir(&abandoned).unwrap();
        File::create(abandoned.join(LOCK)).unwrap();
        let new = parent.path().join("parvis-postgres-new");
        std::fs::create_dir(&new).unwrap();

        let next = Temporary::create(parent.path()).unwrap();
        assert!(!abandoned.exists());
        assert!(used.path().exists() && next.path().exists() && new.exists());
    }
}
