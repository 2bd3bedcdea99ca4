//! Money on its way into a wallet.

use chrono::{DateTime, Utc};
use parvis_ledger_rules::{Auxiliary, WalletMovement, WalletMovementKind};
use parvis_money::Money;
use parvis_stripe::RefundStatus;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refund::MOST_FAILURES;
use super::{ABANDONED, ChargeState, Delay, PATIENCE, Refund, RefundState};

/// A payment into a wallet: one item, changed by one conditional write at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// Made of its owner's id for it; the provider's idempotency key and the movement's id.
    pub id: Uuid,
    /// Whose wallet, by the issuer's subject; absent after an erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How much; above zero.
    pub amount: Money,
    /// The payment method that the provider's form has made; without one the payer's browser confirms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Where it is in its life.
    pub state: ChargeState,
    /// The provider's intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// With what the payer's browser confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Why it failed, in the provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What of it goes back to the card that it came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Rises with every write; the condition of the next one.
    pub revision: u64,
    /// Its last turn on the work list changed nothing, and it waits for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
}

impl TopUp {
    /// The id of what an owner asks for under an id: others' ids, and those of sessions, are none of it.
    #[must_use]
    pub fn id_of(owner: &str, asked: Uuid) -> Uuid {
        Uuid::new_v5(&asked, format!("top-up of {owner}").as_bytes())
    }

    /// Whether it is neither paid nor failed.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, ChargeState::Created | ChargeState::Open)
    }

    /// From when on somebody else than the present process should see to it; `None` when it is over.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let due = match self.state {
            ChargeState::Created => self.created_at + ABANDONED,
            ChargeState::Open => self.created_at + PATIENCE,
            ChargeState::Succeeded => self.refunds.iter().filter_map(Refund::due).min()?,
            ChargeState::Failed => return None,
        };
        Some(self.delay.map_or(due, |delay| delay.until.max(due)))
    }

    /// The last that is known to have happened to its money; what is kept of it is kept for some time from then on. `None` as long as
    /// something is open or owed: that is not forgotten.
    #[must_use]
    pub fn settled_at(&self) -> Option<DateTime<Utc>> {
        let refunds = self.refunds.iter().map(|refund| refund.not_before.unwrap_or(refund.created_at));
        self.due().is_none().then(|| refunds.fold(self.created_at, DateTime::max))
    }

    /// The provider has made its intent.
    pub fn opened(&mut self, intent: String, client_secret: Option<String>) {
        self.state = ChargeState::Open;
        self.intent = Some(intent);
        self.client_secret = client_secret;
    }

    /// It is paid, or never will be.
    pub fn ended(&mut self, paid: bool, failure: Option<String>) {
        self.state = if paid { ChargeState::Succeeded } else { ChargeState::Failed };
        self.client_secret = None;
        self.failure = failure;
    }

    /// Takes the person off it that it was of.
    pub fn forget_person(&mut self) {
        self.owner = None;
        self.method = None;
    }

    /// The movement of its payment for the books.
    #[must_use]
    pub fn movement(&self, now: DateTime<Utc>) -> WalletMovement {
        self.moved(self.id, WalletMovementKind::TopUp, self.amount, now)
    }

    /// Owes back what has not gone back yet, at most so much (minor units). `None` when that is nothing.
    pub fn owe_back(&mut self, most: i64, now: DateTime<Utc>) -> Option<Money> {
        let stands = self.refunds.iter().filter(|refund| refund.state != RefundState::GivenUp);
        let gone: i64 = stands.map(|refund| refund.amount.cents).sum();
        let cents = self.amount.cents.saturating_sub(gone).min(most);
        if self.state != ChargeState::Succeeded || cents <= 0 {
            return None;
        }
        let amount = Money::new(cents, self.amount.currency);
        // What was given up counts here: its id is taken.
        let id = Uuid::new_v5(&self.id, format!("paid back {}", self.refunds.len()).as_bytes());
        self.refunds.push(Refund::new(id, self.id, amount, now));
        Some(amount)
    }

    /// Takes in how a refund's present attempt stands at the provider; false when that is known.
    pub fn repaid(&mut self, id: Uuid, status: RefundStatus, now: DateTime<Utc>) -> bool {
        self.refunds.iter_mut().find(|refund| refund.id == id).is_some_and(|refund| refund.take(status, now))
    }

    /// The movement of a refund for the books, when it is given for the first time.
    pub fn book_refund(&mut self, id: Uuid, now: DateTime<Utc>) -> Option<WalletMovement> {
        let mut given = self.refunds.iter_mut().filter(|refund| refund.state == RefundState::Done && !refund.booked);
        let refund = given.find(|refund| refund.id == id)?;
        refund.booked = true;
        let amount = refund.amount;
        Some(self.moved(id, WalletMovementKind::PayBack, amount, now))
    }

    /// Whether a refund has failed so often that its money is better in the wallet, which must still be somebody's.
    #[must_use]
    pub fn is_hopeless(&self, refund: &Refund) -> bool {
        refund.state == RefundState::Due && refund.failed >= MOST_FAILURES && self.owner.is_some()
    }

    /// How much of it the provider is known to have given back, in minor units.
    #[must_use]
    pub fn given(&self) -> i64 {
        let done = self.refunds.iter().filter(|refund| refund.state == RefundState::Done);
        done.map(|refund| refund.amount.cents).sum()
    }

    /// Gives a refund up, whose amount is the wallet's again. The movement for the books is there when they have it as given.
    pub fn give_up(&mut self, id: Uuid, now: DateTime<Utc>) -> Option<WalletMovement> {
        let refund = self.refunds.iter_mut().find(|refund| refund.id == id)?;
        refund.state = RefundState::GivenUp;
        let booked = std::mem::take(&mut refund.booked);
        let amount = refund.amount;
        let returned = Uuid::new_v5(&id, b"returned");
        booked.then(|| self.moved(returned, WalletMovementKind::Returned, amount, now))
    }

    fn moved(&self, id: Uuid, kind: WalletMovementKind, amount: Money, at: DateTime<Utc>) -> WalletMovement {
        let owner = self.owner.clone().unwrap_or_default();
        WalletMovement { id, at, kind, amount, customer: Auxiliary { number: owner.clone(), label: owner } }
    }
}
