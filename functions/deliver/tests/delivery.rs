//! Letters are sent once, and what is not sent has its reason: over a DynamoDB in the process and an SNS that does what a test asks.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_deliver::delivery::{Outcome, RetryQueue};
use parvis_deliver::hooks::Hooks;
use parvis_deliver::sns::Sns;
use parvis_deliver::{Batch, Deliverer};
use parvis_mailroom::letters::{Claim, Search, State};
use parvis_mailroom::{NoticeStore, StoreError, Unreachable};
use parvis_notices::limits::Limits;
use parvis_notices::watch::Filter;
use parvis_notices::webhook::{Webhook, secret};
use parvis_notices::{Destination, Letter};

/// An SNS and SQS that count what is published, and refuse with a code when asked to.
#[derive(Clone, Default)]
struct Aws {
    asked: Arc<AtomicUsize>,
    fails_inside: Arc<AtomicBool>,
    published: Arc<AtomicUsize>,
    refusal: Arc<Mutex<Option<&'static str>>>,
}

impl Aws {
    async fn answer(self) -> (StatusCode, String) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.fails_inside.load(Ordering::SeqCst) {
            return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
        }
        if let Some(code) = *self.refusal.lock().unwrap() {
            let error = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            );
            return (StatusCode::BAD_REQUEST, error);
        }
        self.published.fetch_add(1, Ordering::SeqCst);
        (
            StatusCode::OK,
            "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>".to_owned(),
        )
    }
}

/// Lets so many writes with a word in them fail.
#[derive(Debug)]
struct Failing {
    word: &'static str,
    left: AtomicUsize,
}

impl Intercept for Failing {
    fn name(&self) -> &'static str {
        "Failing"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let one_less = |left: usize| left.checked_sub(1);
        let concerned = format!("{:?}", context.input()).contains(self.word);
        if concerned && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(format!("no more {}", self.word).into());
        }
        Ok(())
    }
}

struct Bench {
    dynamodb: aws_sdk_dynamodb::Client,
    deliverer: Deliverer,
    aws: Aws,
}

async fn bench() -> Bench {
    let aws = Aws::default();
    let answering = aws.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(move || answering.clone().answer()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let credentials = || Credentials::new("local", "local", None, None, "test");
    let http = || aws_smithy_http_client::Builder::new().build_http();
    let sns = aws_sdk_sns::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-3"))
        .credentials_provider(credentials())
        .http_client(http())
        .endpoint_url(&endpoint);
    let sqs = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(aws_sdk_sqs::config::Region::from_static("eu-west-3"))
        .credentials_provider(credentials())
        .http_client(http())
        .endpoint_url(&endpoint);
    rustls_provider();
    let dynamodb = parvis_test_tables::start(&["notices"]).await.unwrap();
    let deliverer = Deliverer {
        store: NoticeStore::new(dynamodb.clone(), "notices"),
        retries: RetryQueue::new(
            aws_sdk_sqs::Client::from_conf(sqs.build()),
            ["LetterQueue", "WebhookQueue"].map(|name| format!("{endpoint}/0/{name}")),
        ),
        sns: Sns::new(sns, "arn:aws:sns:eu-west-3:0:t".to_owned(), None),
        mailer: None,
        hooks: Hooks::new(Vec::new()).unwrap(),
        limits: Limits { sms_per_address: 2, ..Limits::default() },
    };
    Bench { dynamodb, deliverer, aws }
}

/// The functions get theirs from the kit's telemetry.
fn rustls_provider() {
    parvis_kit::telemetry::init();
}

fn batch() -> Batch {
    serde_json::from_str(include_str!("../../../events/deliver/letters.json")).unwrap()
}

fn letter() -> Letter {
    serde_json::from_str(&batch().records[0].body).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-07-13T08:15:05Z".parse().unwrap()
}

impl Bench {
    async fn deliver(&self, letter: &Letter, now: DateTime<Utc>) -> Outcome {
        self.deliverer.deliver(letter, now, now + TimeDelta::seconds(30)).await
    }

    fn published(&self) -> usize {
        self.aws.published.load(Ordering::SeqCst)
    }

    /// The next writes with a word in them fail.
    fn fail_writes(&mut self, word: &'static str, count: usize) {
        let failing = Failing { word, left: AtomicUsize::new(count) };
        let config = self.dynamodb.config().to_builder().interceptor(failing).build();
        self.deliverer.store = NoticeStore::new(aws_sdk_dynamodb::Client::from_conf(config), "notices");
    }

    fn fail_inside(&self, fails: bool) {
        self.aws.fails_inside.store(fails, Ordering::SeqCst);
    }

    fn refuse(&self, code: Option<&'static str>) {
        *self.aws.refusal.lock().unwrap() = code;
    }

    /// State and reason of the only letter in the log.
    async fn logged(&self) -> (State, Option<String>, u32) {
        let day = now().date_naive();
        let (lines, _) = self.deliverer.store.log(day, &Search::default(), None, 10).await.unwrap();
        assert_eq!(lines.len(), 1);
        (lines[0].state, lines[0].reason.clone(), lines[0].attempts)
    }
}

#[tokio::test]
async fn the_sample_is_sent_once_however_often_it_comes() {
    let bench = bench().await;
    for _ in 0..3 {
        let answer = bench.deliverer.handle(batch(), now(), now() + TimeDelta::seconds(30)).await.unwrap();
        assert!(answer.batch_item_failures.is_empty());
    }
    assert_eq!(bench.published(), 1);
    assert_eq!(bench.logged().await, (State::Sent, None, 1));
}

#[tokio::test]
async fn a_sandbox_that_dies_before_sending_loses_nothing_and_one_that_dies_after_it_sends_again() {
    let before = bench().await;
    let lease = now() + TimeDelta::seconds(30);
    assert_eq!(before.deliverer.store.claim(&letter(), now(), lease).await.unwrap(), Claim::Granted(1));
    assert_eq!(before.deliver(&letter(), now() + TimeDelta::seconds(10)).await, Outcome::Again, "its holder may live");
    assert_eq!(before.deliver(&letter(), now() + TimeDelta::seconds(31)).await, Outcome::Sent);
    assert_eq!(before.published(), 1);

    // The window of ADR 0009: taken by SNS, not concluded. Once more rather than never.
    let after = bench().await;
    after.deliverer.store.claim(&letter(), now(), lease).await.unwrap();
    let Destination::Sms { number } = &letter().to else { panic!("an SMS") };
    after.deliverer.sns.text(number, &letter()).await;
    assert_eq!(after.deliver(&letter(), now() + TimeDelta::seconds(31)).await, Outcome::Sent);
    assert_eq!(after.published(), 2);
}

#[tokio::test]
async fn a_refusal_for_now_comes_again_and_one_for_good_does_not() {
    let bench = bench().await;
    bench.refuse(Some("Throttling"));
    let answer = bench.deliverer.handle(batch(), now(), now() + TimeDelta::seconds(30)).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1);
    assert_eq!(bench.logged().await, (State::Sending, Some("SNS: Throttling".to_owned()), 1));
    bench.refuse(Some("OptedOut"));
    assert_eq!(bench.deliver(&letter(), now()).await, Outcome::Refused);
    assert_eq!(bench.logged().await, (State::Failed, Some("SNS: OptedOut".to_owned()), 2));
    bench.refuse(None);
    let other = Letter { key: "another".to_owned(), at: letter().at + TimeDelta::days(1), ..letter() };
    assert_eq!(bench.deliver(&other, now()).await, Outcome::Dropped, "the address is left alone");
    assert_eq!(bench.published(), 0);
}

