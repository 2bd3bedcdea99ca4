//! Paying what is open, while the driver waits.

use parvis_stripe::{Intent, IntentStatus};
use uuid::Uuid;

use crate::error::{ApiError, ApiResult};
use crate::provider::waits;
use crate::record::{Charge, ChargeState, SessionRecord, Source};
use crate::state::App;
use crate::store::StoreError;

/// How often a step is decided again because somebody else, such as the provider's message, has written in between.
const ATTEMPTS: usize = 6;

impl App {
    /// Pays a charge of a session as far as that is possible without its driver's browser. What costs nothing has no charge.
    ///
    /// # Errors
    /// [`ApiError::Declined`]; failures of table or provider.
    pub(super) async fn pay(&self, mut record: SessionRecord, charge: Uuid) -> ApiResult<SessionRecord> {
        for _ in 0..ATTEMPTS {
            let Some(open) = record.charge(charge).filter(|charge| charge.is_under_way()) else {
                return unless_failed(record, charge);
            };
            let step = if open.state == ChargeState::Created {
                self.open(&record, charge).await
            } else {
                match self.attempt(&record, charge).await {
                    Ok(None) => return Ok(record),
                    other => other,
                }
            };
            record = match step {
                Ok(Some(changed)) => changed,
                Ok(None) | Err(ApiError::Store(StoreError::Conflict)) => self.reload(record.session.id).await?,
                Err(error) => return Err(error),
            };
        }
        Err(StoreError::Conflict.into())
    }

    /// Tries to take the money of an open charge. `None` when it is the driver's turn.
    async fn attempt(&self, record: &SessionRecord, id: Uuid) -> ApiResult<Option<SessionRecord>> {
        let Some(charge) = record.charge(id) else { return Ok(None) };
        let Some(intent) = &charge.intent else { return Ok(None) };
        let has_method = matches!(&charge.source, Source::Card { method: Some(_) });
        let mut found = match has_method {
            true => self.provider().confirm(intent, id).await?,
            false => self.provider().look(intent).await?,
        };
        if has_method && waits(found.status) {
            // Under a known key the provider repeats its first answer; the driver may have come further since.
            let failure = found.last_payment_error.take();
            found = self.provider().look(intent).await?;
            found.last_payment_error = found.last_payment_error.or(failure);
        }
        if has_method && is_declined(&found) {
            let declined = found.failure().map(str::to_owned);
            // Cancelled first: a charge that is given up here can never be paid there.
            found = self.provider().cancel(intent, id).await?;
            if found.failure().is_none() && found.status == IntentStatus::Canceled {
                found.last_payment_error = Some(parvis_stripe::PaymentError { code: declined, decline_code: None });
            }
        }
        self.settle(record, id, &found).await
    }
}

fn is_declined(intent: &Intent) -> bool {
    waits(intent.status) && intent.status == IntentStatus::RequiresPaymentMethod
}

/// A payment that has failed is told as such.
fn unless_failed(record: SessionRecord, charge: Uuid) -> ApiResult<SessionRecord> {
    match record.charge(charge) {
        Some(charge) if charge.state == ChargeState::Failed => Err(declined(&record, charge)),
        _ => Ok(record),
    }
}

/// The refusal of a charge that has failed.
fn declined(record: &SessionRecord, charge: &Charge) -> ApiError {
    let code = charge.failure.clone().unwrap_or_else(|| "given_up".to_owned());
    ApiError::Declined { session: record.session.id, code }
}
