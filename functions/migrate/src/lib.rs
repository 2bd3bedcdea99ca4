//! Brings the PostgreSQL schema to the version of the code.
//!
//! The function runs once per deployment, as a custom resource of CloudFormation, or when somebody invokes it with an empty
//! event; the embedded stack does that when it starts. Once a month it drops history that is older than the retention.

mod bootstrap;
mod deployment;
mod retention;
mod schema;

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use parvis_kit::{aws, env, lambda, postgres::Database, telemetry};
use serde_json::Value;

pub use bootstrap::Administrator;
pub use retention::{RetentionReport, drop_old};
pub use schema::{MIGRATOR, MigrateError, SchemaReport, migrate};

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let aws = aws::config().await?;
    let migration = Arc::new(deployment::Migration {
        administrator: bootstrap::Administrator::from_env(),
        database: Database::from_env(&aws, "migrate")?,
        retention: match env::required_parsed("HISTORY_RETENTION_MONTHS")? {
            0 => None,
            months => Some(chrono::Months::new(months)),
        },
        http: reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build()?,
    });
    lambda::run(move |event: LambdaEvent<Value>| {
        let migration = Arc::clone(&migration);
        async move { migration.handle(event.payload).await }
    })
    .await
}
