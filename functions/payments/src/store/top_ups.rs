//! Payments into wallets.

use aws_sdk_dynamodb::types::TransactWriteItem;
use chrono::{DateTime, Utc};
use parvis_ledger_rules::{ListedMovement, WalletMovement};
use uuid::Uuid;

use super::error::StoreError;
use super::items;
use super::keys::Key;
use super::write::LISTED;
use super::{Funds, KEEP, PaymentsStore};
use crate::record::{Delay, TopUp};

impl PaymentsStore {
    /// A payment into a wallet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn top_up(&self, id: Uuid) -> Result<Option<TopUp>, StoreError> {
        Ok(self.read(Key::top_up(id)).await?.map(|(top_up, _)| top_up))
    }

    /// An owner's payments into the wallet since an instant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn top_ups_of(&self, owner: &str, since: DateTime<Utc>) -> Result<Vec<TopUp>, StoreError> {
        let ids = self.listed(Key::top_up_of(owner, since, Uuid::nil()), "topup#~").await?;
        let read = futures::future::try_join_all(ids.into_iter().map(|id| self.top_up(id))).await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Writes a new one, unless its id is taken.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], others.
    pub async fn create_top_up(&self, top_up: &TopUp, owner: &str) -> Result<(), StoreError> {
        let item = items::item(Key::top_up(top_up.id), "top_up", top_up.revision, top_up, keep(top_up))?;
        let mut parts = vec![self.put(item, Some("attribute_not_exists(pk)"))?, self.entry(top_up, owner)?];
        self.work_follows(top_up.id, None, top_up.due(), &mut parts)?;
        self.transact(parts).await
    }

    /// Writes one after a step, with what that moves in the wallet and for the books, unless somebody has written it since `before` was
    /// read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], also when a wallet does not hold enough; others.
    pub async fn save_top_up(
        &self,
        before: &TopUp,
        after: &mut TopUp,
        movement: Option<WalletMovement>,
        funds: Option<Funds>,
    ) -> Result<(), StoreError> {
        after.revision = before.revision + 1;
        after.delay = None;
        let mut parts = self.rewritten(before, after)?;
        if let Some(movement) = movement {
            self.add_movement(after.id, &movement, &mut parts)?;
        }
        self.move_funds(funds.as_ref(), &mut parts)?;
        self.transact(parts).await
    }

    /// Adds a movement of a wallet, for the books.
    pub(super) fn add_movement(
        &self,
        id: Uuid,
        movement: &WalletMovement,
        parts: &mut Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let keep = Some(movement.at + KEEP);
        let item = items::item(Key::movement(id, movement.id), "movement", 0, movement, keep)?;
        parts.push(self.put(item, Some("attribute_not_exists(pk)"))?);
        let listed = ListedMovement { session: id, movement: movement.id, at: movement.at };
        let forgotten = Some(movement.at + LISTED);
        parts.push(self.put(items::item(Key::listed_movement(&listed), "moved", 0, &listed, forgotten)?, None)?);
        Ok(())
    }

    /// Gives one its next turn on the work list later, unless somebody has written it since it was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], others.
    pub async fn postpone_top_up(&self, top_up: &TopUp, now: DateTime<Utc>) -> Result<(), StoreError> {
        let delay = Some(Delay::after(top_up.delay, now));
        let after = TopUp { revision: top_up.revision + 1, delay, ..top_up.clone() };
        self.transact(self.rewritten(top_up, &after)?).await
    }

    fn rewritten(&self, before: &TopUp, after: &TopUp) -> Result<Vec<TransactWriteItem>, StoreError> {
        let item = items::item(Key::top_up(after.id), "top_up", after.revision, after, keep(after))?;
        let mut parts = vec![self.put_over(item, before.revision)?];
        if let Some(owner) = after.owner.as_deref().filter(|_| keep(before) != keep(after)) {
            parts.push(self.entry(after, owner)?);
        }
        self.work_follows(after.id, before.due(), after.due(), &mut parts)?;
        Ok(parts)
    }

    /// Its entry in its owner's list is kept as long as itself.
    fn entry(&self, top_up: &TopUp, owner: &str) -> Result<TransactWriteItem, StoreError> {
        let key = Key::top_up_of(owner, top_up.created_at, top_up.id);
        self.put(items::item(key, "listed", 0, &top_up.id, keep(top_up))?, None)
    }
}

/// Until when the table keeps it: for ever, as long as something is open or owed.
fn keep(top_up: &TopUp) -> Option<DateTime<Utc>> {
    top_up.settled_at().map(|settled| settled + KEEP)
}
