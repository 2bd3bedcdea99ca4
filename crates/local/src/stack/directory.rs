//! The data directory: one stack at a time, and where command-line tools find the one that runs.

use std::{
    fs::{File, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::Endpoints;

/// A data directory held by this stack. The lock goes with the process, however it ends.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    _lock: File,
    _temporary: Option<TempDir>,
}

/// What `endpoints.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Process of the stack.
    pub process_id: u32,
    /// Where it can be reached.
    #[serde(flatten)]
    pub endpoints: Endpoints,
}

impl DataDirectory {
    /// Opens a directory for this process alone.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot create the data directory {}", path.display()))?;
        // Absolute, because sandboxes and PostgreSQL run elsewhere.
        let path = path.canonicalize().with_context(|| format!("{}", path.display()))?;
        Self::lock(path, None)
    }

    /// A directory that is deleted at the end.
    pub fn temporary() -> anyhow::Result<Self> {
        let temporary =
            tempfile::Builder::new().prefix("parvis-").tempdir().context("cannot create a temporary directory")?;
        // PostgreSQL runs as another user when we are root, and has to get through.
        open_to_all(temporary.path())?;
        Self::lock(temporary.path().to_owned(), Some(temporary))
    }

    fn lock(path: PathBuf, temporary: Option<TempDir>) -> anyhow::Result<Self> {
        let file = path.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&file)
            .with_context(|| format!("{}", file.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock, _temporary: temporary }),
            Err(TryLockError::WouldBlock) => bail!(
                "another parvis is running on {} (see {}); stop it, or give this one its own directory with --data-dir or --ephemeral",
                path.display(),
                path.join(FILE).display(),
            ),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", file.display())),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells command-line tools where the stack is.
    pub fn announce(&self, endpoints: &Endpoints) -> anyhow::Result<()> {
        let announcement = Announcement { process_id: std::process::id(), endpoints: endpoints.clone() };
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        serde_json::to_writer_pretty(&mut file, &announcement)?;
        file.write_all(b"\n")?;
        file.persist(self.path.join(FILE)).map(drop).context("cannot write endpoints.json")
    }

    /// Takes the announcement back.
    pub fn withdraw(&self) {
        // A leftover file only makes a tool say that nothing answers there.
        drop(std::fs::remove_file(self.path.join(FILE)));
    }
}

const FILE: &str = "endpoints.json";

/// Where the stack of a data directory is.
///
/// # Errors
/// When no stack has announced itself there.
pub fn announced(data_dir: &Path) -> anyhow::Result<Announcement> {
    let path = data_dir.join(FILE);
    let text = std::fs::read(&path).with_context(|| {
        format!(
            "no stack is running on {} (there is no {}); start one with `parvis`",
            data_dir.display(),
            path.display()
        )
    })?;
    serde_json::from_slice(&text).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(unix)]
fn open_to_all(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn open_to_all(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_stack_on_the_same_directory_is_refused_with_a_way_out() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDirectory::open(&path).unwrap();
        let message = DataDirectory::open(&path).unwrap_err().to_string();
        assert!(message.contains("another parvis") && message.contains("--data-dir"), "{message}");
        drop(first);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn tools_find_the_stack_that_announced_itself() {
        let directory = DataDirectory::temporary().unwrap();
        assert!(announced(directory.path()).unwrap_err().to_string().contains("no stack is running"));
        let endpoints = Endpoints { api: "http://127.0.0.1:1".into(), ..Endpoints::default() };
        directory.announce(&endpoints).unwrap();
        assert_eq!(announced(directory.path()).unwrap().endpoints, endpoints);
        directory.withdraw();
        assert!(announced(directory.path()).is_err());
    }
}
