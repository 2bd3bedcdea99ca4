//! The schedules: going on where somebody died, and comparing with the provider.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use parvis_kit::lambda::Failure;
use parvis_kit::metrics::Metrics;
use parvis_stripe::{Intent, IntentStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::FUNCTION;
use crate::error::{ApiError, ApiResult};
use crate::flow::Patience;
use crate::provider::SESSION;
use crate::record::{ChargeState, RefundState};
use crate::state::App;
use crate::store::StoreError;

/// Sessions looked at per partition and run; the next run is a minute later.
const PER_SHARD: i32 = 50;
/// Sessions brought forward side by side.
const AT_ONCE: usize = 8;
/// How far back a comparison goes: over a day of no connection, and over the provider's memory of keys.
const COMPARED: TimeDelta = TimeDelta::hours(50);

/// What the schedules ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Brings every session forward that is due.
    Sweep,
    /// Compares with the provider.
    Reconcile,
}

/// Does a task, and says what it has done.
///
/// # Errors
/// When a list cannot be read or the provider is away; the next run is soon.
pub async fn run(app: &App, task: Task) -> Result<Value, Failure> {
    let mut metrics = Metrics::new(FUNCTION);
    let retryable = |error: ApiError| Failure::retryable(format!("{error:?}"));
    let done = match task {
        Task::Sweep => {
            let swept = app.sweep().await.map_err(retryable)?;
            metrics.count("SessionsDue", swept.due, &[]).count("SessionsLeft", swept.failed, &[]);
            serde_json::to_value(swept)
        }
        Task::Reconcile => {
            let found = app.reconcile().await.map_err(retryable)?;
            let open = found.open.values().map(|ids| ids.len() as u64).sum();
            metrics.count("PaymentsCompared", found.compared, &[]).count("DifferencesRepaired", found.repaired, &[]);
            metrics.count("DifferencesOpen", open, &[]);
            for (kind, intents) in &found.open {
                tracing::error!(kind, ?intents, "provider and sessions differ; a person must look at it");
            }
            serde_json::to_value(found)
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
}

/// What a comparison has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Payments compared.
    pub compared: u64,
    /// Differences that were repaired: the session followed the provider.
    pub repaired: u64,
    /// Differences that a person must look at, by kind, each with the provider's id.
    pub open: BTreeMap<String, Vec<String>>,
}

impl App {
    /// Brings every session forward that is due.
    ///
    /// # Errors
    /// When the list cannot be read. A session that fails does not hold up the others.
    pub async fn sweep(&self) -> ApiResult<Swept> {
        let due = self.store().due(self.now(), PER_SHARD).await?;
        let mut swept = Swept { due: due.len() as u64, failed: 0 };
        let mut results = futures::stream::iter(due).map(|id| self.sweep_one(id)).buffer_unordered(AT_ONCE);
        while let Some(result) = results.next().await {
            match result {
                Ok(()) | Err(ApiError::Store(StoreError::Conflict)) => {}
                Err(error) => {
                    swept.failed += 1;
                    tracing::warn!(?error, "a session is brought forward later");
                }
            }
        }
        Ok(swept)
    }

    async fn sweep_one(&self, id: Uuid) -> ApiResult<()> {
        if let Some(record) = self.store().session(id).await? {
            self.bring_forward(record, Patience::UntilDue).await?;
        }
        Ok(())
    }

    /// Compares all payments of the last two days with the provider's, and repairs what can be repaired.
    ///
    /// # Errors
    /// When the provider or the table is away.
    pub async fn reconcile(&self) -> ApiResult<Comparison> {
        let since = self.now() - COMPARED;
        let mut comparison = Comparison { at: self.now(), ..Comparison::default() };
        let mut after: Option<String> = None;
        loop {
            let page = self.provider().since(since, after.as_deref()).await?;
            for intent in &page.data {
                comparison.compared += 1;
                self.compare(intent, &mut comparison).await?;
            }
            after = page.data.last().map(|intent| intent.id.clone());
            if !page.has_more || after.is_none() {
                return Ok(comparison);
            }
        }
    }

    async fn compare(&self, intent: &Intent, comparison: &mut Comparison) -> ApiResult<()> {
        // Others may use the same account.
        let Some(session) = intent.metadata.get(SESSION).and_then(|id| id.parse::<Uuid>().ok()) else { return Ok(()) };
        let mut differs = |kind: &str| comparison.open.entry(kind.to_owned()).or_default().push(intent.id.clone());
        let Some(record) = self.store().session(session).await? else {
            if intent.status == IntentStatus::Succeeded {
                differs("paid_for_an_unknown_session");
            }
            return Ok(());
        };
        let Some(charge) = record.charge_of_intent(&intent.id) else {
            // Made by somebody who died before writing it down: the work list sees to it.
            if intent.status == IntentStatus::Succeeded {
                differs("paid_and_unknown_to_the_session");
            }
            return Ok(());
        };
        match (intent.status, charge.state) {
            (IntentStatus::Succeeded | IntentStatus::Canceled, ChargeState::Open) => {
                let (id, status) = (charge.id, intent.status);
                self.settle(&record, id, intent).await?;
                comparison.repaired += 1;
                tracing::info!(intent = intent.id, ?status, "the session follows the provider");
            }
            (IntentStatus::Succeeded, ChargeState::Failed) => differs("paid_after_it_was_given_up"),
            (IntentStatus::Succeeded, ChargeState::Succeeded) if intent.amount != charge.amount.cents => {
                differs("another_amount");
            }
            (status, ChargeState::Succeeded) if status != IntentStatus::Succeeded => differs("not_paid_after_all"),
            _ => {}
        }
        let owed: i64 = record
            .refunds
            .iter()
            .filter(|refund| refund.charge == charge.id && refund.state == RefundState::Done)
            .map(|refund| refund.amount.cents)
            .sum();
        if intent.status == IntentStatus::Succeeded && (owed > 0 || !record.is_live()) {
            let given: i64 = self.provider().given_back(&intent.id).await?.iter().map(|refund| refund.amount).sum();
            let due = record.refunds.iter().any(|refund| refund.state == RefundState::Due);
            if given != owed && !due {
                comparison.open.entry("refunds_differ".to_owned()).or_default().push(intent.id.clone());
            }
        }
        Ok(())
    }
}
