//! Whether people were told that saturation is expected: `warning` under the subject of the series.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use crate::{
    records::Warning,
    store::{ForecastStore, StoreError, incomplete, number, text},
    subject::Subject,
};

const WARNING: &str = "warning";
const RAISED: &str = "raised";
const VERSION: &str = "version";

impl ForecastStore {
    /// Whether people were told that saturation is expected.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn warning(&self, subject: &Subject) -> Result<Warning, StoreError> {
        let Some(item) = self.get(&subject.to_string(), WARNING).await? else { return Ok(Warning::default()) };
        let raised = item.get(RAISED).and_then(|value| value.as_bool().ok()).copied().unwrap_or(false);
        Ok(Warning { raised, version: number(&item, VERSION) })
    }

    /// Writes what follows the warning that was read, together with the event that tells people, or neither. False when somebody else
    /// wrote in between.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_warning(
        &self,
        subject: &Subject,
        warning: &Warning,
        event: Option<TransactWriteItem>,
    ) -> Result<bool, StoreError> {
        let before = warning.version.saturating_sub(1);
        let put = Put::builder()
            .table_name(self.table())
            .item("pk", text(&subject.to_string()))
            .item("sk", text(WARNING))
            .item(RAISED, AttributeValue::Bool(warning.raised))
            .item(VERSION, AttributeValue::N(warning.version.to_string()))
            .condition_expression("attribute_not_exists(pk) OR #version = :before")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":before", AttributeValue::N(before.to_string()));
        let put = TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build();
        let writes = std::iter::once(put).chain(event).collect();
        self.transact(writes).await
    }
}
