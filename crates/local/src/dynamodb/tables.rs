//! From the template's tables to tables of the engine.

use std::collections::BTreeMap;

use dynoxide::Database;
use parvis_sam::{Attribute, AttributeType, StreamView, Table};
use serde_json::{Value, json};

use super::DynamoDbError;

/// Creates the table unless it is there. A table that an earlier version of the template created is brought up to date as far as
/// stream and time-to-live go; its keys and indexes are left as they are.
pub(super) fn ensure(database: &Database, table: &Table) -> Result<(), DynamoDbError> {
    let existing = database.get_table_metadata(&table.name)?;
    match (&existing, stream_specification(table)) {
        (None, _) => {
            database.create_table(request(table, &create_request(table))?)?;
        }
        (Some(existing), Some(specification)) if !existing.stream_enabled => {
            let update = json!({"TableName": table.name, "StreamSpecification": specification});
            database.update_table(request(table, &update)?)?;
        }
        (Some(_), _) => {}
    }
    let Some(attribute) = &table.ttl_attribute else { return Ok(()) };
    if existing.is_some_and(|existing| existing.ttl_enabled && existing.ttl_attribute.as_ref() == Some(attribute)) {
        return Ok(());
    }
    let update = json!({
        "TableName": table.name,
        "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
    });
    database.update_time_to_live(request(table, &update)?)?;
    Ok(())
}

fn create_request(table: &Table) -> Value {
    let mut attributes = BTreeMap::new();
    let mut keys = |hash: &Attribute, range: Option<&Attribute>| -> Value {
        let mut schema = vec![json!({"AttributeName": hash.name, "KeyType": "HASH"})];
        schema.extend(range.map(|range| json!({"AttributeName": range.name, "KeyType": "RANGE"})));
        attributes
            .extend([Some(hash), range].into_iter().flatten().map(|key| (key.name.clone(), attribute_type(key.kind))));
        schema.into()
    };
    let mut create = json!({
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys(&table.hash, table.range.as_ref()),
    });
    let indexes: Vec<_> = table
        .indexes
        .iter()
        .map(|index| {
            let mut projection = json!({"ProjectionType": index.projection});
            if !index.non_key_attributes.is_empty() {
                projection["NonKeyAttributes"] = json!(index.non_key_attributes);
            }
            json!({
                "IndexName": index.name,
                "KeySchema": keys(&index.hash, index.range.as_ref()),
                "Projection": projection,
            })
        })
        .collect();
    if !indexes.is_empty() {
        create["GlobalSecondaryIndexes"] = indexes.into();
    }
    if let Some(specification) = stream_specification(table) {
        create["StreamSpecification"] = specification;
    }
    create["AttributeDefinitions"] =
        attributes.into_iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})).collect();
    create
}

fn attribute_type(kind: AttributeType) -> &'static str {
    match kind {
        AttributeType::String => "S",
        AttributeType::Number => "N",
        AttributeType::Binary => "B",
    }
}

fn stream_specification(table: &Table) -> Option<Value> {
    let view = match table.stream? {
        StreamView::KeysOnly => "KEYS_ONLY",
        StreamView::NewImage => "NEW_IMAGE",
        StreamView::OldImage => "OLD_IMAGE",
        StreamView::NewAndOldImages => "NEW_AND_OLD_IMAGES",
    };
    Some(json!({"StreamEnabled": true, "StreamViewType": view}))
}

fn request<T: serde::de::DeserializeOwned>(table: &Table, request: &Value) -> Result<T, DynamoDbError> {
    // From text, not from the value: the engine's readers borrow from what they parse.
    serde_json::from_str(&request.to_string())
        .map_err(|error| DynamoDbError::Table { table: table.name.clone(), detail: error.to_string() })
}
