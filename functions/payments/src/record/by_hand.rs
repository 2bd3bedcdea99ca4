//! Money of a wallet that a person has given back to its owner by other means than a card.

use chrono::{DateTime, Utc};
use parvis_ledger_rules::{Auxiliary, WalletMovement, WalletMovementKind};
use parvis_money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was given back by hand, who says so, and why. Never changed, but for its owner when that one is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// Made of the id under which it was asked for; the movement's id.
    pub id: Uuid,
    /// Whose wallet, by the issuer's subject; absent after an erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How much; above zero.
    pub amount: Money,
    /// Why, and how.
    pub reason: String,
    /// Who has done it, by the issuer's subject.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Rises with every write; the condition of the next one.
    pub revision: u64,
}

impl ByHand {
    /// The id of what is asked for under an id.
    #[must_use]
    pub fn id_of(asked: Uuid) -> Uuid {
        Uuid::new_v5(&asked, b"by hand")
    }

    /// The movement for the books.
    #[must_use]
    pub fn movement(&self) -> WalletMovement {
        let owner = self.owner.clone().unwrap_or_default();
        let customer = Auxiliary { number: owner.clone(), label: owner };
        WalletMovement { id: self.id, at: self.at, kind: WalletMovementKind::ByHand, amount: self.amount, customer }
    }
}
