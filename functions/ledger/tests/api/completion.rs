//! What the stream could not bring, or the books refused, is found and posted.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use parvis_ledger::complete::Completion;
use parvis_ledger::movements::MovementReader;
use parvis_ledger::stream::handle;
use parvis_ledger::tasks::{Task, run};
use parvis_ledger_rules::WalletMovementKind::{PayBack, Returned, TopUp};
use parvis_ledger_rules::{Auxiliary, ListedMovement, ParkingMovement, Supply, WalletMovement, movement_key};
use parvis_money::Money;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Books, app_over, at, car_park, record, record_of, refund, sale};

/// Books with the table that payments keep their movements in.
struct Kept {
    books: Books,
    dynamodb: Client,
}

impl Kept {
    async fn open() -> Self {
        let dynamodb = parvis_test_tables::start(&["payments"]).await.unwrap();
        let movements = MovementReader::new(dynamodb.clone(), "payments");
        let books = Books { app: app_over(parvis_test_postgres::database().await, movements, "356000000") };
        Self { books, dynamodb }
    }

    /// A movement as payments write it: itself, and its entry in the list of its day.
    async fn keep(&self, movement: &ParkingMovement) {
        let listed = ListedMovement::of(movement);
        self.put(movement_key(movement.stay.session, movement.id), movement).await;
        self.put(listed.key(), &listed).await;
    }

    async fn put(&self, (pk, sk): (String, String), value: &impl Serialize) {
        let data = serde_json::to_string(value).unwrap();
        let put = self.dynamodb.put_item().table_name("payments").item("pk", AttributeValue::S(pk));
        put.item("sk", AttributeValue::S(sk)).item("data", AttributeValue::S(data)).send().await.unwrap();
    }

