//! Giving money back, and seeing that it stays given.

use parvis_stripe::{Refund as Given, RefundStatus, StripeError};
use uuid::Uuid;

use super::settle::known;
use crate::error::ApiResult;
use crate::provider::{REFERENCE, Repayment};
use crate::record::{ABANDONED, Outcome, Refund, RefundState, SessionRecord, Source};
use crate::state::App;
use crate::store::Funds;

impl App {
    /// Gives money back that is owed, or sees how that stands. `None` when nothing has changed.
    pub(super) async fn give_back(&self, record: &SessionRecord, id: Uuid) -> ApiResult<Option<SessionRecord>> {
        let refund = record.refund(id)?;
        if refund.not_before.is_some_and(|at| at > self.now()) {
            return Ok(None);
        }
        let charge = known(record, refund.charge)?;
        let mut funds = None;
        let status = match (&charge.source, &charge.intent) {
            (Source::Card { .. }, Some(intent)) => self.repay_once(record.session.id, refund, intent).await??,
            (Source::Wallet { .. }, _) => {
                let owner = record.owner.clone().unwrap_or_default();
                funds = Some(Funds { owner, change: refund.amount });
                RefundStatus::Succeeded
            }
            // An invoice is not paid yet: the books take it off.
            (Source::Invoice { .. }, _) | (Source::Card { .. }, None) => RefundStatus::Succeeded,
        };
        let mut after = record.clone();
        let Outcome::Changed(movement) = after.repaid(id, status, self.now())? else { return Ok(None) };
        tell_failure(&after, id, status);
        self.save(record, &mut after, movement.map(|movement| *movement), funds).await?;
        Ok(Some(after))
    }

    /// Has the provider give money back, unless it has; how that stands. Its memory of keys ends after a day; its list of refunds
    /// does not. When it refuses, which is the inner error, nothing was made under the attempt's key.
    pub(super) async fn repay_once(
        &self,
        session: Uuid,
        refund: &Refund,
        intent: &str,
    ) -> ApiResult<Result<RefundStatus, StripeError>> {
        if refund.state == RefundState::Sent || refund.created_at < self.now() - ABANDONED {
            let given = self.provider().given_back(intent).await?;
            if let Some(given) = given.iter().find(|given| is_of(given, refund)) {
                return Ok(Ok(given.status));
            }
        }
        let order = Repayment { session, key: refund.key(), intent, amount: refund.amount };
        match self.provider().give_back(&order).await {
            Err(error) if error.is_transient() => Err(error.into()),
            answer => Ok(answer.map(|given| given.status)),
        }
    }

    /// Looks at what has become of refunds that were given: the payer's bank may send one back, days later.
    ///
    /// # Errors
    /// When the provider or the table is away.
    pub async fn look_at_refunds(&self, mut record: SessionRecord) -> ApiResult<SessionRecord> {
        let given = |charge: Uuid| {
            record.refunds.iter().any(|refund| refund.charge == charge && refund.state == RefundState::Done)
        };
        let charges = record.charges.iter().filter(|charge| given(charge.id));
        let intents: Vec<String> = charges.filter_map(|charge| charge.intent.clone()).collect();
        for intent in intents {
            let found = self.provider().given_back(&intent).await?;
            if let Some(after) = self.follow_refunds(&record, &found).await? {
                record = after;
            }
        }
        Ok(record)
    }

    /// Owes again what the provider says was sent back. `None` when everything that was given is still given.
    ///
    /// # Errors
    /// When the table is away.
    pub(crate) async fn follow_refunds(
        &self,
        record: &SessionRecord,
        found: &[Given],
    ) -> ApiResult<Option<SessionRecord>> {
        let mut after = record.clone();
        for refund in record.refunds.iter().filter(|refund| refund.state == RefundState::Done) {
            let lost = found.iter().find(|given| is_of(given, refund) && !given.status.moves_money());
            if let Some(lost) = lost {
                after.repaid(refund.id, lost.status, self.now())?;
                tell_failure(&after, refund.id, lost.status);
            }
        }
        if after == *record {
            return Ok(None);
        }
        self.write(record, &mut after, None).await?;
        Ok(Some(after))
    }
}

pub(super) fn is_of(given: &Given, refund: &Refund) -> bool {
    given.metadata.get(REFERENCE).is_some_and(|reference| *reference == refund.key().to_string())
}

fn tell_failure(after: &SessionRecord, id: Uuid, status: RefundStatus) {
    if !status.moves_money() {
        let tried = after.refund(id).map_or(0, |refund| refund.failed);
        tracing::error!(session = %after.session.id, refund = %id, tried, "a refund has failed at the provider");
    }
}
