//! One server of our own: its files, its process, its port.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sha2::{Digest, Sha256};

use super::account::{self, Account};
use super::binaries::Binaries;
use super::temporary::Temporary;
use super::{PostgresError, SUPERUSER};

/// Runs `"$@"` (the server) in place of the shell, and beside it a guard that waits for the end of our pipe and then asks the
/// server for a fast shutdown. The pipe ends when we close it and also when we are killed, so no server outlives us.
const GUARDED: &str = r#"exec 3<&0; (read -r _ <&3; kill -INT $$; exit 0) & exec 3<&-; exec "$@" </dev/null"#;
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "timezone=UTC",
    "max_connections=200",
    "shared_buffers=64MB",
    "logging_collector=off",
];
/// For servers whose files are thrown away.
const EPHEMERAL_SETTINGS: &[&str] = &["fsync=off", "full_page_writes=off", "synchronous_commit=off"];
/// How long a start may take; recovery after a crash of the machine is the slow case.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a fast shutdown may take before we insist.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(5);
/// Ports tried before giving up: each was free a moment before the server asked for it.
const PORT_ATTEMPTS: usize = 8;

/// A server, running or stopped.
pub(super) struct Server {
    binaries: Binaries,
    account: Option<Account>,
    /// `data` and `server.log` are in here.
    home: PathBuf,
    port: u16,
    durable: bool,
    child: Mutex<Option<Child>>,
    /// Removed after the server has stopped.
    _temporary: Option<Temporary>,
}

impl Server {
    /// The server whose files belong to `data_dir`, created at the first start.
    pub(super) async fn durable(data_dir: &Path) -> Result<Self, PostgresError> {
        std::fs::create_dir_all(data_dir)?;
        let data_dir = data_dir.canonicalize()?;
        let account = Account::needed();
        let base = reachable_base(&data_dir, account);
        Self::start(base.join("postgres"), &base, account, None).await
    }

    /// A server whose files vanish with it.
    pub(super) async fn ephemeral() -> Result<Self, PostgresError> {
        let account = Account::needed();
        let preferred = std::env::temp_dir();
        let reachable = account.is_none_or(|account| account.reaches(&preferred.join("x")));
        let parent = if reachable { preferred } else { PathBuf::from("/var/tmp") };
        let temporary = Temporary::create(&parent)?;
        account::give(temporary.path(), account)?;
        Self::start(temporary.path().join("postgres"), &parent.join("parvis-tools"), account, Some(temporary)).await
    }

    async fn start(
        home: PathBuf,
        tools: &Path,
        account: Option<Account>,
        temporary: Option<Temporary>,
    ) -> Result<Self, PostgresError> {
        let tools = tools.to_owned();
        let prepare = move || -> Result<Self, PostgresError> {
            let written_by = data_version(&home.join("data"));
            let wanted = written_by.as_deref().and_then(|version| version.parse().ok());
            let binaries = Binaries::find(&tools, wanted, account)?;
            if let Some(written_by) = written_by.filter(|_| wanted != Some(binaries.major)) {
                return Err(PostgresError::OtherVersion { directory: home, written_by, found: binaries.major });
            }
            std::fs::create_dir_all(&home)?;
            account::give(&home, account)?;
            let durable = temporary.is_none();
            let mut server =
                Self { binaries, account, home, port: 0, durable, child: Mutex::new(None), _temporary: temporary };
            server.stop_leftover()?;
            server.initialise()?;
            server.spawn_on_free_port()?;
            Ok(server)
        };
        tokio::task::spawn_blocking(prepare).await.map_err(std::io::Error::other)?
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn data(&self) -> &Path {
        &self.home
    }

    /// Stops the server fast. Does nothing when it is stopped.
    pub(super) async fn stop(&self) -> Result<(), PostgresError> {
        let Some(child) = self.take_child() else { return Ok(()) };
        tokio::task::spawn_blocking(move || stop_child(child)).await.map_err(std::io::Error::other)??;
        Ok(())
    }

    /// Starts the server again, on its port. Does nothing while it runs.
    pub(super) async fn resume(&self) -> Result<(), PostgresError> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = child.as_mut()
            && running.try_wait()?.is_none()
        {
            return Ok(());
        }
        // Blocks for some 50 ms; only fault tests come here, and the lock must be held against a second resume.
        *child = Some(self.spawn(self.port)?);
        Ok(())
    }

    fn take_child(&self) -> Option<Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn data_directory(&self) -> PathBuf {
        self.home.join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.home.join("server.log")
    }

