//! The events table, against a real table.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_events::{CloudEvent, EventId};
use parvis_kit::event_store::{EventStore, from_image};
use serde_json::{Value, json};

const TABLE: &str = "Events";

fn event(second: i64) -> CloudEvent {
    let time = DateTime::<Utc>::from_timestamp(1_781_000_000, 0).unwrap() + TimeDelta::seconds(second);
    let id = EventId::of_facts(time, &["test"]);
    CloudEvent::new(id, "/parvis/test", "parvis.test", "place/default", time, json!({ "second": second }))
}

async fn put(client: &Client, store: &EventStore, event: &CloudEvent) -> bool {
    let put = store.put_in_transaction(event).unwrap();
    client.transact_write_items().transact_items(put).send().await.is_ok()
}

#[tokio::test]
async fn events_are_read_newest_first_and_page_by_page() {
    let client = parvis_test_tables::start(&[TABLE]).await.unwrap();
    let store = EventStore::new(client.clone(), TABLE);
    for second in [2, 0, 1] {
        assert!(put(&client, &store, &event(second)).await);
    }
    let first: Vec<CloudEvent> = store.newest("place/default", 2, None).await.unwrap();
    assert_eq!(first, [event(2), event(1)]);
    let second: Vec<CloudEvent> = store.newest("place/default", 2, Some(&first[1].id)).await.unwrap();
    assert_eq!(second, [event(0)]);
    assert!(store.newest::<Value>("place/other", 2, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_is_put_once() {
    let client = parvis_test_tables::start(&[TABLE]).await.unwrap();
    let store = EventStore::new(client.clone(), TABLE);
    assert!(put(&client, &store, &event(0)).await);
    assert!(!put(&client, &store, &event(0)).await, "the same id again is refused");
}

#[tokio::test]
async fn the_stream_shows_the_event_as_it_was_put() {
    let client = parvis_test_tables::start(&[TABLE]).await.unwrap();
    let store = EventStore::new(client.clone(), TABLE);
    put(&client, &store, &event(0)).await;
    let item = client.scan().table_name(TABLE).send().await.unwrap().items.unwrap().remove(0);
    assert_eq!(from_image::<Value>(serde_dynamo::Item::from(item)).unwrap(), event(0));
}

#[tokio::test]
async fn many_events_are_put_at_once_or_not_at_all() {
    let client = parvis_test_tables::start(&[TABLE]).await.unwrap();
    let store = EventStore::new(client, TABLE);
    let many: Vec<CloudEvent> = (0..100).map(event).collect();
    store.put_all(&many).await.unwrap();
    assert_eq!(store.newest::<Value>("place/default", 100, None).await.unwrap().len(), 100);
    let more = [event(200), event(99)];
    store.put_all(&more).await.unwrap_err();
    let newest: Vec<CloudEvent> = store.newest("place/default", 1, None).await.unwrap();
    assert_eq!(newest, [event(99)], "one of them was there, so none was put");
}
