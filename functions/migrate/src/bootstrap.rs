//! The first steps on a new server: the role under which the functions log in.
//!
//! The functions log in with IAM tokens as a role of their own, which no template can create. When the administrator's login is
//! given (`ADMIN_USER`, `ADMIN_PASSWORD`), the role is made, or brought in order, before the migrations run under it. Without them, as
//! on the embedded stack, the role is taken to be there.

use parvis_kit::{
    env,
    postgres::{self, DatabaseError},
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

/// Makes the role named by the setting `parvis.role`, with what it needs and not more.
const ENSURE_ROLE: &str = r"
DO $$
DECLARE role text := current_setting('parvis.role');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        EXECUTE format('CREATE ROLE %I LOGIN', role);
    END IF;
    -- On RDS this allows, and demands, the login by IAM token.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        EXECUTE format('GRANT rds_iam TO %I', role);
    END IF;
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO %I', current_database(), role);
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA public TO %I', role);
END
$$";

/// The login of the server's administrator. Without `Debug`, which would show the password.
#[derive(Clone)]
pub struct Administrator(PgConnectOptions);

impl Administrator {
    /// The administrator with this login.
    #[must_use]
    pub fn new(login: PgConnectOptions) -> Self {
        Self(login)
    }

    /// The administrator that the environment names, if it does; at the same server and database as the functions.
    pub(crate) fn from_env() -> Option<Self> {
        let (user, password) = (env::optional("ADMIN_USER")?, env::optional("ADMIN_PASSWORD")?);
        Some(Self(postgres::login().username(&user).password(&password)))
    }

    /// Makes `role`, or gives it what it lacks.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub async fn ensure_role(&self, role: &str) -> Result<(), DatabaseError> {
        let mut connection = PgConnection::connect_with(&self.0).await?;
        sqlx::query("SELECT set_config('parvis.role', $1, false)").bind(role).execute(&mut connection).await?;
        sqlx::raw_sql(ENSURE_ROLE).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}
