//! What functions used, counted as the bill would count it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What the invocations of one function have used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Invocations that reached the function, failed ones too.
    pub invocations: u64,
    /// Their time, each rounded up to the next millisecond. On this machine and its load: a function of little memory has
    /// a fraction of a processor on Lambda.
    pub billed: Duration,
}

/// The running count of one function.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Usage>);

impl Meter {
    pub(super) fn invoked(&self, took: Duration) {
        let mut usage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        usage.invocations += 1;
        usage.billed += Duration::from_millis(u64::try_from(took.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX));
    }

    pub(super) fn snapshot(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invocation_is_billed_by_the_started_millisecond() {
        let meter = Meter::default();
        meter.invoked(Duration::from_micros(200));
        meter.invoked(Duration::from_micros(1_001));
        assert_eq!(meter.snapshot(), Usage { invocations: 2, billed: Duration::from_millis(3) });
    }
}
