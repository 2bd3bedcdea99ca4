//! Taking a person off what is kept.

use aws_sdk_dynamodb::types::AttributeValue;
use parvis_ledger_rules::KeptMovement;
use uuid::Uuid;

use super::PaymentsStore;
use super::error::StoreError;
use super::items;
use super::keys::Key;

impl PaymentsStore {
    /// Takes something off a list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unlist(&self, key: Key) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", AttributeValue::S(key.pk)).key("sk", AttributeValue::S(key.sk));
        delete.send().await.map(drop).map_err(StoreError::call)
    }

    /// Writes the movements of a session without what ties them to a person. The books have taken them long since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn blank_movements(
        &self,
        session: Uuid,
        blank: impl Fn(KeptMovement) -> KeptMovement,
    ) -> Result<(), StoreError> {
        for movement in self.movements_of(session).await? {
            let key = Key::movement(session, movement.id());
            let data = items::text(&blank(movement))?;
            let update = self.client.update_item().table_name(&self.table);
            let update = update.key("pk", AttributeValue::S(key.pk)).key("sk", AttributeValue::S(key.sk));
            let update = update.update_expression("SET #data = :data").expression_attribute_names("#data", "data");
            let update = update.expression_attribute_values(":data", AttributeValue::S(data));
            update.send().await.map_err(StoreError::call)?;
        }
        Ok(())
    }

    /// The movements of a session, or of a payment into or out of a wallet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn movements_of(&self, session: Uuid) -> Result<Vec<KeptMovement>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :session AND begins_with(sk, :movement)")
            .expression_attribute_values(":session", AttributeValue::S(Key::session(session).pk))
            .expression_attribute_values(":movement", AttributeValue::S("movement#".to_owned()));
        let found = query.send().await.map_err(StoreError::call)?.items.unwrap_or_default();
        found.into_iter().map(|item| Ok(items::value(item)?.0)).collect()
    }

    /// Forgets a wallet that holds nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_wallet(&self, owner: &str) -> Result<(), StoreError> {
        let key = Key::wallet(owner);
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", AttributeValue::S(key.pk)).key("sk", AttributeValue::S(key.sk));
        let delete = delete.condition_expression("attribute_not_exists(cents) OR cents = :nothing");
        let delete = delete.expression_attribute_values(":nothing", AttributeValue::N("0".to_owned()));
        delete.send().await.map(drop).map_err(StoreError::call)
    }
}
