//! Queues and streams bring their records to a real function.

use std::{collections::HashMap, path::Path, time::Duration};

use super::support::{handled, heal, until};
use parvis_local::{
    dynamodb::{Durability, DynamoDb},
    lambda::Host,
    mappings::{Mappings, Sources},
    queues::{Attributes, Counts, Definition, Queues, Receive},
    state::State,
};
use parvis_sam::Stack;
use tempfile::TempDir;

const QUEUE: &str = "
      Events:
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt Work.Arn
            BatchSize: 100
            MaximumBatchingWindowInSeconds: 0
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: { MaximumConcurrency: 2 }";
const STREAM: &str = r#"
      Events:
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Items.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            MaximumRetryAttempts: -1
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria:
              Filters:
                - Pattern: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"anything-but":["skip"]}]}}}}'"#;

/// Everything a mapping stands on.
struct World {
    directory: TempDir,
    template: Stack,
    host: Host,
    queues: Queues,
    dynamodb: DynamoDb,
    state: State,
}

impl World {
    async fn new(events: &str) -> Self {
        let (directory, template, host) = super::support::probe(5, events).await;
        let queues =
            Queues::open(&directory.path().join("queues.db"), Definition::of(&template), std::sync::Arc::default())
                .unwrap();
        let dynamodb = DynamoDb::start(template.tables.values(), &directory.path().join("dynamodb"), Durability::None)
            .await
            .unwrap();
        let state = State::open(&directory.path().join("state.db")).unwrap();
        Self { directory, template, host, queues, dynamodb, state }
    }

    fn map(&self) -> Mappings {
        let Self { queues, dynamodb, state, host, .. } = self;
        Mappings::start(&self.template, &Sources { queues, dynamodb, state, host, region: "eu-west-3" }).unwrap()
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    async fn send(&self, body: &str) {
        self.queues.send("Work", body.to_owned(), Attributes::new()).await.unwrap();
    }

    async fn put(&self, sk: &str) {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::from_static("eu-west-3"))
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::from_keys("parvis", "parvis-local", None))
            .endpoint_url(self.dynamodb.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        let item = HashMap::from([("pk".to_owned(), text("p")), ("sk".to_owned(), text(sk))]);
        aws_sdk_dynamodb::Client::from_conf(config.build())
            .put_item()
            .table_name("Items")
            .set_item(Some(item))
            .send()
            .await
            .unwrap();
    }

    async fn end(self, mappings: Mappings) {
        mappings.shutdown().await;
        self.host.shutdown().await;
        self.dynamodb.shutdown().await;
    }
}

#[tokio::test]
async fn one_poison_pill_fails_alone_and_ends_in_the_dead_letter_queue() {
    let world = World::new(QUEUE).await;
    for body in ["a", "fail-1", "b", "c"] {
        world.send(body).await;
    }
    let mappings = world.map();
    until("the poison pill is in the dead-letter queue", async || {
        world.queues.counts("Dead").await.unwrap().visible == 1
    })
    .await;
    let mut done = handled(world.path());
    done.sort();
    assert_eq!(done, ["a", "b", "c"]);
    assert_eq!(world.queues.counts("Work").await.unwrap(), Counts::default());
    world.end(mappings).await;
}

#[tokio::test]
async fn a_failed_message_comes_again() {
    let world = World::new(QUEUE).await;
    world.send("heal-1").await;
    let mappings = world.map();
    until("the message is waiting for its retry", async || world.queues.counts("Work").await.unwrap().in_flight == 1)
        .await;
    heal(world.path());
    until("the message is handled", async || handled(world.path()) == ["heal-1"]).await;
    until("the queue is empty", async || world.queues.counts("Work").await.unwrap() == Counts::default()).await;
    world.end(mappings).await;
}

#[tokio::test]
async fn a_crash_gives_the_whole_batch_back() {
    let world = World::new(QUEUE).await;
    world.send("a").await;
    world.send("crash-1").await;
    let mappings = world.map();
    until("both are given up after two receives", async || world.queues.counts("Dead").await.unwrap().visible >= 1)
        .await;
    // "a" was handled each time before the crash: at least once is what SQS promises.
    assert!(handled(world.path()).iter().filter(|text| *text == "a").count() >= 1);
    world.end(mappings).await;
}

