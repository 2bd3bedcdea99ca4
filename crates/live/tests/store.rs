//! Blocks in a real table: conditions, conflicts, pages.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use anyhow::Result;
use chrono::{DateTime, Utc};
use parvis_live::{LiveStore, PutOutcome};
use parvis_parking::{Block, BlockIndex, BlockKey, DeviceMessage, Heartbeat, SpaceNumber};

fn key(sort_key: &str) -> BlockKey {
    BlockKey::parse("default", sort_key).unwrap()
}

/// A block whose only space was heard at a time.
fn heard(key: &BlockKey, at: DateTime<Utc>) -> Block {
    let BlockIndex::Spaces(index) = key.index else { panic!("{key}") };
    let mut block = Block::empty(key.index);
    block.merge(&[DeviceMessage::Heartbeat(Heartbeat {
        place: key.place.clone(),
        zone: key.zone.clone(),
        space: SpaceNumber::at(index, 0).unwrap(),
        at,
        battery: None,
        received_at: at,
    })]);
    block
}

fn noon() -> DateTime<Utc> {
    "2026-01-18T12:00:00Z".parse().unwrap()
}

async fn store() -> Result<LiveStore> {
    Ok(LiveStore::new(parvis_test_tables::start(&["live"]).await?, "live"))
}

#[tokio::test]
async fn only_the_first_of_two_writers_of_a_version_succeeds() -> Result<()> {
    let store = store().await?;
    let key = key("a#0000");
    let (first, second) = (heard(&key, noon()), heard(&key, noon() + chrono::Duration::seconds(1)));
    assert_eq!(store.get(&key).await?, None);
    assert_eq!(store.put_if(&key, None, &first).await?, PutOutcome::Written(1));

    // The loser is given the block that won.
    let PutOutcome::Conflict(Some(current)) = store.put_if(&key, None, &second).await? else { panic!("no conflict") };
    assert_eq!((current.version, &current.block), (1, &first));
    assert_eq!(store.get(&key).await?.as_ref(), Some(&*current));

    assert_eq!(store.put_if(&key, Some(1), &second).await?, PutOutcome::Written(2));
    let PutOutcome::Conflict(Some(current)) = store.put_if(&key, Some(1), &first).await? else { panic!("no conflict") };
    assert_eq!((current.version, current.block), (2, second));
    Ok(())
}

#[tokio::test]
async fn a_block_that_is_gone_is_a_conflict_too() -> Result<()> {
    let store = store().await?;
    let key = key("a#0000");
    assert_eq!(store.put_if(&key, Some(3), &heard(&key, noon())).await?, PutOutcome::Conflict(None));
    Ok(())
}

#[tokio::test]
async fn blocks_are_found_by_place_and_by_zone() -> Result<()> {
    let store = store().await?;
    for sort_key in ["a#0000", "a#0001", "a2#0000"] {
        let key = key(sort_key);
        store.put_if(&key, None, &heard(&key, noon())).await?;
    }
    let elsewhere = BlockKey::parse("other", "a#0000")?;
    store.put_if(&elsewhere, None, &heard(&elsewhere, noon())).await?;

    let keys = |blocks: Vec<parvis_live::VersionedBlock>| -> Vec<String> {
        blocks.iter().map(|block| block.key.sort_key()).collect()
    };
    assert_eq!(keys(store.place_blocks(&"default".parse()?).await?), ["a#0000", "a#0001", "a2#0000"]);
    assert_eq!(keys(store.zone_blocks(&"default".parse()?, &"a".parse()?).await?), ["a#0000", "a#0001"]);
    Ok(())
}

#[tokio::test]
async fn a_table_that_does_not_exist_is_no_transient_failure() -> Result<()> {
    let store = LiveStore::new(parvis_test_tables::start(&[]).await?, "live");
    let error = store.get(&key("a#0000")).await.unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    Ok(())
}
