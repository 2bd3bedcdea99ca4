//! Bringing a session forward: what is open is looked at, what is owed is given back, what is over ends.

use aws_sdk_dynamodb::types::TransactWriteItem;
use parvis_kit::problem::Problem;
use parvis_ledger_rules::ParkingMovement;
use parvis_rights::SessionState;
use parvis_stripe::{Intent, IntentStatus, StripeError};
use uuid::Uuid;

use crate::error::{ApiError, ApiResult, UNKNOWN_METHOD};
use crate::provider::{Payment, waits};
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
            let mut failure = None;
            let mut changed = None;
            for (next, due) in record.todo() {
                let over = patience == Patience::GiveUp || (patience == Patience::UntilDue && due <= self.now());
                // Whoever decided on this charge has died before telling the provider: nobody is there to pay it.
                if over && matches!(next, Next::Open(_)) {
                    patience = Patience::GiveUp;
                }
                match self.step(&record, next, over).await {
                    Ok(None) => {}
                    Ok(after) => changed = after,
                    Err(ApiError::Store(StoreError::Conflict)) => changed = Some(self.reload(record.session.id).await?),
                    // What cannot be done now, such as a refund that the provider refuses, keeps nothing else from being done.
                    Err(error) => failure = failure.or(Some(error)),
                }
                if changed.is_some() {
                    break;
                }
            }
            record = match (changed, failure) {
                (Some(changed), _) => changed,
                (None, Some(failure)) => return Err(failure),
                (None, None) => return Ok(record),
            };
        }
        Ok(record)
    }

    /// Something was told about a session: looks at it, and, if it was about money that goes back, at its refunds.
    ///
    /// # Errors
    /// As [`App::bring_forward`].
    pub async fn told(&self, record: SessionRecord, of_refund: bool) -> ApiResult<SessionRecord> {
        let record = if of_refund { self.look_at_refunds(record).await? } else { record };
        self.bring_forward(record, Patience::Wait).await
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
    pub(super) async fn open(&self, record: &SessionRecord, id: Uuid) -> ApiResult<Option<SessionRecord>> {
        let charge = known(record, id)?;
        let method = match &charge.source {
            Source::Card { method } => method.as_deref(),
            Source::Wallet { .. } | Source::Invoice { .. } => None,
        };
        let payment =
            Payment { session: record.session.id, charge: id, amount: charge.amount, method, what: "Stationnement" };
        let intent = match self.provider().prepare(&payment).await {
            Ok(intent) => intent,
            Err(error) if error.is_transient() => return Err(error.into()),
            // The provider will not have this very payment: no intent exists, so none can be paid.
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
        let found = self.look_or_cancel(intent, id, over).await?;
        self.settle(record, id, &found).await
    }

    /// How an intent stands; one that still waits for its payer when its time is over can never be paid then.
    pub(super) async fn look_or_cancel(&self, intent: &str, id: Uuid, over: bool) -> ApiResult<Intent> {
        let found = self.provider().look(intent).await?;
        if over && waits(found.status) {
            return Ok(self.provider().cancel(intent, id).await?);
        }
        Ok(found)
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
        self.save(before, after, movement, None).await
    }

    pub(super) async fn save(
        &self,
        before: &SessionRecord,
        after: &mut SessionRecord,
        movement: Option<ParkingMovement>,
        funds: Option<Funds>,
    ) -> ApiResult<()> {
        let plate = self.plate_after(before, after)?;
        Ok(self.store().save(before, after, Moved { movement, funds, plate, at: self.now() }).await?)
    }

    /// The clear plate is kept as long after the end as the settings say, whatever becomes of the end; of what was never paid it is
    /// not kept. Rights are kept under its hash.
    fn plate_after(&self, before: &SessionRecord, after: &SessionRecord) -> ApiResult<Option<TransactWriteItem>> {
        let (id, plates) = (after.session.id, self.plates());
        if after.session.state == SessionState::Failed && before.session.state != SessionState::Failed {
            return Ok(Some(plates.remove(id)?));
        }
        if before.end() == after.end() {
            return Ok(None);
        }
        Ok(Some(plates.keep_until(id, after.end() + self.settings().plate_retention)?))
    }
}

pub(super) fn known(record: &SessionRecord, id: Uuid) -> ApiResult<&Charge> {
    Ok(record.charge(id).ok_or_else(|| Problem::internal("a charge that is not there"))?)
}

pub(super) fn code_of(error: &StripeError) -> String {
    match error {
        StripeError::Declined { code } => code.clone(),
        // Of all that a payment names, only its method is the client's.
        error if error.is_missing() => UNKNOWN_METHOD.to_owned(),
        _ => "payment_refused".to_owned(),
    }
}
