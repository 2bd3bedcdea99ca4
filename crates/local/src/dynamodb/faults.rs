//! Failures on request: the part of DynamoDB that only shows under load.

use std::sync::{Mutex, PoisonError};

/// Which part of the coming write requests fails, each between 0 (none) and 1 (all).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WriteFaults {
    /// Refused with `ProvisionedThroughputExceededException`; the SDK retries these by itself, up to its limit.
    pub throttled: f64,
    /// Refused with `TransactionConflictException`, or `TransactionCanceledException` with that reason for a transaction.
    pub conflicting: f64,
}

/// A fault that a write has to suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Throttled,
    Conflict,
}

/// Decides which write suffers which fault: evenly spread, so that the same requests always meet the same number of faults.
#[derive(Debug, Default)]
pub(super) struct FaultInjector(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    faults: WriteFaults,
    /// How much of a fault has come due; at 1 the next write suffers it.
    due: WriteFaults,
}

impl FaultInjector {
    pub(super) fn set(&self, faults: WriteFaults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State { faults, due: WriteFaults::default() };
    }

    /// The fault of the next write, if any.
    pub(super) fn next(&self) -> Option<Fault> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.due.throttled += state.faults.throttled;
        state.due.conflicting += state.faults.conflicting;
        if state.due.throttled >= 1.0 {
            state.due.throttled -= 1.0;
            return Some(Fault::Throttled);
        }
        if state.due.conflicting >= 1.0 {
            state.due.conflicting -= 1.0;
            return Some(Fault::Conflict);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_fault_unless_asked_for() {
        let injector = FaultInjector::default();
        assert!((0..1000).all(|_| injector.next().is_none()));
    }

    #[test]
    fn the_fraction_asked_for_fails() {
        let injector = FaultInjector::default();
        injector.set(WriteFaults { throttled: 0.25, conflicting: 0.125 });
        let suffered: Vec<_> = (0..801).filter_map(|_| injector.next()).collect();
        assert_eq!(suffered.iter().filter(|fault| **fault == Fault::Throttled).count(), 200);
        assert_eq!(suffered.iter().filter(|fault| **fault == Fault::Conflict).count(), 100);
    }
}
