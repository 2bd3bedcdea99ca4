//! Bringing a session forward: what is open is looked at, what is owed is given back, what is over ends.

use parvis_kit::problem::Problem;
use parvis_ledger_rules::ParkingMovement;
use parvis_rights::SessionState;
use parvis_stripe::{Intent, IntentStatus, RefundStatus, StripeError};
use uuid::Uuid;

use crate::error::{ApiError, ApiResult};
use crate::provider::{Payment, REFERENCE, Repayment, waits};
use crate::record::{Charge, Next, Outcome, SessionRecord, Source};
use crate::state::App;
use crate::store::{Funds, Moved, StoreError};

/// How often a step is decided again because somebody else has written in between.
const ATTEMPTS: usize = 5;

/// Whether payments that still wait for their payer are given more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// They are.
    Wait,
    /// Only until their time is over.
    UntilDue,
    /// They are given up now.
    GiveUp,
}

impl App {
    /// Does everything that can be done with a session now, and returns it as it is then.
    ///
    /// # Errors
    /// When the provider or the table is away; the next one goes on from there.
    pub async fn bring_forward(&self, mut record: SessionRecord, mut patience: Patience) -> ApiResult<SessionRecord> {
        for _ in 0..ATTEMPTS {
            let Some((next, due)) = record.next() else { return Ok(record) };
            let over = patience == Patience::GiveUp || (patience == Patience::UntilDue && due <= self.now());
            // Whoever decided on this charge has died before telling the provider: nobody is there to pay it.
            if over && matches!(next, Next::Open(_)) {
                patience = Patience::GiveUp;
            }
            record = match self.step(&record, next, over).await {
                Ok(Some(changed)) => changed,
                Ok(None) => return Ok(record),
                Err(ApiError::Store(StoreError::Conflict)) => self.reload(record.session.id).await?,
                Err(error) => return Err(error),
            };
        }
        Ok(record)
    }

    /// Does the one thing that is next.
    pub(super) async fn bring_forward_once(&self, record: &SessionRecord) -> ApiResult<Option<SessionRecord>> {
        match record.next() {
            Some((next, _)) => self.step(record, next, false).await,
            None => Ok(None),
        }
    }

    async fn step(&self, record: &SessionRecord, next: Next, over: bool) -> ApiResult<Option<SessionRecord>> {
        match next {
            Next::Open(charge) => self.open(record, charge).await,
            Next::Look(charge) => self.look(record, charge, over).await,
            Next::Refund(refund) => self.give_back(record, refund).await,
            Next::End if record.end() <= self.now() => self.end(record).await,
            Next::End => Ok(None),
        }
    }

    /// A session as it is now.
    pub(crate) async fn reload(&self, id: Uuid) -> ApiResult<SessionRecord> {
        Ok(self.store().session(id).await?.ok_or_else(|| Problem::not_found("session"))?)
    }

    /// Prepares the payment of a charge at the provider.
    async fn open(&self, record: &SessionRecord, id: Uuid) -> ApiResult<Option<SessionRecord>> {
        let charge = known(record, id)?;
        let method = match &charge.source {
            Source::Card { method } => method.as_deref(),
            Source::Wallet { .. } | Source::Invoice { .. } => None,
        };
        let payment = Payment { session: record.session.id, charge: id, amount: charge.amount, method };
        let intent = match self.provider().prepare(&payment).await {
            Ok(intent) => intent,
            Err(error) if error.is_transient() => return Err(error.into()),
            // The provider will not have this payment: no intent exists, so none can be paid.
            Err(error) => {
                let mut after = record.clone();
                after.unpaid(id, Some(code_of(&error)))?;
                self.write(record, &mut after, None).await?;
                return Ok(Some(after));
            }
        };
        let mut after = record.clone();
        after.opened(id, intent.id, intent.client_secret)?;
        self.write(record, &mut after, None).await?;
        Ok(Some(after))
    }

    /// Looks at a charge at the provider, and gives it up there when its time is over.
    async fn look(&self, record: &SessionRecord, id: Uuid, over: bool) -> ApiResult<Option<SessionRecord>> {
        let charge = known(record, id)?;
        let Some(intent) = &charge.intent else { return Ok(None) };
        let mut found = self.provider().look(intent).await?;
        if over && waits(found.status) {
            found = self.provider().cancel(intent, id).await?;
        }
        self.settle(record, id, &found).await
    }

