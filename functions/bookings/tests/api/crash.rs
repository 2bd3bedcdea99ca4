//! Processes that die at work.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// Works on `future` for so many steps and then drops it, as the end of a process would; its outcome if it came to one before.
///
/// A step is a poll: between two of them the future waits for the database or for DynamoDB. So the death comes before a
/// transaction, inside of it, while its commit is on the way, or between the commit and the delivery of its events.
pub async fn dying<F: Future>(mut steps: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        if steps == 0 {
            return Poll::Ready(None);
        }
        steps -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}
