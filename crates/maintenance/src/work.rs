//! Work orders, their closing, and what feedback says of a kind of finding.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// An order to look after something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What was found.
    pub finding: Finding,
    /// Where it stands.
    pub state: State,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Found, and nobody has decided.
    Proposed,
    /// Somebody will look.
    Planned {
        /// When.
        on: DateTime<Utc>,
    },
    /// Somebody looked.
    Closed {
        /// What came of it.
        verdict: Verdict,
    },
    /// Nobody will look.
    Dismissed,
}

/// What who looked has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was wrong, or about to fail, and is mended or replaced.
    Confirmed,
    /// Something else was wrong.
    Other,
    /// Nothing was wrong.
    NothingWrong,
}

/// What is done to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Plan it, or plan it anew.
    Plan(DateTime<Utc>),
    /// Somebody has looked.
    Close(Verdict),
    /// Nobody will.
    Dismiss,
    /// Take a closed or dismissed order up again.
    Reopen,
}

/// A step that the order's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is over.
    #[error("the order is closed or dismissed; reopen it first")]
    Over,
    /// It is not over.
    #[error("the order is open")]
    Open,
}

impl Order {
    /// A new order of a finding.
    #[must_use]
    pub fn propose(finding: Finding, now: DateTime<Utc>) -> Self {
        Self { finding, state: State::Proposed, changed_at: now }
    }

    /// Whether somebody is still to look.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Proposed | State::Planned { .. })
    }

    /// Does a step.
    ///
    /// # Errors
    /// When the state does not allow it; nothing is changed then.
    pub fn apply(&mut self, step: Step, now: DateTime<Utc>) -> Result<(), Refused> {
        self.state = match (step, self.is_open()) {
            (Step::Reopen, false) => State::Proposed,
            (Step::Reopen, true) => return Err(Refused::Open),
            (_, false) => return Err(Refused::Over),
            (Step::Plan(on), true) => State::Planned { on },
            (Step::Close(verdict), true) => State::Closed { verdict },
            (Step::Dismiss, true) => State::Dismissed,
        };
        self.changed_at = now;
        Ok(())
    }

    /// The same finding again: an open order takes over what is known now, one that is over stays as it is.
    ///
    /// Returns whether it was taken over.
    pub fn found_again(&mut self, finding: &Finding, now: DateTime<Utc>) -> bool {
        let news = self.is_open() && self.finding.kind == finding.kind && self.finding != *finding;
        if news {
            self.finding = finding.clone();
            self.changed_at = now;
        }
        news
    }
}

/// How often findings of a kind were right, by the orders that were closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reliability {
    /// Findings that were confirmed.
    pub confirmed: u32,
    /// Findings that somebody looked at.
    pub looked_at: u32,
}

/// What is believed before anybody has looked: that four of five are right, worth ten orders.
const BELIEVED: (f64, f64) = (8.0, 2.0);

impl Reliability {
    /// Learns from a closed order; others teach nothing.
    pub fn learn(&mut self, order: &Order) {
        if let State::Closed { verdict } = order.state {
            self.looked_at += 1;
            self.confirmed += u32::from(verdict == Verdict::Confirmed);
        }
    }

    /// The share of findings that are right, 0 to 1: the mean of a Beta law.
    #[must_use]
    pub fn share(&self) -> f64 {
        let (right, wrong) = BELIEVED;
        (f64::from(self.confirmed) + right) / (f64::from(self.looked_at) + right + wrong)
    }

    /// A finding's probability in the light of what became of others: its odds times those of the kind, over the odds that were
    /// believed at first.
    #[must_use]
    pub fn judge(&self, probability: f64) -> f64 {
        let odds = |share: f64| share / (1.0 - share).max(1e-9);
        let first = BELIEVED.0 / (BELIEVED.0 + BELIEVED.1);
        let judged = odds(probability.clamp(0.0, 1.0 - 1e-9)) * odds(self.share()) / odds(first);
        judged / (1.0 + judged)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::{Evidence, Kind};

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn order() -> Order {
        let evidence = Evidence::Rate { changes: 900, expected: 40.0, neighbours: 6 };
        Order::propose(Finding { kind: Kind::Flapping, probability: 0.95, evidence, by: now() }, now())
    }

    #[test]
    fn an_order_lives_from_proposal_to_closing() {
        let mut order = order();
        order.apply(Step::Plan(now()), now()).unwrap();
        order.apply(Step::Close(Verdict::Confirmed), now()).unwrap();
        assert_eq!(order.apply(Step::Dismiss, now()), Err(Refused::Over));
        assert!(!order.found_again(&Finding { probability: 0.99, ..order.finding.clone() }, now()));
        order.apply(Step::Reopen, now()).unwrap();
        assert_eq!(order.apply(Step::Reopen, now()), Err(Refused::Open));
        assert!(order.found_again(&Finding { probability: 0.99, ..order.finding.clone() }, now()));
        assert!(!order.found_again(&order.finding.clone(), now()), "nothing new");
    }

    #[test]
    fn feedback_moves_the_probability() {
        let mut closed = order();
        closed.apply(Step::Close(Verdict::NothingWrong), now()).unwrap();
        let mut reliability = Reliability::default();
        assert!((reliability.judge(0.9) - 0.9).abs() < 1e-9, "nothing is known yet");
        reliability.learn(&order());
        assert_eq!(reliability.looked_at, 0, "an open order teaches nothing");
        (0..20).for_each(|_| reliability.learn(&closed));
        assert!(reliability.judge(0.9) < 0.6, "{}", reliability.judge(0.9));
    }

    proptest! {
        #[test]
        fn probabilities_stay_probabilities(confirmed in 0_u32..100, more in 0_u32..100, probability in 0.0_f64..=1.0) {
            let reliability = Reliability { confirmed, looked_at: confirmed + more };
            prop_assert!((0.0..=1.0).contains(&reliability.judge(probability)));
            prop_assert!((0.0..=1.0).contains(&reliability.share()));
        }
    }
}
