//! Stopping a session early.

use chrono::{DateTime, Utc};
use parvis_kit::problem::Problem;
use parvis_rights::SessionState;
use parvis_tariffs::session::EarlyStop;

use super::Patience;
use crate::error::{ApiError, ApiResult};
use crate::record::SessionRecord;
use crate::state::App;
use crate::store::StoreError;

/// How often a stop is decided again because the session has changed meanwhile.
const ATTEMPTS: usize = 4;

impl App {
    /// What stopping now would give back.
    ///
    /// # Errors
    /// When the session is not running.
    pub async fn quote_stop(&self, record: &SessionRecord) -> ApiResult<EarlyStop> {
        self.quote_stop_at(record, self.now()).await
    }

    async fn quote_stop_at(&self, record: &SessionRecord, at: DateTime<Utc>) -> ApiResult<EarlyStop> {
        record.session.state.after(parvis_rights::Command::Stop)?;
        // What was sold is settled by the tariffs that it was sold under.
        let book = self.book_at(record.book).await?;
        Ok(book.tariffs.stop_early(&record.session.as_paid(), at)?)
    }

    /// Stops a session now and gives back what the tariff allows. A payment that is under way is given up first.
    ///
    /// # Errors
    /// Refusals of the session's state; failures of the table, and of the provider as long as a payment is under way. What
    /// the provider cannot give back now it gives back later.
    pub async fn stop(&self, record: SessionRecord) -> ApiResult<SessionRecord> {
        let now = self.now();
        self.stop_at(record, now).await
    }

    /// The same of one that was stopped at an instant, of which is only told now.
    pub(super) async fn stop_at(&self, mut record: SessionRecord, at: DateTime<Utc>) -> ApiResult<SessionRecord> {
        for _ in 0..ATTEMPTS {
            if record.open_charge().is_some() {
                record = self.bring_forward(record, Patience::GiveUp).await?;
                continue;
            }
            match record.session.state {
                // Given up before it was paid, or stopped before: asking again is answered the same.
                SessionState::Failed | SessionState::Stopped => return Ok(self.give_back_what_is_due(record).await),
                _ => {}
            }
            let mut after = record.as_of(at);
            let early = self.quote_stop_at(&after, at).await?;
            after.stop(at, &early, self.now())?;
            match self.write(&record, &mut after, None).await {
                Ok(()) => return Ok(self.give_back_what_is_due(after).await),
                Err(ApiError::Store(StoreError::Conflict)) => record = self.reload(record.session.id).await?,
                Err(error) => return Err(error),
            }
        }
        Err(Problem::conflict("A payment of this session is under way; try again in a moment.").into())
    }

    /// Gives back what is due. If the provider is away, the schedule does it later: the session is stopped all the same.
    async fn give_back_what_is_due(&self, record: SessionRecord) -> SessionRecord {
        match self.bring_forward(record.clone(), Patience::Wait).await {
            Ok(settled) => settled,
            Err(error) => {
                tracing::warn!(?error, session = %record.session.id, "a refund is given back later");
                record
            }
        }
    }
}
