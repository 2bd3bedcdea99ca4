//! Movements in, documents and figures out, over a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod completion;
mod fec;
mod invoices;

use std::sync::Arc;

use aws_lambda_events::dynamodb::EventRecord;
use axum::body::to_bytes;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::http::service;
use parvis_kit::postgres::Database;
use parvis_ledger::movements::MovementReader;
use parvis_ledger::routes::router;
use parvis_ledger::state::{App, Clock, House};
use parvis_ledger::stream::handle;
use parvis_ledger::zones::ZoneNames;
use parvis_ledger_rules::{Buyer, Chart, ParkingMovement, ParkingMovementKind, Payer, Seller, Stay, Supply};
use parvis_money::Money;
use parvis_places::PlacesStore;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

struct Books {
    app: App,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A table of payments that nobody asks.
fn no_movements() -> MovementReader {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version_latest().build();
    MovementReader::new(aws_sdk_dynamodb::Client::from_conf(config), "payments")
}

/// A register that cannot be read.
fn no_places() -> ZoneNames {
    let config = aws_sdk_dynamodb::Config::builder().behavior_version_latest().build();
    ZoneNames::new(PlacesStore::new(aws_sdk_dynamodb::Client::from_conf(config), "places"))
}

fn app(database: Database) -> App {
    app_over(database, no_movements(), "356000000")
}

fn app_over(database: Database, movements: MovementReader, siren: &str) -> App {
    let seller = Seller {
        name: "Parvis Stationnement".into(),
        legal_form: "SAS au capital de 10 000 EUR".into(),
        address: vec!["1 place du Parvis".into(), "75012 Paris".into()],
        siren: siren.into(),
        register: "RCS Paris 356 000 000".into(),
        vat_number: Some("FR39356000000".into()),
    };
    let buyer = Buyer {
        name: "EasyParking SAS".into(),
        address: vec!["2 rue du Port".into(), "34000 Montpellier".into()],
        professional: true,
        siren: None,
    };
    let house = House {
        seller,
        chart: Chart::private_operator().unwrap(),
        customers: [("easyparking".to_owned(), buyer)].into(),
        timezone: chrono_tz::Europe::Paris,
    };
    App::new(database, movements, no_places(), house, Arc::new(|| at("2026-03-03T12:00:00Z")))
}

/// The same books at another time.
fn with(app: &App, clock: Clock) -> App {
    App::new(app.database().clone(), no_movements(), app.zones().clone(), app.house().clone(), clock)
}

impl Books {
    async fn open() -> Self {
        Self { app: app(parvis_test_postgres::database().await) }
    }

    async fn get(&self, path: &str, subject: &str, role: &str) -> Answer {
        self.send("GET", path, subject, role, None).await
    }

