//! What the rooms' sensors saw of the demo's past, so that the overview can set it against what was booked. Written into the
//! database: sensors tell nothing of weeks ago, and `ingest` would refuse it.

use anyhow::Context as _;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

/// Fills what was seen of bookings that were fulfilled.
pub(super) async fn fill(database: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(database).await?;
    let months = "SELECT parking_ensure_partitions(array_agg((now() - make_interval(months => n))::date)) FROM generate_series(0, 3) AS n";
    sqlx::query(months).execute(&mut connection).await?;
    let seen = sqlx::query(include_str!("sensed.sql")).execute(&mut connection).await;
    seen.context("what sensors saw of the demo's past was not written")?;
    connection.close().await?;
    Ok(())
}
