//! The schedules, and going on where somebody died.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use parvis_forecasts::ForecastStore;
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::FUNCTION;
use crate::error::{ApiError, ApiResult};
use crate::flow::Patience;
use crate::record::{Refund, SessionRecord, TopUp};
use crate::state::App;
use crate::store::{Key, StoreError};

/// Sessions read at once per partition of the work list.
const PER_SHARD: i32 = 50;
/// Sessions brought forward side by side.
const AT_ONCE: usize = 16;
/// How long a sweep begins new work; the next run is a minute later.
const SWEEPING: Duration = Duration::from_secs(45);
/// How long a comparison begins new pages. With the last page it stays below the function's timeout, as the template has it.
const COMPARING: Duration = Duration::from_secs(200);

/// What the schedules ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Brings every session forward that is due.
    Sweep,
    /// Compares with the provider.
    Reconcile,
    /// Takes expected demand over from the forecasts.
    Demand,
}

/// Does a task, and says what it has done.
///
/// # Errors
/// When a list or the tariffs cannot be read, or the provider is away; the next run is soon.
pub async fn run(app: &App, forecasts: &ForecastStore, task: Task) -> Result<Value, Failure> {
    let mut metrics = Metrics::new(FUNCTION);
    let retryable = |error: ApiError| Failure::retryable(format!("{error:?}"));
    let done = match task {
        Task::Sweep => {
            let swept = app.sweep().await.map_err(retryable)?;
            metrics.count("SessionsDue", swept.due, &[]).count("SessionsLeft", swept.failed, &[]);
            metrics.count("RefundsFailing", swept.refunds_failing, &[]);
            serde_json::to_value(swept)
        }
        Task::Reconcile => {
            let found = app.reconcile(COMPARING).await.map_err(retryable)?;
            let open = found.open.values().map(|ids| ids.len() as u64).sum();
            metrics.count("PaymentsCompared", found.compared, &[]).count("DifferencesRepaired", found.repaired, &[]);
            metrics.count("DifferencesOpen", open, &[]).count("ComparisonsUnfinished", u64::from(!found.finished), &[]);
            for (kind, intents) in &found.open {
                tracing::error!(kind, ?intents, "provider and sessions differ; a person must look at it");
            }
            serde_json::to_value(found)
        }
        Task::Demand => {
            let renewed = app.renew_demand(forecasts).await.map_err(retryable)?;
            metrics.count("DemandHours", renewed.hours, &[]).count("DemandLeft", renewed.failed, &[]);
            serde_json::to_value(renewed)
        }
    };
    done.map_err(Failure::permanent)
}

/// What a run of the schedule has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Swept {
    /// Sessions that were due.
    pub due: u64,
    /// Of these, those that could not be brought forward now.
    pub failed: u64,
    /// Refunds of them of which a person should know.
    pub refunds_failing: u64,
}

/// What a turn has come to.
struct Turn {
    /// Refunds of which a person should know.
    refunds_failing: u64,
    done: ApiResult<()>,
}

impl App {
    /// Brings every session forward that is due, for as long as the budget lasts. Each has one turn in a run.
    ///
    /// # Errors
    /// When the list cannot be read. A session that fails does not hold up the others, and comes again later and later.
    pub async fn sweep(&self) -> ApiResult<Swept> {
        let until = Instant::now() + SWEEPING;
        let mut swept = Swept::default();
        let mut seen = HashSet::new();
        loop {
            let mut due = self.store().due(self.now(), PER_SHARD).await?;
            due.retain(|(_, id)| seen.insert(*id));
            if due.is_empty() {
                return Ok(swept);
            }
            swept.due += due.len() as u64;
            let turns = futures::stream::iter(due).map(|(entry, id)| self.sweep_one(entry, id));
            let mut turns = turns.buffer_unordered(AT_ONCE);
            while let Some(turn) = turns.next().await {
                swept.refunds_failing += turn.as_ref().map_or(0, |turn| turn.refunds_failing);
                match turn.and_then(|turn| turn.done) {
                    Ok(()) | Err(ApiError::Store(StoreError::Conflict)) => {}
                    Err(error) => {
                        swept.failed += 1;
                        tracing::warn!(?error, "a session is brought forward later");
                    }
                }
            }
            if Instant::now() > until {
                return Ok(swept);
            }
        }
    }

    async fn sweep_one(&self, entry: Key, id: Uuid) -> ApiResult<Turn> {
        if let Some(record) = self.store().session(id).await? {
            return self.sweep_session(record).await;
        }
        if let Some(top_up) = self.store().top_up(id).await? {
            return self.sweep_top_up(top_up).await;
        }
        // What it was for is not kept any more. Nothing would ever take it off the head of the list.
        self.store().unlist(entry).await?;
        Ok(Turn { refunds_failing: 0, done: Ok(()) })
    }

    /// One whose turn has changed nothing gives its place at the head of the list to others.
    async fn sweep_session(&self, record: SessionRecord) -> ApiResult<Turn> {
        let (id, refunds_failing) = (record.session.id, failing(&record.refunds, self.now()));
        let (after, done) = match self.bring_forward(record, Patience::UntilDue).await {
            Ok(after) => (after, Ok(())),
            // It may have come some steps forward before the one that failed.
            Err(error) => (self.reload(id).await?, Err(error)),
        };
        let now = self.now();
        if after.due().is_some_and(|due| due <= now) {
            self.store().postpone(&after, now).await?;
        }
        Ok(Turn { refunds_failing, done })
    }

    async fn sweep_top_up(&self, top_up: TopUp) -> ApiResult<Turn> {
        let (id, refunds_failing) = (top_up.id, failing(&top_up.refunds, self.now()));
        let (after, done) = match self.bring_top_up_forward(top_up, Patience::UntilDue).await {
            Ok(after) => (after, Ok(())),
            Err(error) => (self.reload_top_up(id).await?, Err(error)),
        };
        let now = self.now();
        if after.due().is_some_and(|due| due <= now) {
            self.store().postpone_top_up(&after, now).await?;
        }
        Ok(Turn { refunds_failing, done })
    }
}

/// Asked before the turn: a bank may send back again what the turn gives again.
fn failing(refunds: &[Refund], now: DateTime<Utc>) -> u64 {
    refunds.iter().filter(|refund| refund.is_stuck(now)).count() as u64
}
