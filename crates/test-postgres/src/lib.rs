//! For tests: a private PostgreSQL server per test binary, with one migrated database per test.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parvis_kit::postgres::Database;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgPool};
use tokio::sync::OnceCell;

/// initdb and postgres refuse to run as root; Debian's packages make this user.
const UNPRIVILEGED: &str = "postgres";
/// Starts the server and ends it, with its directory, when the test process is gone: its end of the pipe is closed
/// then, however it ended.
const GUARD: &str = r#"
"$1/initdb" -D "$2/data" -A trust -U postgres -E UTF8 --no-sync >"$2/initdb.log" 2>&1 || exit 1
"$1/postgres" -D "$2/data" -p "$3" -k "$2" \
    -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 >"$2/log" 2>&1 &
server=$!
read -r _
kill -INT $server; wait $server
rm -rf "$2"
"#;

static SERVER: OnceCell<Server> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

struct Server {
    options: PgConnectOptions,
    /// Holds the pipe on which the guard waits.
    _guard: Child,
}

/// A database of its own with the project's migrations.
pub async fn database() -> Database {
    Database::with_options(options().await, "test")
}

/// The login at a database of its own with the project's migrations, for tests that want pools of their own.
pub async fn options() -> PgConnectOptions {
    let server = SERVER.get_or_init(Server::start).await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = pool(&server.options).await;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE migrated")))
        .execute(&admin)
        .await
        .unwrap();
    server.options.clone().database(&name)
}

async fn pool(options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap()
}

impl Server {
    async fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = std::env::temp_dir().join(format!("parvis-test-pg-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(binaries()).arg(&directory).arg(port.to_string());
        command.current_dir(&directory).stdin(Stdio::piped()).stdout(Stdio::null());
        if let Some((user, group)) = unprivileged() {
            chown(&directory, Some(user), Some(group)).unwrap();
            command.uid(user).gid(group);
        }
        let guard = command.spawn().unwrap();
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(port)
            .username("postgres")
            .database("postgres");
        wait_for(&options, &directory).await;
        let admin = pool(&options).await;
        sqlx::query("CREATE DATABASE migrated").execute(&admin).await.unwrap();
        let migrated = pool(&options.clone().database("migrated")).await;
        parvis_migrate::migrate(&migrated).await.unwrap();
        migrated.close().await;
        Self { options, _guard: guard }
    }
}

async fn wait_for(options: &PgConnectOptions, directory: &Path) {
    for _ in 0..300 {
        if options.connect().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
    panic!("PostgreSQL has not started in 15 s: {log}");
}

/// The newest installed server's programs.
fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    found.sort();
    found.pop().expect("these tests need PostgreSQL's server programs under /usr/lib/postgresql")
}

/// The user and group to run as when this process is root.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |flag: &str, user: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, user]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let own = Command::new("id").arg("-u").output().ok()?;
    (own.stdout == b"0\n").then(|| Some((id("-u", UNPRIVILEGED)?, id("-g", UNPRIVILEGED)?))).flatten()
}
