//! From the stream of the live state to the tables of history.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

#[path = "support/model.rs"]
mod model;
#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use chrono::TimeDelta;
use model::{Reading, record, records, start, table, truth};
use parvis_history::{HistoryStore, handle};
use parvis_parking::{Block, BlockKey, Count, CounterReading, DeviceMessage, Percent};
use support::Server;

fn reading(second: i64, space: u16, occupied: bool) -> Reading {
    Reading { second, space, occupied }
}

async fn deliver(store: &HistoryStore, records: &[EventRecord]) {
    let response = handle(store, records, model::deadline()).await;
    assert!(response.batch_item_failures.is_empty(), "{response:?}");
}

#[tokio::test]
async fn arrivals_and_departures_are_recorded_with_their_dwell_time() {
    let server = Server::start().await;
    let store = HistoryStore::new(server.database());
    // Over the end of a month, so that two partitions take part.
    let readings = [reading(0, 1, false), reading(60, 1, true), reading(3660, 1, false), reading(4000, 2, true)];
    deliver(&store, &records("default", &[readings.to_vec()])).await;
    let pool = server.database();
    let rows = table(pool.pool().await.unwrap(), "default").await;
    assert_eq!(rows, truth(&readings));
    assert_eq!(rows[1].3, Some(3600));
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let server = Server::start().await;
    let store = HistoryStore::new(server.database());
    let readings = vec![reading(10, 1, true), reading(40, 1, false), reading(20, 3, true)];
    let batch = records("default", std::slice::from_ref(&readings));
    deliver(&store, &batch).await;
    deliver(&store, &batch).await;
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn an_old_image_that_comes_last_does_not_revive_what_was_taken_back() {
    let server = Server::start().await;
    let store = HistoryStore::new(server.database());
    let readings = [reading(0, 1, false), reading(30, 1, true), reading(10, 1, true)];
    // The last reading comes late and moves the arrival from second 30 to second 10.
    let images = records("default", &[readings[..2].to_vec(), readings[2..].to_vec()]);
    assert_eq!(images.len(), 2);
    deliver(&store, &images[1..]).await;
    deliver(&store, &images[..1]).await;
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn an_old_image_that_comes_last_does_not_take_back_what_was_recorded_again() {
    let server = Server::start().await;
    let store = HistoryStore::new(server.database());
    // The arrival at second 30 is recorded, taken back by the one at 10, and recorded again after the departure at 20.
    let readings = [reading(0, 1, false), reading(30, 1, true), reading(10, 1, true), reading(20, 1, false)];
    let images = records("default", &[readings[..2].to_vec(), readings[2..3].to_vec(), readings[3..].to_vec()]);
    assert_eq!(images.len(), 3);
    deliver(&store, &images).await;
    deliver(&store, &images[1..2]).await;
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn two_invocations_at_the_same_place_do_not_disturb_each_other() {
    let server = Server::start().await;
    let readings: Vec<Reading> =
        (0..200).map(|step| reading(step * 7, u16::try_from(step % 5 + 1).unwrap(), (step / 5) % 2 == 0)).collect();
    let writes: Vec<Vec<Reading>> = readings.chunks(3).map(<[Reading]>::to_vec).collect();
    let images = Arc::new(records("default", &writes));
    let invocations = (0..4_usize).map(|offset| {
        let (store, images) = (HistoryStore::new(server.database()), Arc::clone(&images));
        tokio::spawn(async move {
            for batch in images.chunks(3 + offset) {
                deliver(&store, batch).await;
            }
        })
    });
    for invocation in invocations {
        invocation.await.unwrap();
    }
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn while_the_database_is_away_the_batch_comes_again_from_its_first_record() {
    let mut server = Server::start().await;
    let store = HistoryStore::new(server.database());
    let readings = [reading(10, 1, true), reading(500, 1, false)];
    let batch = records("default", &[readings[..1].to_vec(), readings[1..].to_vec()]);
    deliver(&store, &batch[..1]).await;

    server.stop();
    let response = handle(&store, &batch[1..], model::deadline()).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|item| item.item_identifier.clone()).collect();
    assert_eq!(failed, [batch[1].change.sequence_number.clone()]);

    server.resume().await;
    deliver(&store, &batch[1..]).await;
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn counter_readings_are_recorded_and_the_first_of_a_time_holds() {
    let server = Server::start().await;
    let store = HistoryStore::new(server.database());
    let key = BlockKey::parse("Comedie", "main#counter").unwrap();
    let counted = |second, count| {
        DeviceMessage::Counter(CounterReading {
            place: key.place.clone(),
            zone: key.zone.clone(),
            at: start() + TimeDelta::seconds(second),
            count,
            capacity: 239,
            received_at: start() + TimeDelta::seconds(second),
        })
    };
    let mut block = Block::empty(key.index);
    block.merge(&[counted(0, Count::Occupied(100)), counted(300, Count::Percent(Percent::new(50.21).unwrap()))]);
    let first = record(&key, 1, &block);
    // The same time again with another count, long after it left the block's memory.
    let mut later = Block::empty(key.index);
    later.merge(&[counted(0, Count::Occupied(7))]);
    let second = record(&key, 9, &later);
    for record in [&second, &first, &second] {
        deliver(&store, std::slice::from_ref(record)).await;
    }

    let database = server.database();
    let rows: Vec<(i32, i32, Option<f64>)> =
        sqlx::query_as("SELECT occupied, capacity, percent FROM parking_reading WHERE place = 'Comedie' ORDER BY at")
            .fetch_all(database.pool().await.unwrap())
            .await
            .unwrap();
    assert_eq!(rows, [(100, 239, None), (120, 239, Some(50.21))]);
}

#[tokio::test]
async fn an_unreadable_image_does_not_hold_up_the_others() {
    let server = Server::start().await;
    let store = HistoryStore::new(server.database());
    let readings = vec![reading(10, 1, true)];
    let good = records("default", std::slice::from_ref(&readings));
    let mut bad = good[0].clone();
    bad.change.new_image =
        serde_json::from_value(serde_json::json!({ "pk": { "S": "x" }, "sk": { "S": "nonsense" } })).unwrap();
    deliver(&store, &[bad, good[0].clone()]).await;
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn the_sample_event_is_understood() {
    let server = Server::start().await;
    let store = HistoryStore::new(server.database());
    let event: Event = serde_json::from_str(include_str!("../../../events/history/arrival.json")).unwrap();
    deliver(&store, &event.records).await;
    let database = server.database();
    let rows = table(database.pool().await.unwrap(), "default").await;
    assert_eq!(rows, truth(&[reading(60, 3, true)]));
}

/// Makes the server slow: so long for every 100 transitions that a statement writes.
async fn slow_down(store: &parvis_kit::postgres::Database, milliseconds: u32) {
    let pool = store.pool().await.unwrap();
    for statement in [
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
         DECLARE written bigint;
         BEGIN
             SELECT count(*) INTO written FROM added;
             PERFORM pg_sleep(written / 100.0 * current_setting('test.slowness')::float);
             RETURN NULL;
         END $$"
            .to_owned(),
        format!("ALTER DATABASE postgres SET test.slowness = '{}'", f64::from(milliseconds) / 1_000.0),
        "CREATE TRIGGER slow AFTER INSERT ON parking_transition REFERENCING NEW TABLE AS added
         FOR EACH STATEMENT EXECUTE FUNCTION slow()"
            .to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(pool).await.unwrap();
    }
}

/// So many images, of about as many transitions.
fn backlog(images: u16) -> (Vec<Reading>, Vec<EventRecord>) {
    let readings: Vec<Reading> =
        (0..images).map(|step| reading(i64::from(step), step % 30 + 1, (step / 30) % 2 == 0)).collect();
    let writes: Vec<Vec<Reading>> = readings.iter().map(|reading| vec![*reading]).collect();
    let records = records("default", &writes);
    (readings, records)
}

#[tokio::test]
async fn a_batch_that_is_too_much_for_one_statement_is_written_in_pieces() {
    let server = Server::start().await;
    slow_down(&server.database(), 200).await;
    // 1,500 rows would take 3 s, and the server cancels after 1 s.
    let store = HistoryStore::new(server.database()).with_statement_timeout(std::time::Duration::from_secs(1));
    let (readings, batch) = backlog(1_500);
    deliver(&store, &batch).await;
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn what_is_written_before_the_deadline_does_not_come_again() {
    let server = Server::start().await;
    slow_down(&server.database(), 150).await;
    let store = HistoryStore::new(server.database()).with_statement_timeout(std::time::Duration::from_secs(60));
    // The first 2,000 rows take 3 s, and so do the others, which then end after the deadline.
    let (readings, batch) = backlog(4_000);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(6);
    let response = handle(&store, &batch, deadline).await;
    let failed = response.batch_item_failures[0].item_identifier.clone().unwrap();
    let first = batch.iter().position(|record| record.change.sequence_number.as_ref() == Some(&failed)).unwrap();
    assert!(first > 0, "the whole batch comes again, for ever");
    deliver(&store, &batch[first..]).await;
    let database = server.database();
    assert_eq!(table(database.pool().await.unwrap(), "default").await, truth(&readings));
}

#[tokio::test]
async fn an_image_that_the_database_refuses_does_not_stop_the_shard() {
    let server = Server::start().await;
    let database = server.database();
    let pool = database.pool().await.unwrap();
    sqlx::query("ALTER TABLE parking_transition ADD CONSTRAINT refused CHECK (space <> 7)")
        .execute(pool)
        .await
        .unwrap();
    let readings: Vec<Reading> = (1..=20).map(|space| reading(i64::from(space), space, true)).collect();
    let writes: Vec<Vec<Reading>> = readings.iter().map(|reading| vec![*reading]).collect();
    deliver(&HistoryStore::new(server.database()), &records("default", &writes)).await;
    let taken: Vec<Reading> = readings.into_iter().filter(|reading| reading.space != 7).collect();
    assert_eq!(table(pool, "default").await, truth(&taken));
}

#[tokio::test]
async fn a_schema_that_does_not_fit_loses_nothing() {
    let server = Server::start().await;
    let database = server.database();
    let pool = database.pool().await.unwrap();
    sqlx::query("ALTER TABLE parking_transition RENAME COLUMN version TO elsewhere").execute(pool).await.unwrap();
    let (readings, batch) = backlog(8);
    let response = handle(&HistoryStore::new(server.database()), &batch, model::deadline()).await;
    assert_eq!(response.batch_item_failures[0].item_identifier, batch[0].change.sequence_number);

    sqlx::query("ALTER TABLE parking_transition RENAME COLUMN elsewhere TO version").execute(pool).await.unwrap();
    deliver(&HistoryStore::new(server.database()), &batch).await;
    assert_eq!(table(pool, "default").await, truth(&readings));
}
