//! Sessions as clients see them.

use chrono::{DateTime, Utc};
use parvis_money::Money;
use parvis_rights::SessionState;
use parvis_tariffs::{CritAir, Holder, Qualification, VehicleClass};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::record::{Charge, Refund, RefundState, SessionRecord};

/// The vehicle, as its driver describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Vehicle {
    /// Its class.
    #[serde(default)]
    pub class: VehicleClass,
    /// Electric or hydrogen.
    #[serde(default)]
    pub electric: bool,
    /// Its Crit'Air sticker.
    #[serde(default)]
    pub critair: Option<CritAir>,
}

impl Vehicle {
    /// As tariffs see it, without any right.
    #[must_use]
    pub fn holder(self) -> Holder {
        let Self { class, electric, critair } = self;
        Holder { class, electric, critair, qualification: Qualification::Visitor }
    }
}

impl From<Holder> for Vehicle {
    fn from(Holder { class, electric, critair, .. }: Holder) -> Self {
        Self { class, electric, critair }
    }
}

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its payment is under way: it gives no right.
    Pending,
    /// Paid and running.
    Active,
    /// Ended by its driver before its time.
    Stopped,
    /// Ended by its time.
    Ended,
    /// Never paid: it never gave a right.
    Failed,
}

/// What the page has to do to bring the payment to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenPayment {
    /// What it pays for.
    pub amount: Money,
    /// The provider's intent; absent while the provider does not know of it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// With what the page confirms the intent at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// When it is given up.
    pub until: DateTime<Utc>,
    /// Until when the session runs once it is paid; absent for a payment into a wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pays_until: Option<DateTime<Utc>>,
}

/// A part of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SegmentView {
    /// From.
    pub start: DateTime<Utc>,
    /// Until.
    pub end: DateTime<Utc>,
    /// Its price.
    pub price: Money,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundView {
    /// How much.
    pub amount: Money,
    /// Whether the provider has taken it on.
    pub done: bool,
}

impl From<&Refund> for RefundView {
    fn from(refund: &Refund) -> Self {
        Self { amount: refund.amount, done: refund.state == RefundState::Done }
    }
}

/// What the driver may do now; pages show these buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Extend it.
    Extend,
    /// Stop it; of a pending one, give it up.
    Stop,
    /// Pay what is open.
    Pay,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: Uuid,
    /// Rises with every change.
    pub version: u64,
    /// Where it is in its life.
    pub state: State,
    /// Where.
    #[schema(value_type = String)]
    pub zone: String,
    /// The plate in clear, as long as it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
    /// The vehicle.
    pub vehicle: Vehicle,
    /// The right under which it was priced.
    pub qualification: Qualification,
    /// From.
    pub start: DateTime<Utc>,
    /// Until; when it was stopped early, that moment.
    pub end: DateTime<Utc>,
    /// Its parts; extensions add one.
    pub segments: Vec<SegmentView>,
    /// What is paid, less what is given back.
    pub paid: Money,
    /// What goes back.
    pub refunds: Vec<RefundView>,
    /// The payment that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<OpenPayment>,
    /// Why the last payment failed, in the provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What may be done now.
    pub actions: Vec<Action>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// The present time, for a timer that does not trust the device's clock.
    pub now: DateTime<Utc>,
}

impl SessionView {
    /// A session as its driver sees it.
    #[must_use]
    pub fn new(record: &SessionRecord, plate: Option<String>, now: DateTime<Utc>) -> Self {
        let session = &record.session;
        let open = record.open_charge();
        let over = now >= record.end();
        let state = match session.state {
            SessionState::Pending => State::Pending,
            // The schedule writes the end some seconds later.
            SessionState::Active if over && open.is_none() => State::Ended,
            SessionState::Active => State::Active,
            SessionState::Stopped => State::Stopped,
            SessionState::Ended => State::Ended,
            SessionState::Failed => State::Failed,
        };
        Self {
            id: session.id,
            version: record.revision,
            state,
            zone: session.zone.to_string(),
            plate,
            vehicle: session.holder.into(),
            qualification: session.holder.qualification,
            start: session.bounds().map_or(record.created_at, |bounds| bounds.start),
            end: record.end(),
            segments: session
                .segments
                .iter()
                .map(|segment| SegmentView { start: segment.start, end: segment.end, price: segment.paid })
                .collect(),
            paid: record.net(),
            refunds: record.refunds.iter().map(RefundView::from).collect(),
            payment: open.map(open_payment),
            failure: record.charges.last().and_then(|charge| charge.failure.clone()),
            actions: actions(state, open.is_some()),
            created_at: record.created_at,
            now,
        }
    }
}

fn open_payment(charge: &Charge) -> OpenPayment {
    OpenPayment {
        amount: charge.amount,
        intent: charge.intent.clone(),
        client_secret: charge.client_secret.clone(),
        until: charge.created_at + crate::record::PATIENCE,
        pays_until: Some(charge.segment.end),
    }
}

fn actions(state: State, paying: bool) -> Vec<Action> {
    match (state, paying) {
        (State::Pending, _) => vec![Action::Pay, Action::Stop],
        (State::Active, true) => vec![Action::Pay, Action::Stop],
        (State::Active, false) => vec![Action::Extend, Action::Stop],
        (State::Stopped | State::Ended | State::Failed, _) => Vec::new(),
    }
}