#[tokio::test]
async fn what_was_sent_is_noted_in_the_end_and_not_sent_again() {
    let mut bench = bench().await;
    bench.fail_writes("#concluded", 3);
    assert_eq!(bench.deliver(&letter(), now()).await, Outcome::Sent);
    assert_eq!(bench.logged().await, (State::Sent, None, 1));
    assert_eq!(bench.deliver(&letter(), now() + TimeDelta::seconds(31)).await, Outcome::Duplicate);
    assert_eq!(bench.published(), 1);
}

#[tokio::test]
async fn an_address_is_left_alone_before_the_letter_that_showed_it_is_done_with() {
    let mut bench = bench().await;
    bench.refuse(Some("EndpointDisabled"));
    // A part of what is stored of such an address.
    bench.fail_writes("since", 1);
    assert_eq!(bench.deliver(&letter(), now()).await, Outcome::Again);
    let mut at = now();
    while bench.deliver(&letter(), at).await == Outcome::Again {
        at += TimeDelta::seconds(31);
    }
    let found = bench.deliverer.store.suppression(letter().to.address(), now()).await.unwrap().unwrap();
    assert_eq!((found.why, found.reason.as_str()), (Unreachable::Nobody, "SNS: EndpointDisabled"));
    assert_eq!(bench.logged().await.0, State::Failed);
}

/// What the SDK would send again by itself may have been taken the first time.
#[tokio::test]
async fn a_claim_is_one_publication_whatever_sns_answers() {
    let bench = bench().await;
    bench.fail_inside(true);
    assert_eq!(bench.deliver(&letter(), now()).await, Outcome::Again);
    assert_eq!(bench.aws.asked.load(Ordering::SeqCst), 1);
    bench.fail_inside(false);
    assert_eq!(bench.deliver(&letter(), now()).await, Outcome::Sent);
}

#[tokio::test]
async fn a_code_finds_out_whether_there_is_somebody_again_and_nobody_who_objects_is_written_to() {
    let bench = bench().await;
    let store = &bench.deliverer.store;
    let code = Letter { key: "code".to_owned(), category: "addresses".to_owned(), ..letter() };
    let again = Letter { key: "another".to_owned(), ..code.clone() };
    store.suppress(letter().to.address(), Unreachable::Nobody, "it bounced", now()).await.unwrap();
    assert_eq!(bench.deliver(&letter(), now()).await, Outcome::Dropped);
    assert_eq!(bench.deliver(&code, now()).await, Outcome::Sent);
    store.suppress(letter().to.address(), Unreachable::Unwanted, "SNS: OptedOut", now()).await.unwrap();
    assert_eq!(bench.deliver(&again, now()).await, Outcome::Dropped);
}

