//! Money on its way into a wallet.

use chrono::{DateTime, Utc};
use parvis_ledger_rules::{Auxiliary, WalletMovement};
use parvis_money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ABANDONED, ChargeState, Delay, PATIENCE};

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
            ChargeState::Succeeded | ChargeState::Failed => return None,
        };
        Some(self.delay.map_or(due, |delay| delay.until.max(due)))
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

    /// The movement for the books.
    #[must_use]
    pub fn movement(&self, now: DateTime<Utc>) -> WalletMovement {
        let owner = self.owner.clone().unwrap_or_default();
        WalletMovement {
            id: self.id,
            at: now,
            amount: self.amount,
            customer: Auxiliary { number: owner.clone(), label: owner },
        }
    }
}
