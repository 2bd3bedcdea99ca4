//! The promise of history: however readings are reordered within the window, and however the stream's images are cut into batches,
//! repeated and shuffled, the table is what happened in the order of device time.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

#[path = "support/model.rs"]
mod model;
#[path = "support/mod.rs"]
mod support;

use std::cell::Cell;

use aws_lambda_events::dynamodb::EventRecord;
use model::{Reading, records, table, truth};
use parvis_history::{HistoryStore, handle};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use support::Server;

const CASES: u32 = 48;

/// Readings in the order of device time, no two at the same second.
fn readings() -> impl Strategy<Value = Vec<Reading>> {
    prop::collection::vec((1..=3_u16, any::<bool>(), 1..600_i64), 1..60).prop_map(|steps| {
        let mut second = 0;
        let next = |(space, occupied, pause): (u16, bool, i64)| {
            second += pause;
            Reading { second, space, occupied }
        };
        steps.into_iter().map(next).collect()
    })
}

/// How the readings travel: delays by at most three later readings of the same space, the sizes of the writes that merge
/// them, and the order, with repetitions, in which the images arrive, cut into batches.
#[derive(Clone, Debug)]
struct Journey {
    delays: Vec<usize>,
    writes: Vec<usize>,
    order: Vec<prop::sample::Index>,
    batches: Vec<usize>,
}

fn journey() -> impl Strategy<Value = Journey> {
    (
        prop::collection::vec(0..=3_usize, 60),
        prop::collection::vec(1..6_usize, 60),
        prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        prop::collection::vec(1..9_usize, 200),
    )
        .prop_map(|(delays, writes, order, batches)| Journey { delays, writes, order, batches })
}

/// The readings in the order of arrival: none is overtaken by more than three of its space.
fn delivered(readings: &[Reading], delays: &[usize]) -> Vec<Reading> {
    let mut place_in_space = std::collections::HashMap::new();
    let mut keyed: Vec<(u16, usize, Reading)> = readings
        .iter()
        .zip(delays)
        .map(|(reading, delay)| {
            let position = place_in_space.entry(reading.space).or_insert(0_usize);
            *position += 1;
            (reading.space, *position + delay, *reading)
        })
        .collect();
    // A stable sort: equal keys keep their order, so a delay of d lets at most d readings overtake.
    keyed.sort_by_key(|(space, key, _)| (*key, *space));
    keyed.into_iter().map(|(_, _, reading)| reading).collect()
}

fn chunks<T: Clone>(items: &[T], sizes: &[usize]) -> Vec<Vec<T>> {
    let mut rest = items;
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk.to_vec());
        rest = after;
    }
    chunks
}

/// Every image at least once, in any order, some more often.
fn shuffled(images: &[EventRecord], order: &[prop::sample::Index]) -> Vec<EventRecord> {
    let mut arriving: Vec<EventRecord> = images.to_vec();
    for index in order {
        if images.is_empty() {
            break;
        }
        let position = index.index(arriving.len());
        arriving.push(arriving[position].clone());
        let last = arriving.len() - 1;
        arriving.swap(index.index(last), last);
    }
    arriving
}

#[test]
fn the_table_is_the_truth_in_event_time() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let database = runtime.block_on(async { server.database() });
    let store = HistoryStore::new(database.clone());
    let case = Cell::new(0_u32);
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(readings(), journey()), |(readings, journey)| {
        case.set(case.get() + 1);
        let place = format!("place-{}", case.get());
        let writes = chunks(&delivered(&readings, &journey.delays), &journey.writes);
        let images = records(&place, &writes);
        let arriving = shuffled(&images, &journey.order);
        let found = runtime.block_on(async {
            for batch in chunks(&arriving, &journey.batches) {
                let response = handle(&store, &batch, model::deadline()).await;
                assert!(response.batch_item_failures.is_empty());
            }
            table(database.pool().await.unwrap(), &place).await
        });
        prop_assert_eq!(found, truth(&readings));
        Ok(())
    });
    result.unwrap();
}
