//! Blocks as items, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use parvis_parking::{Block, BlockKey};
use serde_dynamo::Item;

use crate::error::ImageError;

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const VERSION: &str = "v";
const DATA: &str = "d";

/// A block as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionedBlock {
    /// Its address.
    pub key: BlockKey,
    /// How often it was written, from 1.
    pub version: u64,
    /// Its state.
    pub block: Block,
}

/// Reads a block from the image of a stream record, or from any item of the table.
///
/// # Errors
/// [`ImageError`] when the item is not a block that this version of the program can read.
pub fn from_image(image: &Item) -> Result<VersionedBlock, ImageError> {
    use serde_dynamo::AttributeValue::{B, N, S};

    let text = |name| match image.inner().get(name) {
        Some(S(text)) => Ok(text.as_str()),
        _ => Err(ImageError::Attribute(name)),
    };
    let version = match image.inner().get(VERSION) {
        Some(N(number)) => number.parse().ok(),
        _ => None,
    };
    let Some(B(data)) = image.inner().get(DATA) else {
        return Err(ImageError::Attribute(DATA));
    };
    let key = BlockKey::parse(text(PK)?, text(SK)?)?;
    let block = Block::decode(key.index, data).map_err(|source| ImageError::State { key: key.to_string(), source })?;
    Ok(VersionedBlock { key, version: version.ok_or(ImageError::Attribute(VERSION))?, block })
}

/// The item of a block.
pub(crate) fn to_item(key: &BlockKey, version: u64, block: &Block) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (PK.to_owned(), AttributeValue::S(key.place.to_string())),
        (SK.to_owned(), AttributeValue::S(key.sort_key())),
        (VERSION.to_owned(), AttributeValue::N(version.to_string())),
        (DATA.to_owned(), AttributeValue::B(Blob::new(block.encode()))),
    ])
}

#[cfg(test)]
mod tests {
    use parvis_parking::{BlockIndex, DeviceMessage, Heartbeat, SpaceNumber};

    use super::*;

    fn stored() -> VersionedBlock {
        let key = BlockKey::parse("default", "Zone_A#0001").unwrap();
        let mut block = Block::empty(BlockIndex::Spaces(1));
        let at = "2026-01-18T10:00:00Z".parse().unwrap();
        block.merge(&[DeviceMessage::Heartbeat(Heartbeat {
            place: key.place.clone(),
            zone: key.zone.clone(),
            space: SpaceNumber::try_from(33).unwrap(),
            at,
            battery: Some(80),
            received_at: at,
        })]);
        VersionedBlock { key, version: 7, block }
    }

    #[test]
    fn an_item_reads_back() {
        let stored = stored();
        let item = Item::from(to_item(&stored.key, stored.version, &stored.block));
        assert_eq!(from_image(&item).unwrap(), stored);
    }

    #[test]
    fn a_stream_record_reads_as_the_item() {
        let stored = stored();
        let item = Item::from(to_item(&stored.key, stored.version, &stored.block));
        // The form in which the stream delivers it: binary as base64.
        let delivered: Item = serde_json::from_str(&serde_json::to_string(&item).unwrap()).unwrap();
        assert_eq!(from_image(&delivered).unwrap(), stored);
    }

    #[test]
    fn what_is_no_block_says_why() {
        let stored = stored();
        let with = |name: &str, value: Option<AttributeValue>| {
            let mut item = to_item(&stored.key, stored.version, &stored.block);
            match value {
                Some(value) => item.insert(name.to_owned(), value),
                None => item.remove(name),
            };
            from_image(&Item::from(item)).unwrap_err()
        };
        assert!(matches!(with(DATA, None), ImageError::Attribute(DATA)));
        assert!(matches!(with(PK, None), ImageError::Attribute(PK)));
        assert!(matches!(with(VERSION, Some(AttributeValue::N("x".into()))), ImageError::Attribute(VERSION)));
        assert!(matches!(with(SK, Some(AttributeValue::S("Zone_A".into()))), ImageError::Key(_)));
        let future = AttributeValue::B(Blob::new([9]));
        assert!(matches!(with(DATA, Some(future)), ImageError::State { .. }));
    }
}
