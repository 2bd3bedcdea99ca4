//! Money of wallets that was given back by hand.

use uuid::Uuid;

use super::error::StoreError;
use super::items;
use super::keys::Key;
use super::{Funds, KEEP, PaymentsStore};
use crate::record::ByHand;

impl PaymentsStore {
    /// What was given back by hand under an id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_hand(&self, id: Uuid) -> Result<Option<ByHand>, StoreError> {
        Ok(self.read(Key::by_hand(id)).await?.map(|(given, _)| given))
    }

    /// What was given back to an owner by hand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_hand_of(&self, owner: &str) -> Result<Vec<ByHand>, StoreError> {
        let ids = self.listed(Key::by_hand_of(owner, Uuid::nil()), "byhand#~").await?;
        let read = futures::future::try_join_all(ids.into_iter().map(|id| self.by_hand(id))).await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Takes it off the wallet of `owner` and writes it down, unless its id is taken.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], also when the wallet does not hold enough; others.
    pub async fn give_by_hand(&self, given: &ByHand, owner: &str, funds: &Funds) -> Result<(), StoreError> {
        let keep = Some(given.at + KEEP);
        let item = items::item(Key::by_hand(given.id), "by_hand", given.revision, given, keep)?;
        let entry = items::item(Key::by_hand_of(owner, given.id), "listed", 0, &given.id, keep)?;
        let mut parts = vec![self.put(item, Some("attribute_not_exists(pk)"))?, self.put(entry, None)?];
        self.add_movement(given.id, &given.movement(), &mut parts)?;
        self.move_funds(Some(funds), &mut parts)?;
        self.transact(parts).await
    }

    /// Takes its owner off it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was changed since it was read; others.
    pub async fn forget_by_hand(&self, given: &ByHand, owner: &str) -> Result<(), StoreError> {
        let after = ByHand { owner: None, revision: given.revision + 1, ..given.clone() };
        let item = items::item(Key::by_hand(given.id), "by_hand", after.revision, &after, Some(given.at + KEEP))?;
        let listed = Key::by_hand_of(owner, given.id);
        self.transact(vec![self.put_over(item, given.revision)?, self.delete(listed)?]).await
    }
}
