//! Doing a thing once, against a real table.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::idempotency::{Claim, Idempotency};

const TABLE: &str = "Notify";
const KEEP: Duration = Duration::from_secs(3600);

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_781_000_000, 0).unwrap() + TimeDelta::seconds(second)
}

async fn keys() -> Idempotency {
    Idempotency::new(parvis_test_tables::start(&[TABLE]).await.unwrap(), TABLE, KEEP)
}

#[tokio::test]
async fn work_that_is_done_is_not_done_again() {
    let keys = keys().await;
    assert_eq!(keys.claim("event-1", at(0), at(30)).await.unwrap(), Claim::Granted);
    keys.complete("event-1").await.unwrap();
    assert_eq!(keys.claim("event-1", at(1), at(31)).await.unwrap(), Claim::Done);
    assert_eq!(keys.claim("event-1", at(100), at(130)).await.unwrap(), Claim::Done, "also after the lease");
    assert_eq!(keys.claim("event-2", at(1), at(31)).await.unwrap(), Claim::Granted, "keys do not disturb each other");
}

#[tokio::test]
async fn while_somebody_is_at_it_others_wait_until_the_lease_lapses() {
    let keys = keys().await;
    assert_eq!(keys.claim("event", at(0), at(30)).await.unwrap(), Claim::Granted);
    assert_eq!(keys.claim("event", at(29), at(59)).await.unwrap(), Claim::Busy);
    // The holder died between claim and completion: its work is not lost.
    assert_eq!(keys.claim("event", at(31), at(61)).await.unwrap(), Claim::Granted);
    assert_eq!(
        keys.claim("event", at(32), at(62)).await.unwrap(),
        Claim::Busy,
        "the new holder has a lease of its own"
    );
}

#[tokio::test]
async fn work_that_failed_may_be_tried_at_once() {
    let keys = keys().await;
    assert_eq!(keys.claim("event", at(0), at(30)).await.unwrap(), Claim::Granted);
    keys.release("event").await.unwrap();
    assert_eq!(keys.claim("event", at(1), at(31)).await.unwrap(), Claim::Granted);
}

#[tokio::test]
async fn what_has_expired_is_free_even_before_the_table_forgets_it() {
    let keys = keys().await;
    assert_eq!(keys.claim("event", at(0), at(30)).await.unwrap(), Claim::Granted);
    keys.complete("event").await.unwrap();
    assert_eq!(keys.claim("event", at(3601), at(3631)).await.unwrap(), Claim::Granted);
}

#[tokio::test]
async fn of_many_at_once_one_is_granted() {
    let keys = keys().await;
    let claims = futures::future::join_all((0..8).map(|_| keys.claim("event", at(0), at(30)))).await;
    let granted = claims.into_iter().filter(|claim| *claim.as_ref().unwrap() == Claim::Granted).count();
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn the_memory_of_a_key_ends_by_itself() {
    let client = parvis_test_tables::start(&[TABLE]).await.unwrap();
    let keys = Idempotency::new(client.clone(), TABLE, KEEP);
    keys.claim("event", at(0), at(30)).await.unwrap();
    let item = client
        .get_item()
        .table_name(TABLE)
        .key("pk", AttributeValue::S("event".to_owned()))
        .key("sk", AttributeValue::S("claim".to_owned()))
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    assert_eq!(item["expires_at"], AttributeValue::N((1_781_000_000 + 3600).to_string()));
}
