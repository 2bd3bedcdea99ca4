//! What work that is dropped leaves to the next one, in a real database.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use parvis_kit::postgres::{Database, begin};
use sqlx::PgPool;

/// Works on `future` for so many polls and drops it then; whether it was over before.
async fn dropped_after<F: Future>(mut polls: u32, future: F) -> bool {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        if polls == 0 {
            return Poll::Ready(false);
        }
        polls -= 1;
        future.as_mut().poll(context).map(|_| true)
    })
    .await
}

async fn unfinished(pool: &PgPool) {
    let mut transaction = begin(pool).await.unwrap();
    sqlx::query("INSERT INTO note VALUES ('unfinished')").execute(&mut *transaction).await.unwrap();
}

#[tokio::test]
async fn what_is_written_after_a_transaction_was_dropped_at_any_point_stays() {
    let options = parvis_test_postgres::options().await;
    let other = Database::with_options(options.clone(), "other");
    let other = other.pool().await.unwrap();
    sqlx::query("CREATE TABLE note (text text)").execute(other).await.unwrap();
    // A few times each, as the server may be quicker or slower than the drop.
    for polls in (1..8).cycle().take(70) {
        let database = Database::with_options(options.clone(), "test");
        let pool = database.pool().await.unwrap();
        // Connected before, so that the polls are those of the transaction; both of its connections are there.
        drop((pool.acquire().await.unwrap(), pool.acquire().await.unwrap()));
        dropped_after(polls, unfinished(pool)).await;
        // More often than there are connections.
        for _ in 0..3 {
            sqlx::query("INSERT INTO note VALUES ('kept')").execute(pool).await.unwrap();
        }
        let kept: Vec<String> = sqlx::query_scalar("SELECT text FROM note").fetch_all(other).await.unwrap();
        assert_eq!(kept, ["kept", "kept", "kept"], "dropped after {polls} polls");
        sqlx::query("DELETE FROM note").execute(other).await.unwrap();
        pool.close().await;
    }
}
