//! Giving money of a wallet back by hand, such as by a transfer: what no card takes back any more must not be kept for ever.

use parvis_kit::problem::{FieldError, Problem};
use parvis_money::Money;
use uuid::Uuid;

use super::the_same;
use crate::error::ApiResult;
use crate::record::ByHand;
use crate::state::App;
use crate::store::{Funds, StoreError};

/// Tries while the wallet is in use.
const ATTEMPTS: usize = 4;
/// Signs that say why.
const REASON: std::ops::RangeInclusive<usize> = 3..=300;

/// What was given back by hand.
#[derive(Debug, Clone)]
pub struct HandedOut {
    /// Made by who tells it, so that telling twice takes it off once.
    pub id: Uuid,
    /// Whose wallet, by the issuer's subject.
    pub owner: String,
    /// How much.
    pub amount: Money,
    /// Why, and how.
    pub reason: String,
    /// Who has done it, by the issuer's subject.
    pub by: String,
}

impl App {
    /// Takes money off a wallet that was given back without the provider, and tells the books.
    ///
    /// # Errors
    /// 422 for an amount or a reason that is none, 409 when the wallet does not hold so much; failures of the table.
    pub async fn give_by_hand(&self, told: HandedOut) -> ApiResult<ByHand> {
        let HandedOut { id, owner, amount, reason, by } = told;
        let reason = reason.trim().to_owned();
        if !REASON.contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
            return Err(Problem::invalid(vec![FieldError::new("/reason", "one line of 3 to 300 signs")]).into());
        }
        if amount.cents <= 0 {
            return Err(Problem::invalid(vec![FieldError::new("/cents", "must be above 0")]).into());
        }
        let id = ByHand::id_of(id);
        let given = ByHand { id, owner: Some(owner.clone()), amount, reason, by, at: self.now(), revision: 1 };
        let same = |known: &ByHand| {
            the_same(known.owner == given.owner && known.amount == given.amount && known.reason == given.reason)
        };
        let funds = Funds { owner: owner.clone(), change: amount.checked_neg().map_err(Problem::internal)? };
        for _ in 0..ATTEMPTS {
            if let Some(known) = self.store().by_hand(id).await? {
                same(&known)?;
                return Ok(known);
            }
            match self.store().give_by_hand(&given, &owner, &funds).await {
                Ok(()) => {
                    tracing::warn!(by = given.by, id = %id, cents = amount.cents, reason = given.reason, "money of a wallet was given back by hand");
                    return Ok(given);
                }
                // Its owner may be paying from it at this moment.
                Err(StoreError::Conflict) => self.refuse_too_much(&owner, amount.cents).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn refuse_too_much(&self, owner: &str, cents: i64) -> ApiResult<()> {
        let held = self.store().wallet(owner).await?;
        if held < cents {
            return Err(Problem::conflict("The wallet does not hold so much.").member("wallet_cents", held).into());
        }
        Ok(())
    }
}
