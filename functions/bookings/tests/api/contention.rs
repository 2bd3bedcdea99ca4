//! Many want the same.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use parvis_booking::Slot;
use parvis_booking::booking::PayWith;
use parvis_booking::resource::Item;
use parvis_bookings::actor::Actor;
use parvis_bookings::commands::Book;
use parvis_bookings::error::Refused;
use parvis_bookings::store::Store;
use parvis_bookings::store::tx::WriteError;
use parvis_kit::postgres::Database;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Platform, at, now};

const CLIENTS: usize = 64;
const TRIES: usize = 25;

fn wish(client: usize, attempt: usize) -> Book {
    // Quarters of an hour over one morning, of different lengths: most of them overlap.
    let start: DateTime<Utc> =
        at("2026-07-13T08:00:00Z") + TimeDelta::minutes(15 * ((client * 7 + attempt * 5) % 32) as i64);
    let length = TimeDelta::minutes(15 * (1 + (client + attempt) % 4) as i64);
    Book {
        id: Uuid::now_v7(),
        actor: Actor { subject: format!("client-{client}"), roles: Default::default() },
        items: vec![Item::Resource("arago".parse().unwrap())],
        slot: Slot::lasting(start, length),
        title: "Fight".to_owned(),
        participants: 1,
        guests: vec![],
        pay_with: PayWith::Money,
        quote: None,
        hold: false,
        waitlist: false,
    }
}

/// One client with a pool of its own, as each sandbox has.
async fn fight(store: Store, client: usize) -> (usize, usize) {
    let (mut won, mut lost) = (0, 0);
    for attempt in 0..TRIES {
        match store.execute(None, &wish(client, attempt), now()).await {
            Ok(_) => won += 1,
            Err(WriteError::Refused(Refused::Taken(_))) => lost += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    (won, lost)
}

#[tokio::test]
async fn sixty_four_clients_fight_for_one_room_without_an_overlap_or_a_deadlock() {
    let options = parvis_test_postgres::options().await;
    let platform = Platform::over(Database::with_options(options.clone(), "test")).await;
    platform.put("/v1/sites/hq", json!({ "name": "HQ", "timezone": "Europe/Paris" })).await;
    platform.put("/v1/policies/free", json!({ "name": "Free" })).await;
    platform.room("arago", json!({})).await;
    let clients = (0..CLIENTS).map(|client| {
        let store = Store::new(Database::with_options(options.clone(), "test"));
        fight(store, client)
    });
    let results = join_all(clients).await;
    let (won, lost) = results.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!(won + lost, CLIENTS * TRIES);
    assert!(won > 0 && lost > won, "{won} won, {lost} lost");
    let overlaps = "SELECT count(*) FROM booking_slot a JOIN booking_slot b
                    ON a.resource = b.resource AND a.during && b.during AND a.booking < b.booking";
    assert_eq!(platform.count(overlaps).await, 0);
    assert_eq!(platform.count("SELECT count(*) FROM booking").await, i64::try_from(won).unwrap());
    assert_eq!(platform.count("SELECT count(*) FROM booking_slot").await, i64::try_from(won).unwrap());
    assert_eq!(platform.count("SELECT count(*) FROM booking_outbox").await, i64::try_from(won).unwrap());
}

#[tokio::test]
async fn the_last_seats_of_a_pool_and_a_quota_are_never_given_twice() {
    let options = parvis_test_postgres::options().await;
    let platform = Platform::over(Database::with_options(options.clone(), "test")).await;
    platform.put("/v1/sites/hq", json!({ "name": "HQ", "timezone": "Europe/Paris" })).await;
    let quotas = json!([{ "period": "day", "limit": { "bookings": 3 } }]);
    platform.put("/v1/policies/desks", json!({ "name": "Desks", "quotas": quotas })).await;
    let pool = json!({ "site": "hq", "name": "Desk", "kind": "desk", "seats": { "count": 10, "like": { "policy": "desks" } } });
    platform.put("/v1/pools/desks", pool).await;
    // Eight people ask four times each, all at once, for ten desks; each may have three.
    let clients = (0..32).map(|client| {
        let store = Store::new(Database::with_options(options.clone(), "test"));
        async move {
            let mut book = wish(0, 0);
            book.actor.subject = format!("client-{}", client % 8);
            book.items = vec![Item::Pool("desks".parse().unwrap())];
            store.execute(None, &book, now()).await.is_ok()
        }
    });
    let won = join_all(clients).await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 10);
    assert_eq!(platform.count("SELECT count(DISTINCT resource) FROM booking_slot").await, 10);
    assert!(
        platform.count("SELECT max(n) FROM (SELECT count(*) AS n FROM booking GROUP BY owner) AS owners").await <= 3
    );
}