    /// Stops what an earlier process that was killed left running over these files. Usually its guard has done so already.
    fn stop_leftover(&self) -> Result<(), PostgresError> {
        let data = self.data_directory();
        let deadline = Instant::now() + STOP_TIMEOUT;
        let mut asked = false;
        while let Some(pid) = postmaster(&data) {
            if Instant::now() > deadline {
                return Err(PostgresError::NotStarted(format!(
                    "process {} still runs over {} and does not stop",
                    pid.as_raw_nonzero(),
                    data.display()
                )));
            }
            if !asked {
                tracing::info!(pid = pid.as_raw_nonzero().get(), "stopping the PostgreSQL of an earlier run");
                // Gone in the meantime is as good as stopped.
                let _ = kill_process(pid, Signal::INT);
                asked = true;
            }
            std::thread::sleep(POLL_EVERY);
        }
        Ok(())
    }

    /// Creates the files unless they are there; complete or not at all.
    fn initialise(&self) -> Result<(), PostgresError> {
        let data = self.data_directory();
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let partial = self.home.join("data.partial");
        if partial.exists() {
            std::fs::remove_dir_all(&partial)?;
        }
        let mut initdb = account::command(&self.binaries.program("initdb"), self.account);
        initdb.arg("--pgdata").arg(&partial);
        initdb.args(["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
        if !self.durable {
            initdb.arg("--no-sync");
        }
        let output = initdb.output()?;
        if !output.status.success() {
            return Err(PostgresError::InitDb(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        std::fs::rename(&partial, &data)?;
        Ok(())
    }

    fn spawn_on_free_port(&mut self) -> Result<(), PostgresError> {
        let mut attempt = 1;
        loop {
            let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            match self.spawn(port) {
                Ok(child) => {
                    self.port = port;
                    *self.child.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(child);
                    return Ok(());
                }
                Err(PostgresError::NotStarted(log)) if log.contains("could not bind") && attempt < PORT_ATTEMPTS => {
                    attempt += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts the process and waits until it accepts connections.
    fn spawn(&self, port: u16) -> Result<Child, PostgresError> {
        // As the account would see it: it owns the directory, so it can write the file that we open.
        let log = File::create(self.log_file())?;
        let mut command = account::command(Path::new("/bin/sh"), self.account);
        command.args(["-c", GUARDED, "sh"]).arg(self.binaries.program("postgres"));
        command.arg("-D").arg(self.data_directory()).args(["-p", &port.to_string()]);
        let fast_and_loose = if self.durable { &[][..] } else { EPHEMERAL_SETTINGS };
        for setting in SETTINGS.iter().chain(fast_and_loose) {
            command.args(["-c", setting]);
        }
        let child = command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.wait_until_ready(child)
    }

    fn wait_until_ready(&self, mut child: Child) -> Result<Child, PostgresError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if child.try_wait()?.is_some() {
                return Err(PostgresError::NotStarted(self.end_of_log()));
            }
            if is_ready(&self.data_directory(), child.id()) {
                return Ok(child);
            }
            if Instant::now() > deadline {
                let _ = stop_child(child);
                return Err(PostgresError::NotStarted(self.end_of_log()));
            }
            std::thread::sleep(POLL_EVERY);
        }
    }

    fn end_of_log(&self) -> String {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = self.take_child()
            && let Err(error) = stop_child(child)
        {
            tracing::warn!(%error, "PostgreSQL did not stop");
        }
    }
}

/// Where the files of `data_dir` go: there, or to a place that `account` can reach.
fn reachable_base(data_dir: &Path, account: Option<Account>) -> PathBuf {
    match account {
        Some(account) if !account.reaches(&data_dir.join("postgres")) => {
            let hash = hex::encode(Sha256::digest(data_dir.as_os_str().as_encoded_bytes()));
            PathBuf::from("/var/tmp").join(format!("parvis-{}", &hash[..12]))
        }
        _ => data_dir.to_owned(),
    }
}

/// The major version that wrote `data`, as it is written there.
fn data_version(data: &Path) -> Option<String> {
    std::fs::read_to_string(data.join("PG_VERSION")).ok().map(|version| version.trim().to_owned())
}

/// The process that serves `data`, if it is alive.
fn postmaster(data: &Path) -> Option<Pid> {
    let lock = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = Pid::from_raw(lock.lines().next()?.trim().parse().ok()?)?;
    test_kill_process(pid).ok()?;
    // The number may have gone to another program since; where /proc tells, only a command line that names the files counts.
    match std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) {
        Ok(command_line) => String::from_utf8_lossy(&command_line).contains(&*data.to_string_lossy()).then_some(pid),
        Err(_) => Some(pid),
    }
}

/// Whether the process `pid` says in its lock file that it accepts connections.
fn is_ready(data: &Path, pid: u32) -> bool {
    std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|lock| {
        let mut lines = lock.lines();
        lines.next() == Some(&pid.to_string()) && lines.nth(6).is_some_and(|status| status.trim() == "ready")
    })
}

/// Lets the guard stop the server, and insists when that takes too long.
fn stop_child(mut child: Child) -> std::io::Result<()> {
    drop(child.stdin.take());
    let deadline = Instant::now() + STOP_TIMEOUT;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(std::io::Error::other("it had to be killed"));
        }
        std::thread::sleep(POLL_EVERY);
    }
    Ok(())
}