#[tokio::test]
async fn no_more_than_the_maximum_run_at_once_and_messages_keep_coming() {
    let world = World::new(QUEUE).await;
    let mappings = world.map();
    for n in 0..6 {
        world.send(&format!("slow-{n}")).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    until("all are handled", async || handled(world.path()).len() == 6).await;
    assert!(world.host.sandboxes("ProbeFunction") <= 2);
    world.end(mappings).await;
}

#[tokio::test]
async fn a_large_backlog_is_handled_once_each() {
    let world = World::new(QUEUE).await;
    let bodies = (0..2_500).map(|n| parvis_local::queues::Outgoing { body: format!("m-{n}"), ..Default::default() });
    world.queues.send_batch("Work", bodies.collect()).await.unwrap();
    let mappings = world.map();
    until("all are handled", async || handled(world.path()).len() >= 2_500).await;
    let distinct: std::collections::BTreeSet<_> = handled(world.path()).into_iter().collect();
    assert_eq!((handled(world.path()).len(), distinct.len()), (2_500, 2_500));
    until("the queue is empty", async || world.queues.counts("Work").await.unwrap() == Counts::default()).await;
    world.end(mappings).await;
}

#[tokio::test]
async fn a_stream_is_read_in_order_and_filtered() {
    let world = World::new(STREAM).await;
    world.put("before").await;
    let mappings = world.map();
    for n in 0..25 {
        world.put(&format!("r-{n:02}")).await;
        if n % 5 == 0 {
            world.put("skip").await;
        }
    }
    until("all are handled", async || handled(world.path()).len() >= 26).await;
    let expected: Vec<_> = std::iter::once("before".to_owned()).chain((0..25).map(|n| format!("r-{n:02}"))).collect();
    assert_eq!(handled(world.path()), expected);
    world.end(mappings).await;
}

#[tokio::test]
async fn a_failing_stream_record_holds_the_others_back_until_it_succeeds() {
    let world = World::new(STREAM).await;
    for sk in ["a", "heal-1", "b"] {
        world.put(sk).await;
    }
    let mappings = world.map();
    // The probe goes on behind a failure; what comes after it is delivered again, in order.
    until("it was tried more than once", async || {
        handled(world.path()).iter().filter(|text| *text == "b").count() >= 2
    })
    .await;
    assert_eq!(handled(world.path())[0], "a");
    assert!(!handled(world.path()).contains(&"heal-1".to_owned()));
    heal(world.path());
    until("it is handled", async || handled(world.path()).ends_with(&["heal-1".to_owned(), "b".to_owned()])).await;
    assert_eq!(handled(world.path()).iter().filter(|text| *text == "a").count(), 1);
    world.end(mappings).await;
}

#[tokio::test]
async fn a_mapping_goes_on_where_it_was() {
    let world = World::new(STREAM).await;
    let mappings = world.map();
    world.put("one").await;
    until("the first is handled", async || handled(world.path()).len() == 1).await;
    mappings.shutdown().await;
    world.put("two").await;
    let mappings = world.map();
    until("the second is handled", async || handled(world.path()).len() == 2).await;
    assert_eq!(handled(world.path()), ["one", "two"]);
    world.end(mappings).await;
}

#[tokio::test]
async fn what_a_stream_gives_up_is_told_to_a_queue_and_holds_up_nobody() {
    let events = STREAM.replace(
        "MaximumRetryAttempts: -1",
        "MaximumRetryAttempts: 2\n            DestinationConfig:\n              OnFailure: { Type: SQS, Destination: !GetAtt Work.Arn }",
    );
    let world = World::new(&events).await;
    world.put("heal-1").await;
    let mappings = world.map();
    until("it is given up", async || world.queues.counts("Work").await.unwrap() != Counts::default()).await;
    let how = Receive { most: 1, wait: Duration::ZERO, visibility: None };
    let told = world.queues.receive("Work", how).await.unwrap();
    let told: serde_json::Value = serde_json::from_str(&told[0].body).unwrap();
    assert_eq!(told["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(told["DDBStreamBatchInfo"]["batchSize"], 1);
    world.put("next").await;
    until("the next is handled", async || handled(world.path()) == ["next"]).await;
    world.end(mappings).await;
}
