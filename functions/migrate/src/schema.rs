//! The migrations themselves.

use parvis_kit::postgres::DatabaseError;
use serde::Serialize;
use sqlx::{
    PgPool,
    migrate::{MigrateError as SqlxMigrateError, Migrator},
};

/// The migrations of `infra/migrations`, built in.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../infra/migrations");

/// What a run has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SchemaReport {
    /// Version of the schema now: the number of its newest migration.
    pub version: i64,
    /// Migrations applied by this run.
    pub applied: u64,
}

/// The schema could not be brought to the version of the code.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A migration failed, or one that has run was changed later.
    #[error("the schema could not be migrated")]
    Migration(#[from] SqlxMigrateError),
}

/// Applies the migrations that are missing. Runs side by side wait for each other.
///
/// # Errors
/// When the database is away or a migration fails; the failed one leaves no trace.
pub async fn migrate(pool: &PgPool) -> Result<SchemaReport, MigrateError> {
    let mut connection = pool.acquire().await.map_err(DatabaseError::from)?;
    // Building an index may take longer than any statement of an invocation may.
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await.map_err(DatabaseError::from)?;
    let before = count(&mut connection).await?;
    let migrated = MIGRATOR.run(&mut *connection).await;
    sqlx::query("RESET statement_timeout").execute(&mut *connection).await.map_err(DatabaseError::from)?;
    migrated?;
    let after = count(&mut connection).await?;
    let version = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    Ok(SchemaReport { version, applied: u64::try_from(after - before).unwrap_or(0) })
}

/// How many migrations have been applied.
async fn count(connection: &mut sqlx::PgConnection) -> Result<i64, DatabaseError> {
    let known: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *connection).await?;
    if !known {
        return Ok(0);
    }
    Ok(sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success").fetch_one(connection).await?)
}
