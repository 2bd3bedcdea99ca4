//! Monthly invoices to operators: what they hold, that they come once, and how they are paid.

use std::sync::Arc;

use chrono::TimeDelta;
use parvis_ledger::tasks::{Task, run};
use parvis_ledger_rules::{Auxiliary, ParkingMovement, Payer, Supply};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Books, at, car_park, refund, sale, with};

/// A sale by an operator's app.
fn sold_by(operator: &str, cents: i64, supply: Supply, day: &str) -> ParkingMovement {
    let mut sold = sale(cents, supply);
    sold.at = at(&format!("{day}T09:00:00Z"));
    (sold.stay.owner, sold.stay.operator) = (None, Some(operator.to_owned()));
    let customer = Auxiliary { number: operator.to_owned(), label: operator.to_owned() };
    sold.payer = Payer::Invoice { customer };
    sold
}

impl Books {
    /// Runs the task of the schedule.
    async fn invoice(&self) -> Value {
        run(&self.app, serde_json::from_value::<Task>(json!("invoice")).unwrap()).await.unwrap()
    }

    async fn pay(&self, number: &str, payment: &Value) -> (u16, Value) {
        let path = format!("/v1/parking/invoices/{number}/payments");
        let answer = self.send("POST", &path, "boss", "manager", Some(payment)).await;
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
    }

    /// What the operator owes by the books.
    async fn owed(&self) -> i64 {
        let found = self.get("/v1/parking/books", "boss", "manager").await.ok();
        assert_eq!(found["sound"], true);
        let row = found["balances"].as_array().unwrap().iter().find(|row| row["account"] == "411000").cloned();
        row.map_or(0, |row| row["debit"].as_i64().unwrap() - row["credit"].as_i64().unwrap())
    }
}

#[tokio::test]
async fn an_operator_gets_one_invoice_for_its_month() {
    let books = Books::open().await;
    let sold = sold_by("easyparking", 480, Supply::Street, "2026-02-10");
    let mut back = refund(&sold, 180);
    back.at = at("2026-02-10T10:00:00Z");
    let garage = sold_by("easyparking", 600, car_park(), "2026-02-28");
    // This month's, and another operator's of whom nothing is known.
    let late = sold_by("easyparking", 1_000, Supply::Street, "2026-03-02");
    let other = sold_by("unknown-app", 700, Supply::Street, "2026-02-11");
    assert_eq!(books.take(&[&sold, &back, &garage, &late, &other]).await, 0);

    let done = books.invoice().await;
    assert_eq!(done, json!({ "issued": ["F-2026-000001"], "waiting": ["unknown-app"] }));
    assert_eq!(books.invoice().await, json!({ "issued": [], "waiting": ["unknown-app"] }), "and only once");

    let invoice = books.get("/v1/parking/receipts/F-2026-000001", "boss", "manager").await.ok();
    let lines: Vec<_> =
        invoice["lines"].as_array().unwrap().iter().map(|line| line["gross"]["cents"].clone()).collect();
    assert_eq!((lines, &invoice["gross"]["cents"]), (vec![json!(300), json!(600)], &json!(900)));
    assert_eq!((&invoice["kind"], &invoice["buyer"]["name"]), (&json!("invoice"), &json!("EasyParking SAS")));
    assert_eq!((&invoice["supplied_from"], &invoice["supplied_to"]), (&json!("2026-02-10"), &json!("2026-02-28")));
    assert_eq!(invoice["terms"]["due_on"], "2026-04-02");
    let pdf = books.get("/v1/parking/receipts/F-2026-000001/document.pdf", "boss", "manager").await;
    assert!(pdf.body.starts_with(b"%PDF-"));
    assert_eq!(books.get("/v1/parking/receipts/F-2026-000001", "driver-1", "driver").await.status, 404);

    // What was sold in March, and what came late of February, stands on the next one.
    let forgotten = sold_by("easyparking", 50, Supply::Street, "2026-02-03");
    books.take(&[&forgotten]).await;
    let april = Books { app: with(&books.app, Arc::new(|| at("2026-04-01T05:00:00Z"))) };
    assert_eq!(april.invoice().await["issued"], json!(["F-2026-000002"]));
    assert_eq!(april.get("/v1/parking/receipts/F-2026-000002", "boss", "manager").await.ok()["gross"]["cents"], 1_050);
}

#[tokio::test]
async fn two_runs_at_once_invoice_once() {
    let books = Books::open().await;
    books.take(&[&sold_by("easyparking", 480, Supply::Street, "2026-02-10")]).await;
    let (first, second) = tokio::join!(books.invoice(), books.invoice());
    let mut issued = [first["issued"].as_array().unwrap().len(), second["issued"].as_array().unwrap().len()];
    issued.sort_unstable();
    assert_eq!(issued, [0, 1]);
}

#[tokio::test]
async fn an_invoice_is_paid_in_parts_and_each_part_once() {
    let books = Books::open().await;
    books.take(&[&sold_by("easyparking", 900, Supply::Street, "2026-02-10")]).await;
    books.invoice().await;
    assert_eq!(books.owed().await, 900);
    let payment = |cents: i64| json!({ "id": Uuid::new_v4(), "on": "2026-03-02", "cents": cents });
    let first = payment(400);
    for _ in 0..2 {
        let (status, paid) = books.pay("F-2026-000001", &first).await;
        assert_eq!((status, &paid["settled_cents"]), (200, &json!(400)));
    }
    assert_eq!(books.owed().await, 500);
    let (status, refused) = books.pay("F-2026-000001", &payment(501)).await;
    assert_eq!((status, &refused["open"]), (409, &json!(500)));
    let mut other = first.clone();
    other["cents"] = json!(100);
    assert_eq!(books.pay("F-2026-000001", &other).await.0, 409, "the same id for another amount");
    assert_eq!(books.pay("F-2026-000009", &payment(1)).await.0, 404);
    assert_eq!(books.pay("F-2026-000001", &payment(0)).await.0, 422);
    assert_eq!(books.pay("F-2026-000001", &payment(500)).await.0, 200);
    assert_eq!(books.owed().await, 0);
    let list = books.get("/v1/parking/invoices", "boss", "manager").await.ok();
    assert_eq!(list["invoices"][0]["settled_cents"], 900);
    assert_eq!(books.get("/v1/parking/invoices", "driver-1", "driver").await.status, 403);
    let fec = books.get("/v1/parking/fec?year=2026", "boss", "manager").await;
    assert_eq!(fec.text().lines().filter(|line| line.starts_with("BQ\t")).count(), 4, "two payments of two lines");
}

#[tokio::test]
async fn more_given_back_than_sold_waits_for_the_next_month() {
    let books = Books::open().await;
    let old = sold_by("easyparking", 480, Supply::Street, "2026-01-31");
    books.take(&[&old]).await;
    let february = Books { app: with(&books.app, Arc::new(|| at("2026-02-01T05:00:00Z"))) };
    assert_eq!(february.invoice().await["issued"], json!(["F-2026-000001"]));
    let mut back = refund(&old, 480);
    back.at = at("2026-02-01T08:00:00Z") + TimeDelta::hours(1);
    books.take(&[&back]).await;
    assert_eq!(books.invoice().await, json!({ "issued": [], "waiting": ["easyparking"] }));
}
