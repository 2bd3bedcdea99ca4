//! A private PostgreSQL server per test, from the binaries of the system.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use parvis_kit::postgres::Database;
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

/// A server that dies with the value.
pub struct Server {
    directory: tempfile::TempDir,
    binaries: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// A fresh server, accepting connections and migrated.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("parvis-pg").tempdir().unwrap();
        let (uid, gid) = unprivileged();
        chown(directory.path(), Some(uid), Some(gid)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { directory, binaries: binaries(), port, process: None };
        let made = server
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(server.directory.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.resume().await;
        parvis_migrate::migrate(server.database().pool().await.unwrap()).await.unwrap();
        server
    }

    /// Starts the stopped server on the same port, and waits for it.
    pub async fn resume(&mut self) {
        let process = self
            .command("postgres")
            .arg("-D")
            .arg(self.directory.path().join("data"))
            .args(["-p", &self.port.to_string(), "-c", "fsync=off", "-c", "unix_socket_directories="])
            .spawn()
            .unwrap();
        self.process = Some(process);
        for _ in 0..200 {
            if self.options().connect().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("PostgreSQL did not start");
    }

    /// Stops the server as a power cut would.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let data = self.directory.path().join("data");
            let _stopped = self.command("pg_ctl").args(["stop", "-m", "immediate", "-w", "-D"]).arg(data).output();
            let _ended = process.wait();
        }
    }

    /// The login.
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .database("postgres")
            .disable_statement_logging()
    }

    /// A pool of its own, as each sandbox has.
    pub fn database(&self) -> Database {
        Database::with_options(self.options(), "test")
    }

    /// A command under a user that `initdb` accepts: it refuses root.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if name == "postgres" {
            command.stderr(Stdio::null());
        }
        let (uid, gid) = unprivileged();
        if uid != own_uid() {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The newest installed version.
fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed (Debian: postgresql)");
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse::<u32>().ok())
        .max()
        .expect("a version of PostgreSQL");
    PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin"))
}

fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid()
}

/// The user for the server: ourselves, or `nobody` when we are root.
fn unprivileged() -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let me = fs::metadata("/proc/self").unwrap();
    if me.uid() != 0 {
        return (me.uid(), me.gid());
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let nobody = users.lines().find(|line| line.starts_with("nobody:")).unwrap();
    let ids: Vec<u32> = nobody.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
    (ids[0], ids[1])
}
