//! What is to be done next, and when.

use chrono::{DateTime, Utc};
use parvis_rights::SessionState;
use uuid::Uuid;

use super::{ABANDONED, ChargeState, PATIENCE, SessionRecord};

/// What is to be done next with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A charge was decided and perhaps not told to the provider.
    Open(Uuid),
    /// A charge is at the provider; see what has become of it.
    Look(Uuid),
    /// A refund is owed, or under way.
    Refund(Uuid),
    /// Its time runs.
    End,
}

impl SessionRecord {
    /// Everything that is to be done, each with the time from when on somebody else than the present process should see to it, the
    /// most urgent first; empty when the session is over and everything is paid, given back or failed. None waits for another: a
    /// refund may be under way for days.
    #[must_use]
    pub fn todo(&self) -> Vec<(Next, DateTime<Utc>)> {
        let refunds = self.refunds.iter().filter_map(|refund| Some((Next::Refund(refund.id), refund.due()?)));
        let other = match self.open_charge() {
            Some(charge) if charge.state == ChargeState::Created => {
                Some((Next::Open(charge.id), charge.created_at + ABANDONED))
            }
            // Until it is known, a session does not end: the charge may make it longer.
            Some(charge) => Some((Next::Look(charge.id), charge.created_at + PATIENCE)),
            None => (self.session.state == SessionState::Active).then(|| (Next::End, self.end())),
        };
        let mut todo: Vec<_> = refunds.chain(other).collect();
        todo.sort_by_key(|(_, due)| *due);
        todo
    }

    /// When somebody else should look at it.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let (_, due) = self.todo().into_iter().next()?;
        Some(self.delay.map_or(due, |delay| delay.until.max(due)))
    }
}
