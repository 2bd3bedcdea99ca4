//! Comparing all payments of the last days with the provider's, and repairing what can be repaired.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use parvis_stripe::{Intent, IntentStatus, Page, Refund, StripeError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{ApiError, ApiResult};
use crate::provider::SESSION;
use crate::record::{ChargeState, Refund as Owed, RefundState, SessionRecord, TopUp};
use crate::state::App;
use crate::store::{Key, StoreError};

/// How far back a comparison goes: over a day of no connection, and over the provider's memory of keys.
const COMPARED: TimeDelta = TimeDelta::hours(50);
/// Payments compared side by side.
const AT_ONCE: usize = 16;

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
    /// Whether the oldest payment was reached; otherwise the next run goes on from here.
    pub finished: bool,
}

/// How a payment stands beside its session.
enum Verdict {
    Same,
    Repaired,
    Differs(&'static str),
}

/// How far the comparison has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Place {
    /// The last intent that was compared; without it the next run begins at the newest.
    after: Option<String>,
}

/// What was given back of each intent, in minor units.
type Given = HashMap<String, i64>;

impl App {
    /// Compares all payments of the last two days with the provider's, the newest first. When the budget is spent, the next run
    /// goes on from there. A payment that cannot be compared is one of the differences, and no hindrance to the others.
    ///
    /// # Errors
    /// When the provider or the table is away; the next run goes on from the last page.
    pub async fn reconcile(&self, budget: Duration) -> ApiResult<Comparison> {
        let (until, since) = (Instant::now() + budget, self.now() - COMPARED);
        let given = self.given_since(since).await?;
        let (mut place, mut known) = match self.store().read::<Place>(Key::comparison()).await? {
            Some((place, revision)) => (place, Some(revision)),
            None => Default::default(),
        };
        let mut comparison = Comparison { at: self.now(), ..Comparison::default() };
        loop {
            let page = self.page_of_intents(since, &mut place).await?;
            self.compare_page(&page.data, &given, &mut comparison).await;
            let last = page.data.last().map(|intent| intent.id.clone());
            place.after = last.filter(|_| page.has_more);
            self.store().put_value(Key::comparison(), "comparison", &place, known, None).await?;
            known = Some(known.map_or(1, |revision| revision + 1));
            comparison.finished = place.after.is_none();
            if comparison.finished || Instant::now() >= until {
                return Ok(comparison);
            }
        }
    }

    async fn page_of_intents(&self, since: DateTime<Utc>, place: &mut Place) -> ApiResult<Page<Intent>> {
        match self.provider().since(since, place.after.as_deref()).await {
            // The provider does not know the intent of the last run any more: from the newest on again.
            Err(StripeError::Refused { .. }) if place.after.take().is_some() => {
                Ok(self.provider().since(since, None).await?)
            }
            other => Ok(other?),
        }
    }

