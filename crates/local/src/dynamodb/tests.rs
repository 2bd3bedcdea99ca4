//! The service as functions and mappings see it: the real SDK over HTTP, streams in process.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use parvis_sam::{Attribute, AttributeType, Index, StreamView};
use serde_json::json;

use super::*;

const TABLE: &str = "LiveTable";

fn table(stream: Option<StreamView>) -> Table {
    let key = |name: &str| Attribute { name: name.to_owned(), kind: AttributeType::String };
    let index = Index {
        name: "by-zone".to_owned(),
        hash: key("zone"),
        range: Some(Attribute { name: "v".to_owned(), kind: AttributeType::Number }),
        projection: "INCLUDE".to_owned(),
        non_key_attributes: vec!["d".to_owned()],
    };
    Table {
        logical_id: TABLE.into(),
        name: TABLE.to_owned(),
        arn: format!("arn:aws:dynamodb:eu-west-3:000000000000:table/{TABLE}"),
        hash: key("pk"),
        range: Some(key("sk")),
        indexes: vec![index],
        stream,
        ttl_attribute: Some("expires_at".to_owned()),
    }
}

fn client(dynamodb: &DynamoDb) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-3"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(dynamodb.endpoint())
        .build();
    Client::from_conf(config)
}

async fn start(directory: &Path) -> DynamoDb {
    DynamoDb::start(&[table(Some(StreamView::NewAndOldImages))], directory, Durability::Process).await.unwrap()
}

fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

async fn put(client: &Client, sk: &str, version: u32, bytes: &[u8]) {
    client
        .put_item()
        .table_name(TABLE)
        .item("pk", s("default"))
        .item("sk", s(sk))
        .item("v", n(version))
        .item("d", AttributeValue::B(Blob::new(bytes)))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failed_condition_returns_the_item_that_won() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    put(&client, "Zone_A#0000", 1, &[0, 159, 255]).await;

    let refused = client
        .put_item()
        .table_name(TABLE)
        .item("pk", s("default"))
        .item("sk", s("Zone_A#0000"))
        .condition_expression("v = :v")
        .expression_attribute_values(":v", n(7))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();

    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failure) = refused else {
        panic!("not a failed condition: {refused:?}");
    };
    let winner: &HashMap<_, _> = failure.item().unwrap();
    assert_eq!(winner["v"], n(1));
    assert_eq!(winner["d"], AttributeValue::B(Blob::new([0, 159, 255])), "binary attributes come back unchanged");
    let usage = dynamodb.usage()[TABLE];
    assert_eq!((usage.write_units, usage.failed_conditions), (1.0, 1));
}

#[tokio::test]
async fn a_consistent_query_pages_through_all_blocks_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    for block in 0..25 {
        put(&client, &format!("Zone_A#{block:04}"), 1, &[7; 900]).await;
    }

    let query = client
        .query()
        .table_name(TABLE)
        .consistent_read(true)
        .limit(10)
        .key_condition_expression("pk = :pk AND begins_with(sk, :zone)")
        .expression_attribute_values(":pk", s("default"))
        .expression_attribute_values(":zone", s("Zone_A#"));
    let mut pages = query.into_paginator().send();
    let mut keys = Vec::new();
    let mut page_sizes = Vec::new();
    while let Some(page) = pages.next().await {
        let items = page.unwrap().items.unwrap();
        page_sizes.push(items.len());
        keys.extend(items.iter().map(|item| item["sk"].as_s().unwrap().clone()));
    }
    let expected: Vec<_> = (0..25).map(|block| format!("Zone_A#{block:04}")).collect();
    assert_eq!(keys, expected);
    assert_eq!(&page_sizes[..3], [10, 10, 5]);
    // 25 writes of just under 1 KB each; pages of 10 x ~920 bytes take three read units, the last of 5 two.
    let usage = dynamodb.usage()[TABLE];
    assert_eq!((usage.read_units, usage.write_units), (8.0, 25.0));
}

