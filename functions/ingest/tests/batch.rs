//! Batches of the queue: what reaches the live state, what the dead-letter queue, and what comes again.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod support;

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Duration;
use parvis_ingest::Invocation;
use parvis_ingest::dead_letter::DeadLetter;
use parvis_parking::{Connectivity, Status};
use parvis_places::{DefaultPlace, Enrolment, Place};
use serde_json::json;
use support::{LIVE, PLATES, World, handle, reading, received_at, record};

const BATCH: &str = include_str!("../../../events/ingest/batch.json");

fn sample() -> Result<Vec<parvis_ingest::Record>> {
    Ok(serde_json::from_str::<Invocation>(BATCH)?.records.unwrap())
}

#[tokio::test]
async fn good_messages_become_the_live_state() -> Result<()> {
    let world = World::start().await?;
    assert_eq!(handle(&world.sandbox(), sample()?).await?, Vec::<String>::new());

    let first = world.space("Zone_A", 1).await?;
    assert_eq!((first.status(), first.confidence()), (Some(Status::Occupied), Some(95)));
    // Local time in Paris, of a place that nobody registered.
    assert_eq!(first.at(), Some("2026-01-18T09:59:58.123Z".parse()?));
    let second = world.space("Zone_A", 2).await?;
    assert_eq!((second.status(), second.sequence(), second.battery()), (Some(Status::Occupied), Some(8), Some(88)));
    assert_eq!(world.space("Zone_A", 3).await?.battery(), Some(61));
    assert_eq!(world.space("Zone_A", 40).await?.status(), Some(Status::Free));

    let counter = world.block("default", "Level_1#counter").await?;
    let state = *counter.as_counter().unwrap().state().unwrap();
    assert_eq!((state.occupied, state.capacity, state.percent.unwrap().hundredths()), (74, 239, 3100));
    Ok(())
}

