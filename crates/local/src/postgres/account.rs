//! Who runs the server: PostgreSQL refuses to run as root.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// An unprivileged account of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

/// `nobody` on every Unix we know, for the case that /etc/passwd does not say.
const NOBODY: Account = Account { uid: 65534, gid: 65534 };

impl Account {
    /// The account to run the server under; `None` to run it as who we are.
    pub(super) fn needed() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Some(Self::named("postgres", &passwd).or_else(|| Self::named("nobody", &passwd)).unwrap_or(NOBODY))
    }

    fn named(name: &str, passwd: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { uid, gid })
        })
    }

    /// Whether this account may pass through every directory above `path`. Parts that do not exist yet count as passable: we
    /// create them, and open.
    pub(super) fn reaches(self, path: &Path) -> bool {
        path.ancestors().skip(1).all(|directory| {
            std::fs::metadata(directory).map_or(true, |metadata| {
                let mode = metadata.permissions().mode();
                mode & 0o001 != 0 || (metadata.uid() == self.uid && mode & 0o100 != 0)
            })
        })
    }
}

/// Makes `account` (if any) the owner of `path`.
pub(super) fn give(path: &Path, account: Option<Account>) -> std::io::Result<()> {
    account.map_or(Ok(()), |account| std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid)))
}

/// A command that runs as `account` (if any), in a process group of its own, so that a Ctrl-C in the terminal reaches us alone and
/// we decide the order in which things stop.
pub(super) fn command(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    // The present directory may be closed to the account, and libpq's variables are meant for clients.
    command
        .current_dir("/")
        .process_group(0)
        .env("LC_ALL", "C")
        .env_remove("PGDATA")
        .env_remove("PGPORT")
        .env_remove("PGHOST");
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\npostgres:x:101:104:,,,:/:/bin/sh\n";
        assert_eq!(Account::named("postgres", passwd), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(Account::named("nobody", passwd), Some(Account { uid: 65534, gid: 65533 }));
        assert_eq!(Account::named("post", passwd), None);
    }

    #[test]
    fn a_closed_directory_on_the_way_is_noticed() {
        let closed = tempfile::tempdir().unwrap();
        let inside = closed.path().join("data/postgres");
        std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!NOBODY.reaches(&inside));
        std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(NOBODY.reaches(&inside));
    }
}
