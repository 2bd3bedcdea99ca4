//! SQS as the AWS SDK speaks it.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::Blob,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageAttributeValue,
        MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
    },
};
use parvis_local::{
    faults::Faults,
    queues::{Definition, Queues, md5_of_body, protocol},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn definition(name: &str, redrive: Option<(&str, u32)>) -> Definition {
    Definition {
        name: name.to_owned(),
        arn: format!("arn:aws:sqs:eu-west-3:000000000000:{name}"),
        visibility: Duration::from_secs(30),
        retention: Duration::from_secs(3600),
        delay: Duration::ZERO,
        redrive: redrive.map(|(target, most)| (target.to_owned(), most)),
    }
}

/// A client, the URL of the queue `work`, and what must live as long.
async fn sqs() -> (Client, String, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let definitions = vec![definition("work", Some(("dead", 1))), definition("dead", None)];
    let queues = Queues::open(&directory.path().join("queues.db"), definitions, Arc::new(Faults::default())).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = protocol::router(queues, endpoint.clone(), CancellationToken::new());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-3"))
        .credentials_provider(Credentials::from_keys("parvis", "parvis-local", None))
        .endpoint_url(&endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    (Client::from_conf(config.build()), format!("{endpoint}/000000000000/work"), directory)
}

#[tokio::test]
async fn a_message_with_attributes_goes_round() {
    let (client, url, _directory) = sqs().await;
    let text = MessageAttributeValue::builder().data_type("String").string_value("not_json").build().unwrap();
    let bytes = MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([0, 255])).build().unwrap();
    let sent = client
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .message_attributes("reason", text.clone())
        .message_attributes("raw", bytes);
    let sent = sent.send().await.unwrap();
    assert_eq!(sent.md5_of_message_body(), Some("5d41402abc4b2a76b9719d911017c592"));

    let received = client
        .receive_message()
        .queue_url(&url)
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::All);
    let received = received.send().await.unwrap().messages.unwrap();
    let message = &received[0];
    assert_eq!((message.message_id(), message.body()), (sent.message_id(), Some("hello")));
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    let attributes = message.message_attributes().unwrap();
    assert_eq!((attributes.len(), &attributes["reason"]), (2, &text));
    assert_eq!(attributes["raw"].binary_value().unwrap().as_ref(), [0, 255]);
    assert_eq!(message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1");

    client.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
    assert_eq!(waiting(&client, &url).await, ["0", "0"]);
}

async fn waiting(client: &Client, url: &str) -> [String; 2] {
    let attributes = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap()
        .attributes
        .unwrap();
    [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible]
        .map(|name| attributes[&name].clone())
}

#[tokio::test]
async fn batches_are_sent_hidden_and_deleted_entry_by_entry() {
    let (client, url, _directory) = sqs().await;
    let entry = |id: usize| {
        SendMessageBatchRequestEntry::builder().id(format!("e{id}")).message_body(format!("m{id}")).build().unwrap()
    };
    let sent = client
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some((0..10).map(entry).collect()))
        .send()
        .await
        .unwrap();
    assert_eq!((sent.successful().len(), sent.failed().len()), (10, 0));
    assert_eq!(sent.successful()[3].md5_of_message_body(), md5_of_body("m3"));

    let received =
        client.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap().messages.unwrap();
    assert_eq!(received.len(), 10);
    let handle = |index: usize| received[index].receipt_handle().unwrap().to_owned();
    let hide = |id: &str, handle: String| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .visibility_timeout(60)
            .build()
            .unwrap()
    };
    let hidden = client
        .change_message_visibility_batch()
        .queue_url(&url)
        .entries(hide("a", handle(0)))
        .entries(hide("b", "parvis-777-1".into()));
    let hidden = hidden.send().await.unwrap();
    assert_eq!((hidden.successful()[0].id(), hidden.failed()[0].id()), ("a", "b"));

    let delete = |id: &str, handle: String| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let deleted = client
        .delete_message_batch()
        .queue_url(&url)
        .entries(delete("a", handle(0)))
        .entries(delete("b", "foreign".into()));
    let deleted = deleted.send().await.unwrap();
    assert_eq!((deleted.successful()[0].id(), deleted.failed()[0].code()), ("a", "ReceiptHandleIsInvalid"));
    assert_eq!(waiting(&client, &url).await, ["0", "9"]);

    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(waiting(&client, &url).await, ["0", "0"]);
}

#[tokio::test]
async fn a_long_poll_waits_for_a_message() {
    let (client, url, _directory) = sqs().await;
    let poll = tokio::spawn(client.receive_message().queue_url(&url).wait_time_seconds(20).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.send_message().queue_url(&url).message_body("late").send().await.unwrap();
    let received = tokio::time::timeout(Duration::from_secs(5), poll).await.unwrap().unwrap().unwrap();
    assert_eq!(received.messages()[0].body(), Some("late"));
}

#[tokio::test]
async fn a_message_received_too_often_is_redriven() {
    let (client, url, _directory) = sqs().await;
    client.send_message().queue_url(&url).message_body("poison").send().await.unwrap();
    let first = client.receive_message().queue_url(&url).visibility_timeout(0).send().await.unwrap();
    assert_eq!(first.messages().len(), 1);
    assert!(client.receive_message().queue_url(&url).send().await.unwrap().messages().is_empty());

    let dead = client.get_queue_url().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let received = client
        .receive_message()
        .queue_url(&dead)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.message_id(), first.messages()[0].message_id());
    let source = &message.attributes().unwrap()[&MessageSystemAttributeName::from("DeadLetterQueueSourceArn")];
    assert_eq!(source, "arn:aws:sqs:eu-west-3:000000000000:work");
    let sources = client.list_dead_letter_source_queues().queue_url(&dead).send().await.unwrap();
    assert_eq!(sources.queue_urls(), [url]);
}

#[tokio::test]
async fn refusals_are_those_of_sqs() {
    let (client, url, _directory) = sqs().await;
    let unknown = client.get_queue_url().queue_name("nowhere").send().await.unwrap_err().into_service_error();
    assert!(unknown.is_queue_does_not_exist(), "{unknown:?}");
    let invalid = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("foreign")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(invalid.is_receipt_handle_is_invalid(), "{invalid:?}");
    let too_many =
        (0..11).map(|id| SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body("m").build().unwrap());
    let too_many = client
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some(too_many.collect()))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(too_many.is_too_many_entries_in_batch_request(), "{too_many:?}");
    let listed = client.list_queues().queue_name_prefix("w").send().await.unwrap();
    assert_eq!(listed.queue_urls(), [url]);
}