#[tokio::test]
async fn refused_messages_reach_the_dead_letter_queue_alone_and_as_they_came() -> Result<()> {
    let world = World::start().await?;
    let records = sample()?;
    handle(&world.sandbox(), records.clone()).await?;

    let letters: BTreeMap<String, _> =
        world.letters().into_iter().map(|letter| (letter.attributes["message_id"].clone(), letter)).collect();
    let reasons: Vec<_> =
        letters.iter().map(|(id, letter)| (id.as_str(), letter.attributes["reason"].as_str())).collect();
    assert_eq!(
        reasons,
        [
            ("bad-status", "bad_status"),
            ("clock-ahead", "clock_ahead"),
            ("no-envelope", "bad_envelope"),
            ("not-json", "not_json"),
            ("unknown-place", "unknown_place"),
            ("unknown-topic", "unknown_topic"),
            ("zone-mismatch", "zone_mismatch"),
        ]
    );
    for record in records {
        if let Some(letter) = letters.get(record.message_id.as_deref().unwrap()) {
            assert_eq!(Some(&letter.body), record.body.as_ref(), "the body must be the original one");
            assert_eq!(letter.attributes["refused_at"], "2026-01-18T10:00:00.000Z");
        }
    }
    let broken = &letters["not-json"];
    let letter = DeadLetter::read(&broken.body, &broken.attributes);
    assert_eq!(letter.payload, br#"{"sensor_id": 4, "status": "fre"#);
    Ok(())
}

#[tokio::test]
async fn a_refusal_that_cannot_be_sent_comes_again_alone() -> Result<()> {
    let world = World::start().await?;
    world.dead_letter_queue_is_down(true);
    let mut failed = handle(&world.sandbox(), sample()?).await?;
    failed.sort();
    assert_eq!(
        failed,
        ["bad-status", "clock-ahead", "no-envelope", "not-json", "unknown-place", "unknown-topic", "zone-mismatch"]
    );
    assert_eq!(world.space("Zone_A", 1).await?.status(), Some(Status::Occupied));

    world.dead_letter_queue_is_down(false);
    assert!(handle(&world.sandbox(), sample()?).await?.is_empty());
    assert_eq!(world.letters().len(), 7);
    Ok(())
}

#[tokio::test]
async fn a_batch_that_comes_again_writes_nothing() -> Result<()> {
    let world = World::start().await?;
    let ingest = world.sandbox();
    handle(&ingest, sample()?).await?;
    let place = "default".parse()?;
    let before = world.live().place_blocks(&place).await?;
    handle(&ingest, sample()?).await?;
    handle(&world.sandbox(), sample()?).await?;
    assert_eq!(world.live().place_blocks(&place).await?, before);
    assert!(before.iter().all(|block| block.version == 1));
    Ok(())
}

#[tokio::test]
async fn sandboxes_with_outdated_caches_lose_nothing() -> Result<()> {
    let world = World::start().await?;
    let (one, two) = (world.sandbox(), world.sandbox());
    handle(&one, vec![reading("1", 1, true, 0)]).await?;
    handle(&two, vec![reading("2", 2, true, 0)]).await?;
    // The first one still has the block before the second's write.
    handle(&one, vec![reading("3", 1, false, 1_000), reading("4", 3, true, 1_000)]).await?;
    handle(&two, vec![reading("5", 1, true, 500)]).await?;

    assert_eq!(world.space("a", 1).await?.status(), Some(Status::Free));
    assert_eq!(world.space("a", 2).await?.status(), Some(Status::Occupied));
    assert_eq!(world.space("a", 3).await?.status(), Some(Status::Occupied));
    let block = world.live().zone_blocks(&"default".parse()?, &"a".parse()?).await?.remove(0);
    assert_eq!(block.version, 4);
    Ok(())
}

#[tokio::test]
async fn many_sandboxes_at_once_end_in_the_truth() -> Result<()> {
    let world = World::start().await?;
    let mut truth: HashMap<u32, bool> = HashMap::new();
    let mut batches: Vec<Vec<_>> = vec![Vec::new(); 12];
    for step in 0..600u32 {
        let (space, occupied) = (1 + step % 7, step % 3 == 0);
        truth.insert(space, occupied);
        // Neighbouring readings of a space land in different batches, some of them twice.
        let message = reading(&step.to_string(), space, occupied, i64::from(step) * 100);
        batches[(step as usize * 5) % 12].push(message.clone());
        if step % 4 == 0 {
            batches[(step as usize * 7) % 12].push(message);
        }
    }
    let sandboxes: Vec<_> = (0..4).map(|_| world.sandbox()).collect();
    let runs = batches.into_iter().enumerate().map(|(index, batch)| handle(&sandboxes[index % 4], batch));
    for failed in futures::future::try_join_all(runs).await? {
        assert!(failed.is_empty());
    }
    for (space, occupied) in truth {
        let expected = if occupied { Status::Occupied } else { Status::Free };
        assert_eq!(world.space("a", space).await?.status(), Some(expected), "space {space}");
    }
    Ok(())
}

#[tokio::test]
async fn a_block_that_fails_fails_its_own_records_only() -> Result<()> {
    let world = World::start().await?;
    // A block written by a newer version of the program.
    let item = HashMap::from([
        ("pk".to_owned(), AttributeValue::S("default".into())),
        ("sk".to_owned(), AttributeValue::S("a#0001".into())),
        ("v".to_owned(), AttributeValue::N("1".into())),
        ("d".to_owned(), AttributeValue::B(Blob::new([255]))),
    ]);
    world.dynamodb.put_item().table_name(LIVE).set_item(Some(item)).send().await?;
    let batch = vec![reading("1", 1, true, 0), reading("40", 40, true, 0), reading("41", 41, true, 0)];
    let mut failed = handle(&world.sandbox(), batch).await?;
    failed.sort();
    assert_eq!(failed, ["40", "41"]);
    assert_eq!(world.space("a", 1).await?.status(), Some(Status::Occupied));
    Ok(())
}

#[tokio::test]
async fn a_plate_is_kept_as_a_hash_and_for_a_day() -> Result<()> {
    let world = World::start().await?;
    let seen = |id: &str, at: chrono::DateTime<chrono::Utc>| {
        let payload = json!({"timestamp": at, "plate": "aa 123-aa", "vehicle_class": "car", "electric": true});
        record(id, "parking/a/gate/plate", &payload, received_at())
    };
    let yesterday = received_at() - Duration::hours(24);
    assert!(handle(&world.sandbox(), vec![seen("now", received_at()), seen("old", yesterday)]).await?.is_empty());

    // The scan is the test's: the function itself only writes here.
    let items = world.dynamodb.scan().table_name(PLATES).send().await?.items.unwrap_or_default();
    assert_eq!(items.len(), 1, "what is past its retention is not stored");
    assert!(!format!("{items:?}").contains("123AA"), "a plate in clear was stored");
    assert_eq!(items[0]["sk"], AttributeValue::S("2026-01-18T10:00:00.000Z#default#a#gate".into()));
    assert_eq!(items[0]["electric"], AttributeValue::Bool(true));
    let expires_at = (received_at() + Duration::hours(24)).timestamp();
    assert_eq!(items[0]["expires_at"], AttributeValue::N(expires_at.to_string()));
    let AttributeValue::S(hash) = &items[0]["pk"] else { panic!("{items:?}") };
    assert_eq!(hash.len(), 64);
    Ok(())
}

#[tokio::test]
async fn two_cameras_that_see_a_plate_at_once_are_two_observations() -> Result<()> {
    let world = World::start().await?;
    let payload = json!({"timestamp": received_at(), "plate": "AA123AA"});
    let seen = |id: &str, spot: &str| record(id, &format!("parking/a/{spot}/plate"), &payload, received_at());
    handle(&world.sandbox(), vec![seen("1", "entry"), seen("2", "exit"), seen("3", "place_3")]).await?;
    let items = world.dynamodb.scan().table_name(PLATES).send().await?.items.unwrap_or_default();
    assert_eq!(items.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_refused_plate_lies_on_no_queue_in_clear_and_can_still_come_again() -> Result<()> {
    let world = World::start().await?;
    let ahead = json!({"timestamp": received_at() + Duration::minutes(10), "plate": "AA-123-AA", "electric": true});
    let elsewhere = json!({"timestamp": received_at(), "plate": "AA-123-AA"});
    let batch = vec![
        record("1", "parking/a/gate/plate", &ahead, received_at()),
        record("2", "unknown/parking/a/gate/plate", &elsewhere, received_at()),
        record("3", "parking/a/gate/plates", &elsewhere, received_at()),
    ];
    assert!(handle(&world.sandbox(), batch).await?.is_empty());

    let letters: Vec<_> =
        world.letters().iter().map(|letter| DeadLetter::read(&letter.body, &letter.attributes)).collect();
    let reasons: Vec<_> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["clock_ahead", "unknown_place", "unknown_topic"]);
    for letter in &letters {
        let text = String::from_utf8(letter.payload.clone())?;
        assert!(!text.contains("123"), "a plate in clear lies on the queue: {text}");
    }

    // A while later the clock is no longer ahead.
    let again = letters[0].to_ingest_body(received_at()).unwrap();
    let mut envelope = parvis_ingest::envelope::Envelope::read(&again).unwrap();
    envelope.received_at += Duration::minutes(8);
    let again = serde_json::from_value(json!({"messageId": "1", "body": envelope.to_body()}))?;
    let seen_now = record("4", "parking/a/gate/plate", &elsewhere, received_at());
    assert!(handle(&world.sandbox(), vec![again, seen_now]).await?.is_empty());
    let items = world.dynamodb.scan().table_name(PLATES).send().await?.items.unwrap_or_default();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["pk"], items[1]["pk"], "the same plate has the same hash");
    Ok(())
}

#[tokio::test]
async fn a_receipt_at_the_end_of_time_fails_alone() -> Result<()> {
    let world = World::start().await?;
    let body = r#"{"payload":"e30=","topic":"parking/a/place_9","received_at":8210266876799999}"#;
    let absurd = serde_json::from_value(json!({"messageId": "absurd", "body": body}))?;
    assert!(handle(&world.sandbox(), vec![reading("1", 1, true, 0), absurd]).await?.is_empty());
    assert_eq!(world.space("a", 1).await?.status(), Some(Status::Occupied));
    assert_eq!(world.letters()[0].attributes["reason"], "bad_envelope");
    Ok(())
}

#[tokio::test]
async fn a_place_that_cannot_be_read_does_not_hide_the_silence_of_others() -> Result<()> {
    let world = World::start().await?;
    let ingest = world.sandbox();
    for id in ["broken", "quiet"] {
        let place = DefaultPlace { id: id.parse()?, timezone: chrono_tz::UTC }.record().place;
        world.register().put_place(&Place { version: 1, enrolment: Enrolment::Open, ..place }).await?;
    }
    // A block written by a newer version of the program.
    let item = HashMap::from([
        ("pk".to_owned(), AttributeValue::S("broken".into())),
        ("sk".to_owned(), AttributeValue::S("a#0000".into())),
        ("v".to_owned(), AttributeValue::N("1".into())),
        ("d".to_owned(), AttributeValue::B(Blob::new([255]))),
    ]);
    world.dynamodb.put_item().table_name(LIVE).set_item(Some(item)).send().await?;
    let payload = json!({"status": "free", "timestamp": received_at()});
    handle(&ingest, vec![record("1", "quiet/parking/a/place_1", &payload, received_at()), reading("2", 1, true, 0)])
        .await?;

    let event = include_str!("../../../events/ingest/find-silent-sensors.json");
    let look = ingest.handle(serde_json::from_str(event)?, received_at() + Duration::minutes(16)).await?;
    insta::assert_json_snapshot!(look, @r#"
    {
      "blocks": 2,
      "written": 2
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_place_is_known_as_soon_as_it_is_registered() -> Result<()> {
    let world = World::start().await?;
    let ingest = world.sandbox();
    let message =
        || record("1", "new/parking/a/place_1", &json!({"status": "free", "timestamp": received_at()}), received_at());
    handle(&ingest, vec![message()]).await?;
    assert_eq!(world.letters().len(), 1);

    let unregistered = DefaultPlace { id: "new".parse()?, timezone: chrono_tz::UTC }.record().place;
    world.register().put_place(&Place { version: 1, enrolment: Enrolment::Open, ..unregistered }).await?;
    // The sandbox remembers that the place is unknown, but does not refuse on a memory.
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    handle(&ingest, vec![message()]).await?;
    assert_eq!(world.letters().len(), 1);
    world.block("new", "a#0000").await?;
    Ok(())
}

#[tokio::test]
async fn silent_sensors_are_marked_once_and_return_with_a_message() -> Result<()> {
    let world = World::start().await?;
    let (ingest, scheduled) = (world.sandbox(), world.sandbox());
    handle(&ingest, vec![reading("1", 1, true, 0)]).await?;
    handle(&scheduled, vec![reading("2", 2, true, 0)]).await?;

    let look = |minutes: i64| {
        let event = include_str!("../../../events/ingest/find-silent-sensors.json");
        let invocation: Invocation = serde_json::from_str(event).unwrap();
        scheduled.handle(invocation, received_at() + Duration::minutes(minutes))
    };
    insta::assert_json_snapshot!(look(15).await?, @r#"
    {
      "blocks": 1,
      "written": 0
    }
    "#);
    // Behind the back of the sandbox that looks.
    handle(&ingest, vec![reading("3", 3, true, 14 * 60_000)]).await?;
    insta::assert_json_snapshot!(look(16).await?, @r#"
    {
      "blocks": 1,
      "written": 1
    }
    "#);
    let connectivity = [
        world.space("a", 1).await?.connectivity(),
        world.space("a", 2).await?.connectivity(),
        world.space("a", 3).await?.connectivity(),
    ];
    assert_eq!(connectivity, [Connectivity::Lost, Connectivity::Lost, Connectivity::Online]);
    insta::assert_json_snapshot!(look(17).await?, @r#"
    {
      "blocks": 1,
      "written": 0
    }
    "#);

    handle(&ingest, vec![reading("4", 1, true, 18 * 60_000)]).await?;
    assert_eq!(world.space("a", 1).await?.connectivity(), Connectivity::Online);
    Ok(())
}

#[tokio::test]
async fn an_unknown_event_is_a_permanent_failure() -> Result<()> {
    let world = World::start().await?;
    let invocation: Invocation = serde_json::from_str("{}")?;
    let failure = world.sandbox().handle(invocation, received_at()).await.unwrap_err();
    assert!(matches!(failure, parvis_kit::lambda::Failure::Permanent(_)));
    Ok(())
}