    async fn complete(&self) -> Completion {
        let task: Task = serde_json::from_value(json!({ "complete": { "days": 3 } })).unwrap();
        serde_json::from_value(run(&self.books.app, task).await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn what_the_stream_did_not_bring_is_posted() {
    let kept = Kept::open().await;
    let (brought, lost) = (sale(480, car_park()), sale(300, Supply::Street));
    let mut back = refund(&lost, 100);
    back.at -= TimeDelta::days(1);
    let mut young = sale(200, Supply::Street);
    young.at = at("2026-03-03T11:55:00Z");
    for movement in [&brought, &back, &lost, &young] {
        kept.keep(movement).await;
    }
    assert_eq!(kept.books.take(&[&brought]).await, 0);
    // The refund stands on an earlier day's list than its sale; one of five minutes ago is still on its way.
    assert_eq!(kept.complete().await, Completion { listed: 3, posted: 2, refused: 0 });
    let found = kept.books.get("/v1/parking/books", "boss", "manager").await.ok();
    assert_eq!((&found["sound"], &found["debit"]), (&json!(true), &json!(880)));
    assert_eq!(kept.complete().await, Completion { listed: 3, posted: 0, refused: 0 }, "and only once");
}

#[tokio::test]
async fn money_put_into_a_wallet_is_owed_to_its_owner_once() {
    let kept = Kept::open().await;
    let customer = Auxiliary { number: "driver-1".into(), label: "driver-1".into() };
    let movement = WalletMovement {
        id: Uuid::new_v4(),
        at: at("2026-03-03T09:00:00Z"),
        kind: TopUp,
        amount: Money::eur(1000),
        customer,
    };
    let listed = ListedMovement { session: movement.id, movement: movement.id, at: movement.at };
    kept.put(movement_key(movement.id, movement.id), &movement).await;
    kept.put(listed.key(), &listed).await;
    assert_eq!(kept.complete().await, Completion { listed: 1, posted: 1, refused: 0 });
    assert_eq!(kept.complete().await, Completion { listed: 1, posted: 0, refused: 0 });
    // The stream may bring it, too.
    let mut brought = record(&sale(300, Supply::Street));
    let data = serde_json::to_string(&movement).unwrap();
    brought.change.new_image = serde_dynamo::to_item(json!({ "data": data })).unwrap();
    assert!(handle(&kept.books.app, &[brought]).await.batch_item_failures.is_empty());
    let found = kept.books.get("/v1/parking/books", "boss", "manager").await.ok();
    assert_eq!((&found["sound"], &found["debit"]), (&json!(true), &json!(1000)));
    let accounts: Vec<_> = found["balances"].as_array().unwrap().iter().map(|one| one["account"].clone()).collect();
    assert_eq!(accounts, [json!("419100"), json!("511700")], "{found}");
    // A part of it goes back.
    let back = WalletMovement { id: Uuid::new_v4(), kind: PayBack, amount: Money::eur(400), ..movement.clone() };
    let listed = ListedMovement { movement: back.id, ..listed };
    kept.put(movement_key(movement.id, back.id), &back).await;
    kept.put(listed.key(), &listed).await;
    assert_eq!(kept.complete().await, Completion { listed: 2, posted: 1, refused: 0 });
    let found = kept.books.get("/v1/parking/books", "boss", "manager").await.ok();
    let owed = found["balances"].as_array().unwrap().iter().find(|one| one["account"] == "419100").unwrap();
    assert_eq!((&owed["debit"], &owed["credit"]), (&json!(400), &json!(1000)));
    // The bank returns it.
    let returned = WalletMovement { id: Uuid::new_v4(), kind: Returned, ..back };
    let listed = ListedMovement { movement: returned.id, ..listed };
    kept.put(movement_key(movement.id, returned.id), &returned).await;
    kept.put(listed.key(), &listed).await;
    assert_eq!(kept.complete().await, Completion { listed: 3, posted: 1, refused: 0 });
    let found = kept.books.get("/v1/parking/books", "boss", "manager").await.ok();
    let owed = found["balances"].as_array().unwrap().iter().find(|one| one["account"] == "419100").unwrap();
    assert_eq!((&found["sound"], &owed["debit"], &owed["credit"]), (&json!(true), &json!(400), &json!(1400)));
}

#[tokio::test]
async fn a_refund_without_its_sale_does_not_hold_up_the_others_for_ever() {
    let kept = Kept::open().await;
    let lost = sale(480, car_park());
    let (back, other) = (refund(&lost, 240), sale(300, Supply::Street));
    kept.keep(&lost).await;
    kept.keep(&back).await;
    let written =
        |minutes| [record_of(&back, at("2026-03-03T12:00:00Z") - TimeDelta::minutes(minutes)), record(&other)];
    let failed = handle(&kept.books.app, &written(4)).await.batch_item_failures;
    assert_eq!(failed.len(), 1, "its sale may still come");
    assert!(handle(&kept.books.app, &written(6)).await.batch_item_failures.is_empty());
    assert_eq!(kept.books.get("/v1/parking/books", "boss", "manager").await.ok()["debit"], 300);
    assert_eq!(kept.complete().await, Completion { listed: 2, posted: 2, refused: 0 });
    assert_eq!(kept.books.get("/v1/parking/books", "boss", "manager").await.ok()["debit"], 1_020);
}

#[tokio::test]
async fn what_is_refused_for_good_is_told_every_day_and_holds_up_nobody() {
    let kept = Kept::open().await;
    // The database takes no amount below zero.
    let (broken, good) = (sale(-5, Supply::Street), sale(300, Supply::Street));
    kept.keep(&broken).await;
    kept.keep(&good).await;
    assert_eq!(kept.books.take(&[&broken, &good]).await, 0);
    assert_eq!(kept.complete().await, Completion { listed: 2, posted: 0, refused: 1 });
    assert_eq!(kept.complete().await, Completion { listed: 2, posted: 0, refused: 1 });
}

#[tokio::test]
async fn what_fails_for_all_alike_is_waited_for() {
    // The seller's number is on every document: nothing is left out, and all follows when it is put right.
    let database = parvis_test_postgres::options().await;
    let open = |siren| {
        let database = parvis_kit::postgres::Database::with_options(database.clone(), "test");
        Books { app: app_over(database, super::no_movements(), siren) }
    };
    let sold = [sale(480, car_park()), sale(240, car_park())];
    let (first, second) = (&sold[0], &sold[1]);
    assert_eq!(open("123").take(&[first, second]).await, 1);
    // So it is while the tables are not there.
    let books = open("356000000");
    let pool = books.app.database().pool().await.unwrap();
    sqlx::query("ALTER TABLE ledger_line RENAME TO away").execute(pool).await.unwrap();
    assert_eq!(books.take(&[first, second]).await, 1);
    sqlx::query("ALTER TABLE away RENAME TO ledger_line").execute(pool).await.unwrap();
    assert_eq!(books.take(&[first, second]).await, 0);
    assert_eq!(books.get("/v1/parking/books", "boss", "manager").await.ok()["series"][0]["documents"], 2);
}