#[tokio::test]
async fn an_index_of_the_template_answers_queries() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    for version in [3, 1, 2] {
        let item = client.put_item().table_name(TABLE).item("pk", s("default")).item("sk", s(format!("{version}")));
        item.item("zone", s("Zone_A")).item("v", n(version)).item("other", s("x")).send().await.unwrap();
    }
    let query = client.query().table_name(TABLE).index_name("by-zone").key_condition_expression("#z = :z AND v >= :v");
    let query = query.expression_attribute_names("#z", "zone").expression_attribute_values(":z", s("Zone_A"));
    let items = query.expression_attribute_values(":v", n(2)).send().await.unwrap().items.unwrap();
    assert_eq!(items.iter().map(|item| item["v"].clone()).collect::<Vec<_>>(), [n(2), n(3)]);
    assert!(!items[0].contains_key("other"), "not projected");
}

#[tokio::test]
async fn a_transaction_writes_all_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    let action = |sk: &str, condition: Option<&str>| {
        let put = Put::builder()
            .table_name(TABLE)
            .item("pk", s("place/default"))
            .item("sk", s(sk))
            .set_condition_expression(condition.map(str::to_owned));
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };

    client
        .transact_write_items()
        .transact_items(action("a", None))
        .transact_items(action("b", None))
        .send()
        .await
        .unwrap();
    let refused = client
        .transact_write_items()
        .transact_items(action("c", None))
        .transact_items(action("a", Some("attribute_not_exists(pk)")))
        .send()
        .await
        .unwrap_err()
        .into_service_error();

    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = refused
    else {
        panic!("not cancelled: {refused:?}");
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    let c = client.get_item().table_name(TABLE).key("pk", s("place/default")).key("sk", s("c")).send().await.unwrap();
    assert!(c.item.is_none());
}

#[tokio::test]
async fn the_stream_tells_every_write_in_order_and_wakes_its_reader() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    let mut stream = dynamodb.stream(TABLE).unwrap();
    assert_eq!(stream.latest().unwrap(), None);
    assert!(stream.read(None, 100).await.unwrap().is_empty());

    let waiting = tokio::spawn(async move {
        stream.changed().await;
        stream
    });
    put(&client, "Zone_A#0000", 1, b"one").await;
    let mut stream = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("woken by the write").unwrap();
    put(&client, "Zone_A#0000", 2, b"two").await;
    client.delete_item().table_name(TABLE).key("pk", s("default")).key("sk", s("Zone_A#0000")).send().await.unwrap();

    let first = stream.read(None, 2).await.unwrap();
    let rest = stream.read(first.last().map(|record| &record.dynamodb.sequence_number), 100).await.unwrap();
    let told: Vec<_> = first.iter().chain(&rest).map(|record| serde_json::to_value(record).unwrap()).collect();
    let versions: Vec<_> = told
        .iter()
        .map(|record| {
            let version = |image: &str| record["dynamodb"][image]["v"]["N"].as_str().map(str::to_owned);
            (record["eventName"].as_str().unwrap(), version("OldImage"), version("NewImage"))
        })
        .collect();
    let v = |version: &str| Some(version.to_owned());
    assert_eq!(versions, [("INSERT", None, v("1")), ("MODIFY", v("1"), v("2")), ("REMOVE", v("2"), None)]);
    assert_eq!(told[0]["dynamodb"]["Keys"]["sk"]["S"], "Zone_A#0000");
    assert!(rest[0].dynamodb.sequence_number > first[1].dynamodb.sequence_number);
    assert_eq!(stream.latest().unwrap(), Some(rest[0].dynamodb.sequence_number.clone()));
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    put(&client(&dynamodb), "Zone_A#0000", 41, b"kept").await;
    // A copy of the files taken while they are open is what a killed process leaves behind.
    let survivor = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), survivor.path().join(file.file_name())).unwrap();
    }

    let reopened = start(survivor.path()).await;
    let item = client(&reopened)
        .get_item()
        .table_name(TABLE)
        .key("pk", s("default"))
        .key("sk", s("Zone_A#0000"))
        .send()
        .await
        .unwrap();
    assert_eq!(item.item.unwrap()["v"], n(41));
    let unread = reopened.stream(TABLE).unwrap().read(None, 10).await.unwrap();
    assert_eq!(unread.len(), 1, "unread stream records survive too");
    reopened.shutdown().await;
}