    async fn send(&self, method: &str, path: &str, subject: &str, role: &str, body: Option<&Value>) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let claims = json!({ "sub": subject, "cognito:groups": format!("[{role}]") });
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": { "host": "api.example", "content-type": "application/json" }, "isBase64Encoded": false,
            "body": body.map(Value::to_string),
            "requestContext": {
                "stage": "$default", "http": { "method": method, "path": path },
                "authorizer": { "jwt": { "claims": claims, "scopes": null } },
            },
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let response = service(router(self.app.clone())).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn take(&self, movements: &[&ParkingMovement]) -> usize {
        let records: Vec<EventRecord> = movements.iter().map(|movement| record(movement)).collect();
        handle(&self.app, &records).await.batch_item_failures.len()
    }
}

/// A record of the stream, as DynamoDB writes it at the clock's time.
fn record(movement: &ParkingMovement) -> EventRecord {
    record_of(movement, at("2026-03-03T12:00:00Z"))
}

fn record_of(movement: &ParkingMovement, written_at: DateTime<Utc>) -> EventRecord {
    let data = serde_json::to_string(movement).unwrap();
    let image = json!({
        "pk": { "S": format!("session#{}", movement.stay.session) }, "sk": { "S": format!("movement#{}", movement.id) },
        "kind": { "S": "movement" }, "revision": { "N": "0" }, "data": { "S": data },
    });
    serde_json::from_value(json!({
        "awsRegion": "eu-west-3", "eventID": movement.id, "eventName": "INSERT", "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-3:000000000000:table/Payments/stream/2026-01-01T00:00:00.000",
        "dynamodb": { "SequenceNumber": movement.id, "SizeBytes": 1, "NewImage": image,
                      "ApproximateCreationDateTime": written_at.timestamp() },
    }))
    .unwrap()
}

fn sale(cents: i64, supply: Supply) -> ParkingMovement {
    let start = at("2026-03-03T09:00:00Z");
    ParkingMovement {
        id: Uuid::new_v4(),
        at: start,
        kind: ParkingMovementKind::Sale,
        gross: Money::eur(cents),
        supply,
        payer: Payer::Provider,
        stay: Stay {
            session: Uuid::new_v4(),
            owner: Some("driver-1".into()),
            operator: None,
            zone: "Zone_B".parse().unwrap(),
            class: "car".into(),
            qualification: "visitor".into(),
            electric: false,
            start,
            end: start + TimeDelta::hours(2),
        },
    }
}

fn refund(sale: &ParkingMovement, cents: i64) -> ParkingMovement {
    let (kind, gross) = (ParkingMovementKind::Refund { sale: sale.id }, Money::eur(cents));
    let stay = Stay { start: sale.stay.start + TimeDelta::hours(1), ..sale.stay.clone() };
    ParkingMovement { id: Uuid::new_v4(), kind, gross, stay, ..sale.clone() }
}

fn car_park() -> Supply {
    Supply::CarPark { vat: 2000.try_into().unwrap() }
}

#[tokio::test]
async fn a_sale_and_its_refund_are_booked_once_however_often_they_come() {
    let books = Books::open().await;
    let sold = sale(480, car_park());
    let back = refund(&sold, 240);
    assert_eq!(books.take(&[&sold, &back]).await, 0);
    assert_eq!(books.take(&[&back, &sold, &sold]).await, 0);
    let found = books.get("/v1/parking/books", "boss", "manager").await.ok();
    assert_eq!((&found["sound"], &found["debit"]), (&json!(true), &json!(720)));
    insta::assert_json_snapshot!(found["balances"]);
    assert_eq!(
        found["series"],
        json!([
            { "series": "A-2026", "documents": 1, "missing": 0 },
            { "series": "R-2026", "documents": 1, "missing": 0 },
        ])
    );
}

#[tokio::test]
async fn a_refund_waits_for_its_sale() {
    let books = Books::open().await;
    let sold = sale(480, car_park());
    let back = refund(&sold, 240);
    assert_eq!(books.take(&[&back, &sold]).await, 1, "the batch comes again from the refund on");
    assert_eq!(books.take(&[&sold, &back]).await, 0);
}

#[tokio::test]
async fn receipts_are_their_owners_in_both_forms_and_languages() {
    let books = Books::open().await;
    let sold = sale(480, Supply::Street);
    let back = refund(&sold, 240);
    books.take(&[&sold, &back]).await;
    let path = format!("/v1/parking/receipts?session={}", sold.stay.session);
    let found = books.get(&path, "driver-1", "driver").await.ok();
    let numbers: Vec<&str> =
        found["receipts"].as_array().unwrap().iter().map(|row| row["number"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["R-2026-000001", "A-2026-000001"]);
    assert_eq!(found["receipts"][1]["corrects"], "R-2026-000001");
    assert_eq!(books.get("/v1/parking/receipts", "driver-2", "driver").await.ok()["receipts"], json!([]));

    let pdf = books.get("/v1/parking/receipts/R-2026-000001/document.pdf", "driver-1", "driver").await;
    assert!(pdf.body.starts_with(b"%PDF-") && pdf.body.len() > 5_000);
    assert_eq!(pdf.headers["content-disposition"], "attachment; filename=\"R-2026-000001.pdf\"");
    let again = books.get("/v1/parking/receipts/R-2026-000001/document.pdf", "boss", "manager").await;
    assert_eq!(again.body, pdf.body, "the same document is the same file");
    let html = books.get("/v1/parking/receipts/R-2026-000001/document.html?lang=en", "driver-1", "driver").await;
    assert!(
        html.text().contains("Receipt R-2026-000001") && html.text().contains("outside the scope of VAT"),
        "{}",
        html.text()
    );
    for (subject, path) in [("driver-2", "R-2026-000001"), ("driver-1", "R-2026-000009")] {
        let path = format!("/v1/parking/receipts/{path}/document.pdf");
        assert_eq!(books.get(&path, subject, "driver").await.status, 404);
    }
}

fn texts(page: &str) -> String {
    page.replace("&#x2f;", "/").replace(['\u{202f}', '\u{a0}'], " ")
}

#[tokio::test]
async fn documents_say_the_same_in_both_languages_with_the_zones_name_and_where_the_money_went() {
    let dynamodb = parvis_test_tables::start(&["places"]).await.unwrap();
    let register = PlacesStore::new(dynamodb, "places");
    let place = json!({
        "id": "default", "name": "Parking du Parvis", "timezone": "Europe/Paris", "version": 1,
        "created_at": "2026-01-01T00:00:00Z", "modified_at": "2026-01-01T00:00:00Z",
    });
    let zone = json!({ "id": "Zone_B", "name": "Zone B", "version": 1 });
    let (place, zone) = (serde_json::from_value(place).unwrap(), serde_json::from_value(zone).unwrap());
    register.create_place(&place, &[zone]).await.unwrap();
    let bare = app(parvis_test_postgres::database().await);
    let clock: Clock = Arc::new(|| at("2026-03-03T12:00:00Z"));
    let names = ZoneNames::new(register);
    let app = App::new(bare.database().clone(), no_movements(), names, bare.house().clone(), clock);
    let books = Books { app };
    let by_card = sale(480, Supply::Street);
    let mut by_wallet = sale(240, Supply::Street);
    let customer = parvis_ledger_rules::Auxiliary { number: "driver-1".into(), label: "driver-1".into() };
    by_wallet.payer = Payer::Wallet { customer };
    let backs = [refund(&by_card, 240), refund(&by_wallet, 120)];
    assert_eq!(books.take(&[&by_card, &by_wallet, &backs[0], &backs[1]]).await, 0);

    let page = async |number: &str, lang: &str| {
        let path = format!("/v1/parking/receipts/{number}/document.html?lang={lang}");
        texts(books.get(&path, "driver-1", "driver").await.text())
    };
    let card = |id: Uuid| {
        [
            ("R-2026-000001", "fr", "Stationnement Parking du Parvis, Zone B, 03/03/2026 10:00–12:00".to_owned()),
            ("R-2026-000001", "fr", "Payé le 03/03/2026 par carte bancaire : 4,80 €".to_owned()),
            ("R-2026-000001", "fr", "TVA 0 % : redevance de stationnement sur voirie".to_owned()),
            ("R-2026-000001", "en", "Parking Parking du Parvis, Zone B, 3 March 2026 10:00–12:00".to_owned()),
            ("R-2026-000001", "en", "Paid on 03 March 2026 by card: €4.80".to_owned()),
            ("R-2026-000001", "en", "VAT 0%: fee for parking on the street, outside the scope of VAT.".to_owned()),
            ("A-2026-000001", "fr", format!("Remboursé le 03/03/2026 sur la carte bancaire : 2,40 €, référence {id}")),
            ("A-2026-000001", "en", format!("Refunded on 03 March 2026 to the card: €2.40, reference {id}")),
            ("A-2026-000001", "en", "Parking not used Parking du Parvis, Zone B".to_owned()),
        ]
    };
    let wallet = |id: Uuid| {
        [
            ("R-2026-000002", "en", "Paid on 03 March 2026 from the wallet: €2.40".to_owned()),
            ("A-2026-000002", "fr", format!("Remboursé le 03/03/2026 sur le porte-monnaie : 1,20 €, référence {id}")),
            ("A-2026-000002", "en", format!("Refunded on 03 March 2026 to the wallet: €1.20, reference {id}")),
        ]
    };
    for (number, lang, text) in card(backs[0].id).into_iter().chain(wallet(backs[1].id)) {
        let page = page(number, lang).await;
        assert!(page.contains(&text), "{text} is not in {page}");
    }
    for number in ["R-2026-000001", "A-2026-000001", "A-2026-000002"] {
        let page = page(number, "en").await;
        let french = [
            "Stationnement ",
            "Pay\u{e9}",
            "Rembours",
            "carte",
            "porte-monnaie",
            "redevance",
            "TVA ",
            "lang=\"fr\"",
            "Zone_B",
        ];
        assert!(french.iter().all(|word| !page.replace("Parvis Stationnement", "").contains(word)), "{page}");
    }
}

#[tokio::test]
async fn numbers_have_no_gaps_when_many_post_at_once() {
    let database = parvis_test_postgres::options().await;
    let apps: Vec<App> = (0..6).map(|_| app(Database::with_options(database.clone(), "test"))).collect();
    let posts = apps.iter().map(|app| async move {
        for _ in 0..15 {
            app.post(&sale(240, car_park())).await.unwrap();
            // Refused: nothing of it may remain, and its number goes to the next.
            let broken = refund(&sale(1, car_park()), 1);
            app.post(&broken).await.unwrap_err();
        }
    });
    futures_join(posts).await;
    let books = Books { app: apps[0].clone() };
    let found = books.get("/v1/parking/books", "boss", "manager").await.ok();
    assert_eq!(found["series"], json!([{ "series": "R-2026", "documents": 90, "missing": 0 }]));
    assert_eq!(found["sound"], true);
}

async fn futures_join<F: Future<Output = ()>>(all: impl Iterator<Item = F>) {
    let mut running: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        running.retain_mut(|task| task.as_mut().poll(context).is_pending());
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn free_stays_count_and_move_no_money() {
    let books = Books::open().await;
    books.take(&[&sale(0, Supply::Street), &sale(240, Supply::Street)]).await;
    let revenue = books.get("/v1/parking/revenue?by=zone&to=2026-03-04T00:00:00Z", "boss", "manager").await.ok();
    assert_eq!(
        revenue["rows"],
        json!([{ "key": "Zone_B", "sessions": 2, "refunds": 0, "gross": 240, "refunded": 0, "net": 240, "minutes": 240 }])
    );
    assert_eq!(
        books.get("/v1/parking/receipts", "driver-1", "driver").await.ok()["receipts"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn revenue_is_told_by_local_day_and_hour() {
    let books = Books::open().await;
    let mut night = sale(240, Supply::Street);
    night.at = at("2026-03-02T23:30:00Z");
    night.stay.start = night.at;
    books.take(&[&night, &sale(480, Supply::Street)]).await;
    let ask = |by: &str| format!("/v1/parking/revenue?by={by}&from=2026-03-01T00:00:00Z&to=2026-03-04T00:00:00Z");
    let days = books.get(&ask("day"), "boss", "manager").await.ok();
    assert_eq!((&days["rows"][0]["key"], &days["rows"][0]["gross"]), (&json!("2026-03-03"), &json!(720)));
    let hours = books.get(&ask("hour"), "boss", "manager").await.ok();
    let keys: Vec<_> = hours["rows"].as_array().unwrap().iter().map(|row| row["key"].clone()).collect();
    assert_eq!(keys, ["00", "10"]);
    assert_eq!(books.get(&ask("day"), "driver-1", "driver").await.status, 403);
}

#[tokio::test]
async fn days_are_those_of_the_house_with_their_last_hour() {
    let books = Books::open().await;
    let mut night = sale(240, Supply::Street);
    // 00:30 of 3 March in Paris.
    night.at = at("2026-03-02T23:30:00Z");
    books.take(&[&night]).await;
    let net = async |range: &str| {
        let path = format!("/v1/parking/revenue?{range}");
        books.get(&path, "boss", "manager").await.ok()["total"]["net"].clone()
    };
    assert_eq!(net("from=2026-03-03&to=2026-03-03").await, 240);
    assert_eq!(net("from=2026-03-02&to=2026-03-02").await, 0);
    assert_eq!(net("from=2026-03-02T23:30:00Z&to=2026-03-03").await, 240);
    let range = books.get("/v1/parking/revenue?from=2026-03-29&to=2026-03-29", "boss", "manager").await.ok();
    let [from, to] = ["from", "to"].map(|end| at(range[end].as_str().unwrap()));
    assert_eq!(to - from, TimeDelta::hours(23), "the day on which clocks are put forward");
    let wrong = books.get("/v1/parking/revenue?from=yesterday", "boss", "manager").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("`yesterday` is neither a day (2026-11-22) nor an instant"), "{}", wrong.text());
    let journal = async |range: &str| {
        books.get(&format!("/v1/parking/journal.csv?{range}"), "boss", "manager").await.text().lines().count()
    };
    let day = journal("from=2026-03-03&to=2026-03-03").await;
    assert!(day > 1);
    assert_eq!(journal("from=2026-03-02T23:00:00Z&to=2026-03-03T00:00:00Z").await, day);
}

#[tokio::test]
async fn the_journal_is_exported_in_three_forms() {
    let books = Books::open().await;
    let sold = sale(480, car_park());
    books.take(&[&sold, &refund(&sold, 240)]).await;
    let csv = books.get("/v1/parking/journal.csv?from=2026-03-01", "boss", "manager").await;
    assert_eq!(csv.text().lines().count(), 7, "{}", csv.text());
    assert!(csv.text().contains(",706000,Prestations de stationnement,,,4.00,EUR"), "{}", csv.text());
    let xlsx = books.get("/v1/parking/journal.xlsx?from=2026-03-01", "boss", "manager").await;
    assert!(xlsx.body.starts_with(b"PK"));
    let fec = books.get("/v1/parking/fec?year=2026", "boss", "manager").await;
    assert_eq!(fec.headers["content-disposition"], "attachment; filename=\"356000000FEC20261231.txt\"");
    assert_eq!(fec.text().lines().count(), 7);
    assert!(fec.text().lines().all(|line| line.split('\t').count() == 18));
}

#[tokio::test]
async fn a_database_that_is_away_delays_the_books() {
    let options = parvis_test_postgres::options().await.port(1);
    let books = Books { app: app(Database::with_options(options, "test")) };
    assert_eq!(books.take(&[&sale(240, car_park())]).await, 1);
}

#[tokio::test]
async fn what_cannot_be_read_does_not_hold_up_the_others() {
    let books = Books::open().await;
    let mut broken = record(&sale(1, Supply::Street));
    broken.change.new_image = serde_json::from_value(json!({ "data": { "S": "{}" } })).unwrap();
    let good = record(&sale(240, Supply::Street));
    assert!(handle(&books.app, &[broken, good]).await.batch_item_failures.is_empty());
    assert_eq!(books.get("/v1/parking/books", "boss", "manager").await.ok()["debit"], 240);
}

#[tokio::test]
async fn the_books_are_final() {
    let books = Books::open().await;
    books.take(&[&sale(240, Supply::Street)]).await;
    let pool = books.app.database().pool().await.unwrap();
    for statement in ["UPDATE ledger_line SET debit = debit + 1 WHERE debit > 0", "DELETE FROM ledger_document"] {
        sqlx::query(statement).execute(pool).await.unwrap_err();
    }
    let unbalanced = "INSERT INTO ledger_line (entry, account, debit, credit, currency)
                      SELECT id, '512000', 5, 0, 'EUR' FROM ledger_entry";
    sqlx::query(unbalanced).execute(pool).await.unwrap_err();
}

#[test]
fn the_document_describes_every_route() {
    let document: Value = serde_json::from_str(parvis_ledger::routes::document()).unwrap();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    insta::assert_json_snapshot!(paths);
}
