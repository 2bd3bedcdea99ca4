//! What was before the demo's first day, so that the overview has something to tell: bookings, and what sensors saw of them.
//! Written into the database, since the API takes no bookings for the past.

use anyhow::Context as _;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

/// Fills the last six weeks.
pub(super) async fn fill(database: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(database).await?;
    sqlx::query("SELECT parking_ensure_partitions(ARRAY[now(), now() - interval '1 month', now() - interval '2 months']::date[])")
        .execute(&mut connection)
        .await?;
    sqlx::query(include_str!("past.sql")).execute(&mut connection).await.context("the demo's past was not written")?;
    connection.close().await?;
    Ok(())
}
