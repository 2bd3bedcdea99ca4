//! A session with its payments: one item, changed by one conditional write at a time.
//!
//! Everything here is pure. What is to be done next can be read off the record alone ([`SessionRecord::next`]), so that
//! any process can go on where another died.

mod by_hand;
mod money;
mod next;
mod refund;
mod top_up;
mod wish;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use parvis_ledger_rules::{Auxiliary, KeptMovement, Payer, Supply};
use parvis_money::{Money, VatRate};
use parvis_parking::ZoneId;
use parvis_parking::plate::PlateHash;
use parvis_rights::{Session, SessionRefusal, SessionSegment, SessionSource, SessionState};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use by_hand::ByHand;
pub use money::{Outcome, RecordError};
pub use next::Next;
pub use refund::{Refund, RefundState};
pub use top_up::TopUp;
pub use wish::Wish;

/// How long a payer may take to bring the payment to an end, strong authentication included.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// After this time nobody is at a charge that has no intent yet: its process has died.
pub const ABANDONED: TimeDelta = TimeDelta::seconds(60);

/// Where the money of a charge comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// A card, through the provider.
    Card {
        /// The payment method that the provider's form has made; without one the payer's browser confirms.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<String>,
    },
    /// The driver's wallet.
    Wallet {
        /// Whose, for the books.
        payer: Payer,
    },
    /// A monthly invoice, of a driver's firm or of an operator.
    Invoice {
        /// To whom, for the books.
        payer: Payer,
    },
}

/// Where a charge is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// Decided; the provider may or may not know of it.
    Created,
    /// The provider knows of it; nothing is known to be paid.
    Open,
    /// Paid.
    Succeeded,
    /// Not paid, and it never will be.
    Failed,
}

/// A payment for a part of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Made before anything is done; the provider's idempotency key and the movement's id.
    pub id: Uuid,
    /// How much; above zero.
    pub amount: Money,
    /// What it pays for.
    pub segment: SessionSegment,
    /// Where the money comes from.
    pub source: Source,
    /// Where it is in its life.
    pub state: ChargeState,
    /// The provider's intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// With what the payer's browser may confirm the intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Why it failed, in the provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Charge {
    /// Whether it is neither paid nor failed.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, ChargeState::Created | ChargeState::Open)
    }
}

/// A session with its payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The session.
    pub session: Session,
    /// Whose, by the issuer's subject; absent for an operator's sessions and after an erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// VAT within its prices; zero on the street.
    pub vat: VatRate,
    /// The tariff book that it began under; all its parts are priced by it.
    pub book: u32,
    /// Payments, in order.
    pub charges: Vec<Charge>,
    /// Extensions that cost nothing, by the ids that their charges would have: asked for again, they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free: Vec<Uuid>,
    /// What was asked for under clients' ids, by the ids that the charges of it have or would have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<Uuid, Wish>,
    /// What goes back.
    #[serde(default)]
    pub refunds: Vec<Refund>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Rises with every write; the condition of the next one.
    pub revision: u64,
    /// Its last turn on the work list changed nothing, and it waits for another; gone with the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
}

/// A wait for another turn on the work list. What can never be done must not keep its place at the head of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delay {
    /// Turns that changed nothing, one after the other.
    pub turns: u32,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl Delay {
    /// The wait after one more turn that changed nothing: 1, 2, 4, 8, 16, then 30 minutes.
    #[must_use]
    pub fn after(before: Option<Self>, now: DateTime<Utc>) -> Self {
        let turns = before.map_or(0, |delay| delay.turns);
        let minutes = 1_i64.checked_shl(turns).map_or(30, |minutes| minutes.clamp(1, 30));
        Self { turns: turns.saturating_add(1), until: now + TimeDelta::minutes(minutes) }
    }
}

impl SessionRecord {
    /// What was sold.
    #[must_use]
    pub fn supply(&self) -> Supply {
        if self.vat == VatRate::ZERO { Supply::Street } else { Supply::CarPark { vat: self.vat } }
    }