#[tokio::test]
async fn expired_items_go_and_the_stream_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    let hour_ago = chrono::Utc::now().timestamp() - 3600;
    for (sk, expires_at) in [("old", hour_ago), ("young", hour_ago + 7200)] {
        let item = client
            .put_item()
            .table_name(TABLE)
            .item("pk", s("event"))
            .item("sk", s(sk))
            .item("expires_at", n(expires_at));
        item.send().await.unwrap();
    }
    dynamodb.sweep_expired().await.unwrap();

    let left = client
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", s("event"));
    let left: Vec<_> = left.send().await.unwrap().items.unwrap().into_iter().map(|item| item["sk"].clone()).collect();
    assert_eq!(left, [s("young")]);
    let records = dynamodb.stream(TABLE).unwrap().read(None, 10).await.unwrap();
    // In which order with the writes depends on when the periodic sweep came by.
    let removed: Vec<_> = records.iter().filter(|record| record.event_name == "REMOVE").collect();
    assert_eq!(removed.len(), 1);
    assert_eq!(serde_json::to_value(&removed[0].dynamodb.keys["sk"]).unwrap(), json!({"S": "old"}));
}

#[tokio::test]
async fn faults_refuse_the_part_of_the_writes_that_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    dynamodb.set_write_faults(WriteFaults { throttled: 0.5, conflicting: 0.25 });

    let (mut written, mut throttled, mut conflicting) = (0, 0, 0);
    for version in 0..40 {
        let outcome = client
            .put_item()
            .table_name(TABLE)
            .item("pk", s("default"))
            .item("sk", s("x"))
            .item("v", n(version))
            .send()
            .await;
        match outcome.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => written += 1,
            Err(error) if error.is_provisioned_throughput_exceeded_exception() => throttled += 1,
            Err(error) if error.is_transaction_conflict_exception() => conflicting += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((throttled, written + conflicting), (20, 20));
    assert!(conflicting > 0);

    dynamodb.set_write_faults(WriteFaults::default());
    put(&client, "x", 1, b"").await;
}

#[tokio::test]
async fn old_stream_records_are_trimmed_and_new_ones_stay() {
    let directory = tempfile::tempdir().unwrap();
    let dynamodb = start(directory.path()).await;
    let client = client(&dynamodb);
    for version in 0..5 {
        put(&client, "Zone_A#0000", version, b"").await;
    }
    let file = StreamFile::open(&directory.path().join("dynamodb.db")).unwrap();
    assert_eq!(file.trim(Duration::from_secs(3600)).unwrap(), 0);
    assert_eq!(file.count(), 5);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(file.trim(Duration::ZERO).unwrap(), 5);
    put(&client, "Zone_A#0000", 9, b"").await;
    let mut stream = dynamodb.stream(TABLE).unwrap();
    assert_eq!(stream.read(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn starting_again_over_the_same_tables_adds_a_stream_that_the_template_gained() {
    let directory = tempfile::tempdir().unwrap();
    let before = DynamoDb::start(&[table(None)], directory.path(), Durability::Process).await.unwrap();
    assert!(matches!(before.stream(TABLE), Err(DynamoDbError::NoStream(_))));
    put(&client(&before), "Zone_A#0000", 1, b"").await;
    before.shutdown().await;

    let after = start(directory.path()).await;
    put(&client(&after), "Zone_A#0000", 2, b"").await;
    let records = after.stream(TABLE).unwrap().read(None, 10).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].event_name, "MODIFY");
}