    /// What the provider has given back since an instant, listed once for all payments. A refund is not older than its payment.
    async fn given_since(&self, since: DateTime<Utc>) -> ApiResult<Given> {
        let mut given = Given::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.provider().given_back_since(since, after.as_deref()).await?;
            for refund in page.data.iter().filter(|refund| refund.status.moves_money()) {
                *given.entry(refund.payment_intent.clone().unwrap_or_default()).or_default() += refund.amount;
            }
            after = page.data.last().map(|refund| refund.id.clone());
            if !page.has_more || after.is_none() {
                return Ok(given);
            }
        }
    }

    async fn compare_page(&self, intents: &[Intent], given: &Given, comparison: &mut Comparison) {
        let compare = |intent| async move { (intent, self.compare(intent, given).await) };
        let mut results = futures::stream::iter(intents).map(compare).buffer_unordered(AT_ONCE);
        while let Some((intent, result)) = results.next().await {
            comparison.compared += 1;
            let kind = match result {
                // Somebody is at the session right now, and brings it forward by itself.
                Ok(Verdict::Same) | Err(ApiError::Store(StoreError::Conflict)) => continue,
                Ok(Verdict::Repaired) => {
                    comparison.repaired += 1;
                    tracing::info!(intent = intent.id, status = ?intent.status, "the session follows the provider");
                    continue;
                }
                Ok(Verdict::Differs(kind)) => kind,
                Err(error) => {
                    tracing::error!(intent = intent.id, ?error, "a payment cannot be compared");
                    "not_compared"
                }
            };
            comparison.open.entry(kind.to_owned()).or_default().push(intent.id.clone());
        }
    }

    async fn compare(&self, intent: &Intent, given: &Given) -> ApiResult<Verdict> {
        // Others may use the same account.
        let Some(session) = intent.metadata.get(SESSION).and_then(|id| id.parse::<Uuid>().ok()) else {
            return Ok(Verdict::Same);
        };
        let back = given.get(&intent.id).copied().unwrap_or_default();
        match self.compare_with(session, intent, back).await? {
            // The lists are older than the session that was read after them: only what still differs now is a difference.
            Verdict::Differs(_) => {
                let intent = self.provider().look(&intent.id).await?;
                let refunds = self.provider().given_back(&intent.id).await?;
                let followed = self.follow_what_was_sent_back(session, &refunds).await?;
                let back =
                    refunds.iter().filter(|refund| refund.status.moves_money()).map(|refund| refund.amount).sum();
                match self.compare_with(session, &intent, back).await? {
                    Verdict::Same if followed => Ok(Verdict::Repaired),
                    verdict => Ok(verdict),
                }
            }
            same => Ok(same),
        }
    }

    async fn follow_what_was_sent_back(&self, session: Uuid, refunds: &[Refund]) -> ApiResult<bool> {
        if let Some(record) = self.store().session(session).await? {
            return Ok(self.follow_refunds(&record, refunds).await?.is_some());
        }
        let Some(top_up) = self.store().top_up(session).await? else { return Ok(false) };
        Ok(self.follow_top_up(&top_up, refunds).await?.is_some())
    }

    async fn compare_with(&self, session: Uuid, intent: &Intent, given: i64) -> ApiResult<Verdict> {
        let paid = intent.status == IntentStatus::Succeeded;
        let differs = |kind, differs| if differs { Verdict::Differs(kind) } else { Verdict::Same };
        let Some(record) = self.store().session(session).await? else {
            return match self.store().top_up(session).await? {
                Some(top_up) => self.compare_top_up(&top_up, intent, given).await,
                None => Ok(differs("paid_for_an_unknown_session", paid)),
            };
        };
        let Some(charge) = record.charge_of_intent(&intent.id) else {
            // Made by somebody who died before writing it down: the work list sees to it.
            return Ok(differs("paid_and_unknown_to_the_session", paid));
        };
        Ok(match (intent.status, charge.state) {
            (IntentStatus::Succeeded, ChargeState::Open | ChargeState::Succeeded)
                if intent.amount != charge.amount.cents =>
            {
                Verdict::Differs("another_amount")
            }
            (IntentStatus::Succeeded | IntentStatus::Canceled, ChargeState::Open) => {
                match self.settle(&record, charge.id, intent).await? {
                    Some(_) => Verdict::Repaired,
                    None => Verdict::Same,
                }
            }
            (IntentStatus::Succeeded, ChargeState::Failed) => Verdict::Differs("paid_after_it_was_given_up"),
            (status, ChargeState::Succeeded) if status != IntentStatus::Succeeded => {
                Verdict::Differs("not_paid_after_all")
            }
            _ if record.refunds.iter().any(|refund| refund.charge == charge.id && refund.is_failing()) => {
                Verdict::Differs("refund_failed")
            }
            _ => differs("refunds_differ", paid && refunds_differ(&record, charge.id, given)),
        })
    }
}

impl App {
    async fn compare_top_up(&self, top_up: &TopUp, intent: &Intent, given: i64) -> ApiResult<Verdict> {
        let paid = intent.status == IntentStatus::Succeeded;
        if top_up.intent.as_deref() != Some(intent.id.as_str()) {
            // As of a session: made by somebody who died before writing it down.
            return Ok(if paid { Verdict::Differs("paid_and_unknown_to_the_session") } else { Verdict::Same });
        }
        Ok(match top_up.state {
            _ if paid && intent.amount != top_up.amount.cents => Verdict::Differs("another_amount"),
            ChargeState::Open => match self.settle_top_up(top_up, intent).await? {
                Some(_) => Verdict::Repaired,
                None => Verdict::Same,
            },
            ChargeState::Failed if paid => Verdict::Differs("paid_after_it_was_given_up"),
            ChargeState::Succeeded if !paid => Verdict::Differs("not_paid_after_all"),
            _ if top_up.refunds.iter().any(Owed::is_failing) => Verdict::Differs("refund_failed"),
            _ if done_differs(top_up, given) => Verdict::Differs("refunds_differ"),
            _ => Verdict::Same,
        })
    }
}

/// Whether something else was given back of a charge than the session says. What is still owed is on the work list.
fn refunds_differ(record: &SessionRecord, charge: Uuid, given: i64) -> bool {
    let of_charge = record.refunds.iter().filter(|refund| refund.charge == charge);
    let done: i64 =
        of_charge.filter(|refund| refund.state == RefundState::Done).map(|refund| refund.amount.cents).sum();
    let owed = record.refunds.iter().any(Owed::is_owed);
    !owed && given != done && (done > 0 || !record.is_live())
}

/// The same of a payment into a wallet.
fn done_differs(top_up: &TopUp, given: i64) -> bool {
    !top_up.refunds.iter().any(Owed::is_owed) && given != top_up.given()
}