#[tokio::test]
async fn what_is_too_late_or_too_much_is_dropped() {
    let late = bench().await;
    assert_eq!(late.deliver(&letter(), letter().useful_until + TimeDelta::seconds(1)).await, Outcome::Dropped);
    assert_eq!(late.logged().await, (State::Dropped, Some("too late".to_owned()), 1));
    let many = bench().await;
    let outcomes = [1, 2, 3].map(|number| Letter { key: number.to_string(), ..letter() });
    let mut found = Vec::new();
    for letter in &outcomes {
        found.push(many.deliver(letter, now()).await);
    }
    assert_eq!(found, [Outcome::Sent, Outcome::Sent, Outcome::Dropped]);
    assert_eq!(many.published(), 2);
}

fn webhook(id: &str, url: &str) -> Webhook {
    Webhook {
        id: id.to_owned(),
        name: "w".to_owned(),
        url: url.to_owned(),
        secret: secret([1; 32]),
        filter: Filter::default(),
        active: true,
        failing_since: None,
        turned_off: None,
        owner: "m".to_owned(),
        created_at: now(),
        version: 0,
    }
}

/// An event for a webhook.
fn event_for(webhook: &str) -> Letter {
    let to = Destination::Webhook { webhook: webhook.to_owned() };
    Letter { key: Letter::key("event", &to), to, useful_until: now() + TimeDelta::days(3), ..letter() }
}

#[tokio::test]
async fn a_webhook_that_takes_nothing_for_a_day_is_turned_off_and_what_a_manager_does_stays() {
    let bench = bench().await;
    let store = &bench.deliverer.store;
    store.save_webhook(&mut webhook("w", "https://127.0.0.1:9/")).await.unwrap();
    assert_eq!(bench.deliver(&event_for("w"), now()).await, Outcome::Again);
    let failing = store.webhook("w").await.unwrap().unwrap();
    assert_eq!((failing.active, failing.failing_since), (true, Some(now())));
    let next_day = now() + TimeDelta::hours(25);
    assert_eq!(bench.deliver(&event_for("w"), next_day).await, Outcome::Again);
    let off = store.webhook("w").await.unwrap().unwrap();
    assert!(!off.active && off.turned_off.is_some(), "{off:?}");
    assert_eq!(bench.deliver(&event_for("w"), next_day).await, Outcome::Refused);

    // What was read before a manager took it away does not bring it back.
    let mut read_before = store.webhook("w").await.unwrap().unwrap();
    store.drop_webhook("w").await.unwrap();
    assert!(matches!(store.save_webhook(&mut read_before).await, Err(StoreError::Changed)));
    assert_eq!(store.webhook("w").await.unwrap(), None);
}

#[tokio::test]
async fn a_webhook_that_points_into_our_network_is_not_told() {
    let bench = bench().await;
    for url in ["https://127.0.0.1:9/", "https://localhost.localdomain.invalid/"] {
        let mut webhook = webhook(url, url);
        bench.deliverer.store.save_webhook(&mut webhook).await.unwrap();
        assert_eq!(bench.deliver(&event_for(url), now()).await, Outcome::Again);
        let attempts = bench.deliverer.store.attempts(url, 1, now()).await.unwrap();
        assert_eq!((attempts[0].status, attempts[0].taken), (None, false), "{attempts:?}");
    }
}

#[tokio::test]
async fn a_bounce_has_an_address_left_alone() {
    let bench = bench().await;
    let told: Batch = serde_json::from_str(include_str!("../../../events/deliver/bounce.json")).unwrap();
    bench.deliverer.handle(told, now(), now()).await.unwrap();
    let found = bench.deliverer.store.suppression("Nobody@Example.org", now()).await.unwrap().unwrap();
    assert_eq!((found.why, found.reason.as_str()), (Unreachable::Nobody, "it bounced"), "in any case of letters");
    let much_later = now() + TimeDelta::days(200);
    assert_eq!(bench.deliverer.store.suppression("nobody@example.org", much_later).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_letter_stays_in_the_queue_with_its_payload_and_holds_no_other_up() {
    let bench = bench().await;
    let message = |id: &str, body: &str| {
        serde_json::json!({
            "messageId": id, "receiptHandle": id, "body": body, "attributes": { "ApproximateReceiveCount": "1" },
            "eventSourceARN": "arn:aws:sqs:eu-west-3:000000000000:letters",
        })
    };
    let letter = serde_json::to_string(&letter()).unwrap();
    let batch = serde_json::json!({ "Records": [message("none", "{}"), message("one", &letter)] });
    let batch: Batch = serde_json::from_value(batch).unwrap();
    let answer = bench.deliverer.handle(batch, now(), now() + TimeDelta::seconds(30)).await.unwrap();
    let failed: Vec<_> = answer.batch_item_failures.iter().map(|one| one.item_identifier.as_str()).collect();
    assert_eq!((failed, bench.logged().await.0), (vec!["none"], State::Sent));
}
