//! Waiting for what happens soon, without sleeping for luck.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

/// Patience for effects that take well under a second on a quiet machine; tests run in parallel on two cores.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(25);

/// Repeats `probe` until it gives a value; panics with its last reason when patience ends.
///
/// # Panics
/// When the condition does not come true.
pub async fn eventually<T, E: Display, F: Future<Output = Result<T, E>>>(probe: impl FnMut() -> F) -> T {
    eventually_within(PATIENCE, probe).await
}

/// As [`eventually`], with a patience of one's own.
///
/// # Panics
/// When the condition does not come true.
pub async fn eventually_within<T, E: Display, F: Future<Output = Result<T, E>>>(
    patience: Duration,
    mut probe: impl FnMut() -> F,
) -> T {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(reason) if tokio::time::Instant::now() > deadline => {
                panic!("not within {patience:?}: {reason}")
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
