//! The schema: migrations, partitions, and the role of the functions.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

#[path = "support/mod.rs"]
mod support;

use chrono::{DateTime, Months, NaiveDate, Utc};
use support::Server;

#[tokio::test]
async fn migrating_again_applies_nothing() {
    let server = Server::start().await;
    let database = server.database();
    let again = parvis_migrate::migrate(database.pool().await.unwrap()).await.unwrap();
    assert_eq!(again.applied, 0);
    assert_eq!(Some(again.version), parvis_migrate::MIGRATOR.iter().map(|migration| migration.version).max());
}

#[tokio::test]
async fn partitions_are_made_once_even_when_several_sandboxes_want_them() {
    let server = Server::start().await;
    let months = vec![NaiveDate::from_ymd_opt(2026, 1, 17).unwrap(), NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()];
    let wanting = (0..4).map(|_| {
        let (database, months) = (server.database(), months.clone());
        tokio::spawn(async move {
            let pool = database.pool().await.unwrap();
            sqlx::query("SELECT parking_ensure_partitions($1)").bind(months).execute(pool).await.unwrap();
        })
    });
    for sandbox in wanting {
        sandbox.await.unwrap();
    }
    let database = server.database();
    let partitions: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
         WHERE inhparent = 'parking_transition'::regclass ORDER BY 1",
    )
    .fetch_all(database.pool().await.unwrap())
    .await
    .unwrap();
    assert_eq!(
        partitions,
        [
            "parking_transition_202601 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00')",
            "parking_transition_202612 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')",
        ]
    );
}

#[tokio::test]
async fn the_role_of_the_functions_is_made_and_may_migrate() {
    let server = Server::start().await;
    let database = server.database();
    let pool = database.pool().await.unwrap();
    for statement in ["CREATE ROLE rds_iam", "CREATE DATABASE fresh"] {
        sqlx::raw_sql(statement).execute(pool).await.unwrap();
    }
    let administrator = parvis_migrate::Administrator::new(server.options().database("fresh"));
    for _ in 0..2 {
        administrator.ensure_role("parvis_app").await.unwrap();
    }
    let app =
        parvis_kit::postgres::Database::with_options(server.options().database("fresh").username("parvis_app"), "test");
    let report = parvis_migrate::migrate(app.pool().await.unwrap()).await.unwrap();
    assert!(report.applied > 0);
    let logs_in_by_token: bool = sqlx::query_scalar("SELECT pg_has_role('parvis_app', 'rds_iam', 'member')")
        .fetch_one(app.pool().await.unwrap())
        .await
        .unwrap();
    assert!(logs_in_by_token);
}

#[tokio::test(flavor = "multi_thread")]
async fn months_beyond_the_retention_are_dropped() {
    let server = Server::start().await;
    let database = server.database();
    let pool = database.pool().await.unwrap();
    let times = ["2024-02-29T23:59:59Z", "2024-03-01T00:00:00Z", "2026-02-10T12:00:00Z"];
    let months = times.map(|time| time[..10].parse::<NaiveDate>().unwrap());
    sqlx::query("SELECT parking_ensure_partitions($1)").bind(months.to_vec()).execute(pool).await.unwrap();
    for time in times.map(|time| time.parse::<DateTime<Utc>>().unwrap()) {
        sqlx::query("INSERT INTO parking_transition VALUES ('p', 'z', 1, $1, 'park_start', NULL, 1)")
            .bind(time)
            .execute(pool)
            .await
            .unwrap();
    }
    let now: DateTime<Utc> = "2026-03-31T23:00:00Z".parse().unwrap();
    let report = parvis_migrate::drop_old(pool, Months::new(24), now).await.unwrap();
    assert_eq!(report.dropped, ["parking_reading_202402", "parking_retraction_202402", "parking_transition_202402"]);
    let left: Vec<DateTime<Utc>> =
        sqlx::query_scalar("SELECT at FROM parking_transition ORDER BY at").fetch_all(pool).await.unwrap();
    assert_eq!(left, times[1..].iter().map(|time| time.parse::<DateTime<Utc>>().unwrap()).collect::<Vec<_>>());
    let again = parvis_migrate::drop_old(pool, Months::new(24), now).await.unwrap();
    assert!(again.dropped.is_empty());
}
