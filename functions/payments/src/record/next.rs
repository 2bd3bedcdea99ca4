//! What is to be done next, and when.

use chrono::{DateTime, Utc};
use parvis_rights::SessionState;
use uuid::Uuid;

use super::{ABANDONED, ChargeState, PATIENCE, RefundState, SessionRecord};

/// What is to be done next with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A charge was decided and perhaps not told to the provider.
    Open(Uuid),
    /// A charge is at the provider; see what has become of it.
    Look(Uuid),
    /// A refund is owed.
    Refund(Uuid),
    /// Its time runs.
    End,
}

impl SessionRecord {
    /// What is to be done next, and from when on somebody else than the present process should see to it; `None` when the
    /// session is over and everything is paid, given back or failed.
    #[must_use]
    pub fn next(&self) -> Option<(Next, DateTime<Utc>)> {
        if let Some(refund) = self.refunds.iter().find(|refund| refund.state == RefundState::Due) {
            return Some((Next::Refund(refund.id), refund.created_at + ABANDONED));
        }
        if let Some(charge) = self.open_charge() {
            return Some(match charge.state {
                ChargeState::Created => (Next::Open(charge.id), charge.created_at + ABANDONED),
                _ => (Next::Look(charge.id), charge.created_at + PATIENCE),
            });
        }
        (self.session.state == SessionState::Active).then(|| (Next::End, self.end()))
    }

    /// When somebody else should look at it.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.next().map(|(_, due)| due)
    }
}
