//! A tokio runtime for one part of the stack, with an end that an async caller can bring about.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of its own for a part whose work blocks, or whose tasks end only with their runtime.
#[derive(Debug)]
pub(crate) struct OwnRuntime(Mutex<Option<Runtime>>);

impl OwnRuntime {
    /// Starts `threads` threads (one per processor when none), named `name`.
    pub(crate) fn start(name: &str, threads: Option<usize>) -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        if let Some(threads) = threads {
            builder.worker_threads(threads);
        }
        Ok(Self(Mutex::new(Some(builder.thread_name(name).enable_all().build()?))))
    }

    /// Where to spawn; `None` after the end.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Ends it: waits at most `patience` for blocking work, and drops every task. Idempotent.
    pub(crate) async fn shutdown(&self, patience: Duration) {
        let runtime = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            // Waiting for a runtime blocks, which an async caller must not do. A panic in there has been reported where it was.
            let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(patience)).await;
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // A plain drop would wait, and panics in an async caller.
        if let Some(runtime) = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_may_be_dropped_and_ended_from_async_code() {
        drop(OwnRuntime::start("dropped", Some(1)).unwrap());

        let runtime = OwnRuntime::start("ended", Some(1)).unwrap();
        let forever = runtime.handle().unwrap().spawn(std::future::pending::<()>());
        runtime.shutdown(Duration::from_secs(1)).await;
        assert!(forever.await.unwrap_err().is_cancelled());
        assert!(runtime.handle().is_none());
        runtime.shutdown(Duration::from_secs(1)).await;
    }
}
