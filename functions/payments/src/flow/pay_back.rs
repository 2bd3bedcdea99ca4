//! Giving back what a wallet holds, to the cards that it came from.

use chrono::TimeDelta;
use parvis_kit::problem::Problem;
use parvis_money::Money;
use parvis_stripe::{Refund as Given, RefundStatus};

use super::refund::is_of;
use crate::error::{ApiError, ApiResult};
use crate::record::{Refund, RefundState, TopUp};
use crate::state::App;
use crate::store::{Funds, StoreError};

/// How often a step is decided again because somebody else has written in between.
const ATTEMPTS: usize = 4;
/// How old a payment may be of which something goes back: below what we keep of it, and what card networks allow.
const OLDEST: TimeDelta = TimeDelta::days(365);

impl App {
    /// Gives back what a wallet holds, of the newest payments into it first; each gives back what it has brought. What the provider cannot
    /// give back now it gives back later. Returns what is given back of it now, in minor units, and may be repeated.
    ///
    /// # Errors
    /// Failures of the table.
    pub async fn pay_back(&self, owner: &str) -> ApiResult<i64> {
        let mut cents = 0;
        for top_up in self.store().top_ups_of(owner, self.now() - OLDEST).await?.into_iter().rev() {
            let Some((amount, owing)) = self.owe_back(owner, top_up).await? else { continue };
            cents += amount.cents;
            let id = owing.id;
            if let Err(error) = self.give_back_of_top_up(&owing).await {
                tracing::warn!(?error, top_up = %id, "money of a wallet goes back later");
            }
        }
        Ok(cents)
    }

    /// Takes what a payment into a wallet can give back off the wallet, and owes it. `None` when that is nothing.
    async fn owe_back(&self, owner: &str, mut top_up: TopUp) -> ApiResult<Option<(Money, TopUp)>> {
        for _ in 0..ATTEMPTS {
            let mut after = top_up.clone();
            let Some(amount) = after.owe_back(self.store().wallet(owner).await?, self.now()) else { return Ok(None) };
            let funds = Funds { owner: owner.to_owned(), change: amount.checked_neg().map_err(Problem::internal)? };
            match self.store().save_top_up(&top_up, &mut after, None, Some(funds)).await {
                Ok(()) => return Ok(Some((amount, after))),
                Err(StoreError::Conflict) => top_up = self.reload_top_up(top_up.id).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Has the provider give back what is owed of a payment into a wallet, or sees how that stands. `None` when nothing has changed.
    pub(super) async fn give_back_of_top_up(&self, top_up: &TopUp) -> ApiResult<Option<TopUp>> {
        let now = self.now();
        let Some(intent) = &top_up.intent else { return Ok(None) };
        let waits = |refund: &&Refund| refund.not_before.is_some_and(|at| at > now);
        let owed = top_up.refunds.iter().filter(|refund| refund.is_owed());
        let mut failure = None;
        for refund in owed.filter(|refund| !waits(refund)) {
            let step = if top_up.is_hopeless(refund) {
                self.give_up_on(top_up, refund, intent).await
            } else {
                self.try_to_give(top_up, refund, intent).await
            };
            match step {
                Ok(None) => {}
                // One that cannot be given now keeps no other.
                Err(error) if !matches!(error, ApiError::Store(_)) => failure = failure.or(Some(error)),
                step => return step,
            }
        }
        failure.map_or(Ok(None), Err)
    }

    async fn try_to_give(&self, top_up: &TopUp, refund: &Refund, intent: &str) -> ApiResult<Option<TopUp>> {
        let status = self.repay_once(top_up.id, refund, intent).await?.unwrap_or_else(|error| {
            tracing::error!(%error, top_up = %top_up.id, refund = %refund.id, "the provider refuses to give money back");
            RefundStatus::Failed
        });
        let (mut after, now) = (top_up.clone(), self.now());
        if !after.repaid(refund.id, status, now) {
            return Ok(None);
        }
        let movement = after.book_refund(refund.id, now);
        self.store().save_top_up(top_up, &mut after, movement, None).await?;
        Ok(Some(after))
    }

    /// Puts what no bank takes back into the wallet again, so that its owner has it. Not as long as the provider gives, or has given,
    /// more of the payment than is known here: it could be had twice. `None` when nothing has changed.
    async fn give_up_on(&self, top_up: &TopUp, refund: &Refund, intent: &str) -> ApiResult<Option<TopUp>> {
        let found = self.provider().given_back(intent).await?;
        if let Some(after) = self.follow_top_up(top_up, &found).await? {
            return Ok(Some(after));
        }
        let given: i64 = found.iter().filter(|given| given.status.moves_money()).map(|given| given.amount).sum();
        let Some(owner) = top_up.owner.clone().filter(|_| given <= top_up.given()) else {
            tracing::error!(top_up = %top_up.id, refund = %refund.id, "the provider has given back what is not known here");
            return Ok(None);
        };
        let mut after = top_up.clone();
        let movement = after.give_up(refund.id, self.now());
        let funds = Funds { owner, change: refund.amount };
        self.store().save_top_up(top_up, &mut after, movement, Some(funds)).await?;
        tracing::error!(top_up = %top_up.id, refund = %refund.id, tried = refund.failed, "money is in the wallet again: it cannot be given back");
        Ok(Some(after))
    }

    /// Something was told about a payment into a wallet: looks at it, and, if it was about money that goes back, at that.
    ///
    /// # Errors
    /// When the provider or the table is away.
    pub async fn told_of_top_up(&self, mut top_up: TopUp, of_refund: bool) -> ApiResult<TopUp> {
        if of_refund && let Some(intent) = &top_up.intent {
            let found = self.provider().given_back(intent).await?;
            if let Some(after) = self.follow_top_up(&top_up, &found).await? {
                top_up = after;
            }
        }
        self.bring_top_up_forward(top_up, super::Patience::Wait).await
    }

    /// Owes again what the provider says was sent back. `None` when everything that was given is still given.
    ///
    /// # Errors
    /// When the table is away.
    pub(crate) async fn follow_top_up(&self, top_up: &TopUp, found: &[Given]) -> ApiResult<Option<TopUp>> {
        let mut after = top_up.clone();
        for refund in top_up.refunds.iter().filter(|refund| refund.state == RefundState::Done) {
            if let Some(lost) = found.iter().find(|given| is_of(given, refund) && !given.status.moves_money()) {
                after.repaid(refund.id, lost.status, self.now());
                tracing::error!(top_up = %top_up.id, refund = %refund.id, "a refund has failed at the provider");
            }
        }
        if after == *top_up {
            return Ok(None);
        }
        self.store().save_top_up(top_up, &mut after, None, None).await?;
        Ok(Some(after))
    }
}
