//! The queues' rules, in process.

use std::{sync::Arc, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::faults::Deliveries;

fn definition(name: &str, redrive: Option<(&str, u32)>) -> Definition {
    Definition {
        name: name.to_owned(),
        arn: format!("arn:aws:sqs:eu-west-3:000000000000:{name}"),
        visibility: Duration::from_millis(200),
        retention: Duration::from_secs(3600),
        delay: Duration::ZERO,
        redrive: redrive.map(|(target, most)| (target.to_owned(), most)),
    }
}

fn open(directory: &TempDir, faults: Arc<Faults>) -> Queues {
    let definitions = vec![definition("work", Some(("dead", 2))), definition("dead", None)];
    Queues::open(&directory.path().join("queues.db"), definitions, faults).unwrap()
}

fn queues() -> (TempDir, Queues) {
    let directory = tempfile::tempdir().unwrap();
    let queues = open(&directory, Arc::default());
    (directory, queues)
}

async fn take(queues: &Queues, queue: &str, wait_ms: u64) -> Vec<Received> {
    queues.receive(queue, Receive { most: 10, wait: Duration::from_millis(wait_ms), visibility: None }).await.unwrap()
}

#[tokio::test]
async fn a_message_is_received_once_while_it_is_invisible_and_again_after_that() {
    let (_directory, queues) = queues();
    let id = queues.send("work", "a".into(), Attributes::from([("k".into(), Attribute::string("v"))])).await.unwrap();
    // What is looked at meanwhile stays invisible however slow the machine is.
    let long = |wait| Receive { most: 10, wait, visibility: Some(Duration::from_secs(600)) };
    let first = queues.receive("work", long(Duration::ZERO)).await.unwrap();
    assert_eq!((first.len(), &first[0].message_id, first[0].receive_count), (1, &id, 1));
    assert_eq!(first[0].attributes["k"], Attribute::string("v"));
    assert!(take(&queues, "work", 0).await.is_empty());
    assert_eq!(queues.counts("work").await.unwrap(), Counts { visible: 0, in_flight: 1, delayed: 0 });

    // The long poll wakes by itself when the visibility timeout has passed.
    let soon = (first[0].receipt_handle.clone(), Duration::from_millis(200));
    assert_eq!(queues.change_visibility("work", &[soon]).await.unwrap(), [true]);
    let again = queues.receive("work", long(Duration::from_secs(5))).await.unwrap();
    assert_eq!((again[0].receive_count, again[0].first_received_at), (2, first[0].first_received_at));

    // The first receipt is stale: another consumer has the message now.
    queues.delete("work", &[first[0].receipt_handle.clone()]).await.unwrap();
    assert_eq!(queues.counts("work").await.unwrap().in_flight, 1);
    queues.delete("work", &[again[0].receipt_handle.clone()]).await.unwrap();
    assert_eq!(queues.counts("work").await.unwrap(), Counts::default());
}

#[tokio::test]
async fn a_long_poll_gets_a_message_that_is_sent_meanwhile() {
    let (_directory, queues) = queues();
    let poll = tokio::spawn({
        let queues = queues.clone();
        async move { take(&queues, "work", 10_000).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    queues.send("work", "late".into(), Attributes::new()).await.unwrap();
    let received = tokio::time::timeout(Duration::from_secs(2), poll).await.unwrap().unwrap();
    assert_eq!(received[0].body, "late");
}

#[tokio::test]
async fn what_is_older_than_its_retention_is_dropped_while_others_poll() {
    let directory = tempfile::tempdir().unwrap();
    let mut definitions = vec![definition("work", None), definition("letters", None)];
    definitions[1].retention = Duration::from_millis(100);
    let queues = Queues::open(&directory.path().join("queues.db"), definitions, Arc::default()).unwrap();
    queues.send("work", "stays".into(), Attributes::new()).await.unwrap();
    queues.send("letters", "goes".into(), Attributes::new()).await.unwrap();
    let gone = async {
        // Each look is a command, so the writer is never idle for as long as the retention lasts.
        while queues.counts("letters").await.unwrap().visible > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the letter is dropped");
    assert_eq!(queues.counts("work").await.unwrap().visible, 1);
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue() {
    let (_directory, queues) = queues();
    queues.send("work", "poison".into(), Attributes::new()).await.unwrap();
    for count in 1..=2 {
        let received = take(&queues, "work", 0).await;
        assert_eq!(received[0].receive_count, count);
        assert_eq!(
            queues.change_visibility("work", &[(received[0].receipt_handle.clone(), Duration::ZERO)]).await.unwrap(),
            [true]
        );
    }
    assert!(take(&queues, "work", 0).await.is_empty());
    let dead = take(&queues, "dead", 1_000).await;
    assert_eq!((dead[0].body.as_str(), dead[0].receive_count), ("poison", 1));
    assert_eq!(dead[0].dead_letter_source.as_deref(), Some("arn:aws:sqs:eu-west-3:000000000000:work"));
}

#[tokio::test]
async fn messages_survive_and_those_in_flight_are_visible_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let queues = open(&directory, Arc::default());
    queues.send("work", "a".into(), Attributes::new()).await.unwrap();
    queues.send("work", "b".into(), Attributes::new()).await.unwrap();
    let how = Receive { most: 1, wait: Duration::ZERO, visibility: Some(Duration::from_secs(600)) };
    assert_eq!(queues.receive("work", how).await.unwrap().len(), 1);
    drop(queues);

    let queues = open(&directory, Arc::default());
    let mut bodies: Vec<_> = take(&queues, "work", 0).await.into_iter().map(|message| message.body).collect();
    bodies.sort();
    assert_eq!(bodies, ["a", "b"]);
}

#[tokio::test]
async fn a_delayed_message_is_not_there_yet() {
    let (_directory, queues) = queues();
    let message = Outgoing { body: "later".into(), delay: Some(Duration::from_millis(150)), ..Outgoing::default() };
    queues.send_batch("work", vec![message]).await.unwrap();
    assert!(take(&queues, "work", 0).await.is_empty());
    assert_eq!(queues.counts("work").await.unwrap().delayed, 1);
    assert_eq!(take(&queues, "work", 5_000).await[0].body, "later");
}

#[tokio::test]
async fn a_duplicate_delivery_has_the_same_message_id() {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults::default());
    faults.set_deliveries(Deliveries { duplicates: 1.0, ..Deliveries::default() }, 1);
    let queues = open(&directory, faults);
    queues.send("work", "twice".into(), Attributes::new()).await.unwrap();
    let received = take(&queues, "work", 0).await;
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].message_id, received[1].message_id);
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let (_directory, queues) = queues();
    assert!(
        matches!(queues.send("nowhere", "a".into(), Attributes::new()).await, Err(Error::UnknownQueue(name)) if name == "nowhere")
    );
    let large = "x".repeat(MAX_MESSAGE_BYTES + 1);
    assert!(matches!(queues.send("work", large, Attributes::new()).await, Err(Error::TooLarge(_))));
    assert!(matches!(queues.delete("work", &["AQEB".to_owned()]).await, Err(Error::InvalidReceipt)));
    assert_eq!(queues.change_visibility("work", &[("parvis-99-1".to_owned(), Duration::ZERO)]).await.unwrap(), [false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_side_by_side_all_arrive_once() {
    let (_directory, queues) = queues();
    let senders: Vec<_> = (0..20)
        .map(|sender| {
            let queues = queues.clone();
            tokio::spawn(async move {
                for message in 0..50 {
                    queues.send("work", format!("{sender}-{message}"), Attributes::new()).await.unwrap();
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let how = Receive { most: 2_000, wait: Duration::ZERO, visibility: Some(Duration::from_secs(60)) };
    let received = queues.receive("work", how).await.unwrap();
    let distinct: std::collections::BTreeSet<_> = received.iter().map(|message| message.body.as_str()).collect();
    assert_eq!((received.len(), distinct.len()), (1_000, 1_000));
}

#[tokio::test]
async fn characters_that_sqs_does_not_take_are_refused() {
    let (_directory, queues) = queues();
    for body in ["a\u{ffff}", "\u{fffe}", "a\u{0}b", "\u{1b}"] {
        let refused = queues.send("work", body.into(), Attributes::new()).await;
        assert!(matches!(refused, Err(Error::NotText)), "{body:?}");
    }
    queues.send("work", "tab\tline\nÉlise 🅿 \u{fffd}".into(), Attributes::new()).await.unwrap();
    assert_eq!(take(&queues, "work", 0).await.len(), 1);
}