    /// Applies what the provider says about a charge. `None` when that changes nothing.
    ///
    /// # Errors
    /// When the table is away.
    pub(crate) async fn settle(
        &self,
        record: &SessionRecord,
        id: Uuid,
        intent: &Intent,
    ) -> ApiResult<Option<SessionRecord>> {
        let mut after = record.clone();
        let outcome = match intent.status {
            IntentStatus::Succeeded => {
                let charge = known(record, id)?;
                if charge.amount.cents != intent.amount {
                    let told =
                        format!("intent {} is of {} and not of {}", intent.id, intent.amount, charge.amount.cents);
                    return Err(Problem::internal(told).into());
                }
                after.paid(id, self.is_free(record, charge).await?, self.now())?
            }
            IntentStatus::Canceled => after.unpaid(id, intent.failure().map(str::to_owned))?,
            _ => Outcome::Known,
        };
        let Outcome::Changed(movement) = outcome else { return Ok(None) };
        self.write(record, &mut after, movement.map(|movement| *movement)).await?;
        self.keep_plate_longer(record, &after).await;
        Ok(Some(after))
    }

    /// Whether the time that an extension pays for is still free. The paid time may have run out while it was being paid, and
    /// the plate may stand there under another session since.
    async fn is_free(&self, record: &SessionRecord, charge: &Charge) -> ApiResult<bool> {
        let session = &record.session;
        if session.state != SessionState::Active {
            return Ok(true);
        }
        let last = self.store().last_stay(&session.plate, &session.zone).await?;
        let part = &charge.segment;
        Ok(last.is_none_or(|(last, _)| last.session == session.id || !last.overlaps(part.start, part.end)))
    }

    /// Gives money back that is owed.
    async fn give_back(&self, record: &SessionRecord, id: Uuid) -> ApiResult<Option<SessionRecord>> {
        let refund = record.refunds.iter().find(|refund| refund.id == id);
        let refund = refund.ok_or_else(|| Problem::internal("a refund that is not there"))?;
        let charge = known(record, refund.charge)?;
        let mut after = record.clone();
        let mut funds = None;
        match (&charge.source, &charge.intent) {
            (Source::Card { .. }, Some(intent)) => {
                let order = Repayment { session: record.session.id, refund: id, intent, amount: refund.amount };
                self.repay_once(&order, refund.created_at < self.now() - crate::record::ABANDONED).await?;
            }
            (Source::Wallet { .. }, _) => {
                let owner = record.owner.clone().unwrap_or_default();
                funds = Some(Funds { owner, change: refund.amount });
            }
            // An invoice is not paid yet: the books take it off.
            (Source::Invoice { .. }, _) | (Source::Card { .. }, None) => {}
        }
        let Outcome::Changed(movement) = after.refunded(id, self.now())? else { return Ok(None) };
        let moved = Moved { movement: movement.map(|movement| *movement), funds, at: self.now() };
        self.store().save(record, &mut after, moved).await?;
        Ok(Some(after))
    }

    /// Has the provider give money back, unless it has. Its memory of keys ends after a day; its list of refunds does not.
    async fn repay_once(&self, order: &Repayment<'_>, again: bool) -> ApiResult<()> {
        if again {
            let own = order.refund.to_string();
            let given = self.provider().given_back(order.intent).await?;
            if given.iter().any(|refund| refund.metadata.get(REFERENCE) == Some(&own)) {
                return Ok(());
            }
        }
        let refund = self.provider().give_back(order).await?;
        if matches!(refund.status, RefundStatus::Failed | RefundStatus::Canceled) {
            return Err(Problem::unavailable(format!("refund {} has failed at the provider", refund.id)).into());
        }
        Ok(())
    }

    /// The time of a session is over.
    async fn end(&self, record: &SessionRecord) -> ApiResult<Option<SessionRecord>> {
        let mut after = record.clone();
        after.session.end(self.now())?;
        self.write(record, &mut after, None).await?;
        Ok(Some(after))
    }

    pub(crate) async fn write(
        &self,
        before: &SessionRecord,
        after: &mut SessionRecord,
        movement: Option<ParkingMovement>,
    ) -> ApiResult<()> {
        let moved = Moved { movement, funds: None, at: self.now() };
        Ok(self.store().save(before, after, moved).await?)
    }

    /// A longer session keeps its clear plate longer. Losing it harms nobody: the right is kept under the hash.
    async fn keep_plate_longer(&self, before: &SessionRecord, after: &SessionRecord) {
        if before.end() == after.end() {
            return;
        }
        let until = after.end() + self.settings().plate_retention;
        let kept = match self.plates().of(after.session.id, self.now()).await {
            Ok(Some(plate)) => self.plates().keep(after.session.id, &plate, until).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, session = %after.session.id, "the clear plate is not kept longer");
        }
    }
}

fn known(record: &SessionRecord, id: Uuid) -> ApiResult<&Charge> {
    Ok(record.charge(id).ok_or_else(|| Problem::internal("a charge that is not there"))?)
}

fn code_of(error: &StripeError) -> String {
    match error {
        StripeError::Declined { code } => code.clone(),
        _ => "payment_refused".to_owned(),
    }
}