    /// The charge that is neither paid nor failed; there is one at most.
    #[must_use]
    pub fn open_charge(&self) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.is_under_way())
    }

    /// The charge of this id.
    #[must_use]
    pub fn charge(&self, id: Uuid) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.id == id)
    }

    /// Whether something was asked for under the id that its charge has or would have.
    #[must_use]
    pub fn knows(&self, id: Uuid) -> bool {
        self.charge(id).is_some() || self.free.contains(&id)
    }

    /// Whether what was asked for under an id is this. Of what was written before wishes were kept, it is taken to be.
    #[must_use]
    pub fn is_as_asked(&self, id: Uuid, wish: Wish) -> bool {
        self.asked.get(&id).is_none_or(|asked| *asked == wish)
    }

    /// The charge of an intent.
    #[must_use]
    pub fn charge_of_intent(&self, intent: &str) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.intent.as_deref() == Some(intent))
    }

    /// When the paid time ends; of a pending session, when it would.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.session.bounds().map_or(self.created_at, |bounds| bounds.end)
    }

    /// The session as it was at an instant: one whose time has run out since was running then.
    #[must_use]
    pub fn as_of(&self, at: DateTime<Utc>) -> Self {
        let mut then = self.clone();
        if at < then.end() {
            then.session.reopen();
        }
        then
    }

    /// What is paid, less what goes back.
    #[must_use]
    pub fn net(&self) -> Money {
        let currency = self.session.segments.first().map_or_else(Default::default, |segment| segment.paid.currency);
        let taken = self.charges.iter().filter(|charge| charge.state == ChargeState::Succeeded);
        let cents: i64 = taken.map(|charge| charge.amount.cents).sum();
        let back: i64 = self.refunds.iter().map(|refund| refund.amount.cents).sum();
        Money::new(cents - back, currency)
    }

    /// Whose the session is: its driver's, by the issuer's subject, or an operator's, by its client id.
    #[must_use]
    pub fn whose(&self) -> Option<&str> {
        match &self.session.source {
            SessionSource::Operator { operator, .. } => Some(operator),
            SessionSource::Driver => self.owner.as_deref(),
        }
    }

    /// Whether the session is a driver's or an operator's.
    #[must_use]
    pub fn is_of(&self, who: &str) -> bool {
        self.whose() == Some(who)
    }

    /// Whether it is of a vehicle in a zone.
    #[must_use]
    pub fn is_of_vehicle(&self, plate: &PlateHash, zone: &ZoneId) -> bool {
        self.session.plate == *plate && self.session.zone == *zone
    }

    /// Takes the person off it that it was of.
    pub fn forget_person(&mut self) {
        self.owner = None;
        self.asked.clear();
        for charge in &mut self.charges {
            match &mut charge.source {
                Source::Card { method } => *method = None,
                Source::Wallet { payer } => *payer = Payer::Wallet { customer: nobody() },
                // An operator.
                Source::Invoice { .. } => {}
            }
        }
    }

    /// Whether the session may still change by itself or by its driver.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.session.state, SessionState::Pending | SessionState::Active)
    }

    /// Adds the charge of an extension.
    ///
    /// # Errors
    /// When the session is not running.
    pub fn begin_extension(&mut self, charge: Charge) -> Result<(), SessionRefusal> {
        self.session.state.after(parvis_rights::Command::Extend)?;
        self.charges.push(charge);
        Ok(())
    }
}

/// A movement without what ties it to a person.
#[must_use]
pub fn nameless(mut movement: KeptMovement) -> KeptMovement {
    match &mut movement {
        KeptMovement::Parking(movement) => {
            movement.stay.owner = None;
            if let Payer::Wallet { customer } = &mut movement.payer {
                *customer = nobody();
            }
        }
        KeptMovement::Wallet(movement) => movement.customer = nobody(),
    }
    movement
}

/// Whose wallet it was is erased.
fn nobody() -> Auxiliary {
    Auxiliary { number: "erased".to_owned(), label: "erased".to_owned() }
}
