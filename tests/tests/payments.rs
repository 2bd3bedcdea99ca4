//! Parking paid for: from the start to the receipt, with crashes, outages and rivals on the way.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use anyhow::bail;
use parvis_testkit::{Api, Platform, eventually};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// A driver on a platform with tariffs.
async fn driver(platform: &Platform) -> Api {
    platform.put_tariffs_in_force().await.unwrap();
    platform.login("driver").await
}

fn plate(platform: &Platform) -> String {
    format!("E2E{}", platform.unique().to_uppercase())
}

fn stay(plate: &str, minutes: u32) -> Value {
    let pay = json!({ "with": "method", "id": "pm_card_visa" });
    json!({ "id": Uuid::new_v4(), "zone": "Zone_A", "plate": plate, "minutes": minutes, "pay": pay })
}

async fn post(api: &Api, path: &str, body: &Value) -> (StatusCode, Value) {
    api.answer(api.request(Method::POST, path).json(body)).await.unwrap()
}

/// Asks until the service answers, as a page does: the same request again is the same session.
async fn begin(api: &Api, body: &Value) -> Value {
    for _ in 0..20 {
        let (status, answer) = post(api, "/v1/parking/sessions", body).await;
        if !status.is_server_error() {
            assert!(status.is_success(), "{status}: {answer}");
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the session did not start");
}

async fn is_allowed(platform: &Platform, plate: &str) -> bool {
    let agent = platform.login("agent").await;
    let question = json!({ "plate": plate, "zone": "Zone_A" });
    let (status, answer) = post(&agent, "/v1/parking/rights/check", &question).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["allowed"] == true
}

async fn receipts(api: &Api, session: &Value, wanted: usize) -> Vec<Value> {
    let path = format!("/v1/parking/receipts?session={}", session.as_str().unwrap());
    eventually(|| async {
        let body = api.get(&path).await?;
        let found = body["receipts"].as_array().cloned().unwrap_or_default();
        if found.len() < wanted { bail!("{body}") } else { Ok(found) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_start_to_the_receipt() {
    let platform = Platform::start().await;
    let (api, plate) = (driver(&platform).await, plate(&platform));
    let question = json!({ "zone": "Zone_A", "minutes": 60 });
    let (_, quote) = post(&platform.api(), "/v1/parking/quotes", &question).await;
    assert_eq!(quote["quote"]["due"]["cents"], 240, "{quote}");

    let begun = begin(&api, &stay(&plate, 60)).await;
    assert_eq!(begun["state"], "active");
    assert!(is_allowed(&platform, &plate).await, "a right is there with the answer");
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    let extension = json!({ "id": Uuid::new_v4(), "minutes": 30, "pay": { "with": "method", "id": "pm_card_visa" } });
    let (status, extended) = post(&api, &format!("{path}/extend"), &extension).await;
    assert_eq!((status, &extended["paid"]["cents"]), (StatusCode::OK, &json!(360)), "{extended}");
    let (status, stopped) = post(&api, &format!("{path}/stop"), &json!({})).await;
    // A begun quarter of an hour stays paid.
    assert_eq!((status, &stopped["state"], &stopped["paid"]["cents"]), (StatusCode::OK, &json!("stopped"), &json!(60)));
    assert!(!is_allowed(&platform, &plate).await);

    let found = receipts(&api, &begun["id"], 4).await;
    let sum: i64 = found.iter().map(|receipt| receipt["gross_cents"].as_i64().unwrap()).sum();
    assert_eq!(sum, 60, "{found:?}");
    let number = found.iter().find(|receipt| receipt["kind"] == "receipt").unwrap()["number"].as_str().unwrap();
    let pdf = api.request(Method::GET, &format!("/v1/parking/receipts/{number}/document.pdf")).send().await.unwrap();
    assert_eq!(pdf.status(), StatusCode::OK);
    assert!(pdf.bytes().await.unwrap().starts_with(b"%PDF-"));
    let books = platform.login("manager").await.get("/v1/parking/books").await.unwrap();
    assert_eq!(books["sound"], true, "{books}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_want_one_plate_one_pays() {
    let platform = Platform::start().await;
    let (api, plate) = (driver(&platform).await, plate(&platform));
    let (ours, theirs) = (stay(&plate, 30), stay(&plate, 30));
    let path = "/v1/parking/sessions";
    let (first, second) = tokio::join!(post(&api, path, &ours), post(&api, path, &theirs));
    let mut states = [first.0.as_u16(), second.0.as_u16()];
    states.sort_unstable();
    assert_eq!(states, [201, 409], "{first:?} {second:?}");
    // The declined one leaves the plate free.
    let mut declined = stay(&format!("{plate}X"), 30);
    declined["pay"]["id"] = "pm_card_chargeDeclined".into();
    let (status, body) = post(&api, path, &declined).await;
    assert_eq!((status, &body["code"]), (StatusCode::PAYMENT_REQUIRED, &json!("card_declined")), "{body}");
    begin(&api, &stay(&format!("{plate}X"), 30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_message_brings_a_payment_of_the_browser_to_its_end() {
    let platform = Platform::start().await;
    let api = driver(&platform).await;
    let Some(_) = platform.embedded_or_say("messages of the payment provider") else { return };
    let mut asked = stay(&plate(&platform), 30);
    asked["pay"] = json!({ "with": "card" });
    let pending = begin(&api, &asked).await;
    assert_eq!(pending["state"], "pending");
    let zones = platform.api().get("/v1/parking/zones").await.unwrap();
    let intent = pending["payment"]["intent"].as_str().unwrap();
    let form =
        [("client_secret", pending["payment"]["client_secret"].as_str().unwrap()), ("payment_method", "pm_card_visa")];
    let paid = reqwest::Client::new()
        .post(format!("{}/_local/provider/v1/payment_intents/{intent}/confirm", platform.api_url()))
        .bearer_auth(zones["publishable_key"].as_str().unwrap())
        .form(&form);
    assert_eq!(paid.send().await.unwrap().status(), StatusCode::OK);
    let path = format!("/v1/parking/sessions/{}", pending["id"].as_str().unwrap());
    eventually(|| async {
        let session = api.get(&path).await?;
        if session["state"] == "active" { Ok(()) } else { bail!("{session}") }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_while_paying_charges_nobody_twice() {
    let platform = Platform::start().await;
    let api = driver(&platform).await;
    let Some(embedded) = platform.embedded_or_say("killing functions at work") else { return };
    let mut sessions = Vec::new();
    for _ in 0..12 {
        embedded.kill_during_invocation("PaymentsFunction", 1);
        let begun = begin(&api, &stay(&plate(&platform), 30)).await;
        assert_eq!((&begun["state"], &begun["paid"]["cents"]), (&json!("active"), &json!(120)));
        sessions.push(begun["id"].clone());
    }
    for session in &sessions {
        assert_eq!(receipts(&api, session, 1).await.len(), 1);
    }
    embedded.fire_schedule("PaymentsFunction", "Reconcile").await.unwrap();
    let books = platform.login("manager").await.get("/v1/parking/books").await.unwrap();
    assert_eq!((&books["sound"], &books["debit"]), (&json!(true), &json!(1440)), "{books}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgresql_people_park_and_the_receipt_comes_later() {
    let platform = Platform::start().await;
    let api = driver(&platform).await;
    let Some(embedded) = platform.embedded_or_say("a database that is away") else { return };
    embedded.stop_postgres().await.unwrap();
    let begun = begin(&api, &stay(&plate(&platform), 30)).await;
    assert_eq!(begun["state"], "active");
    embedded.start_postgres().await.unwrap();
    receipts(&api, &begun["id"], 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_a_wallet_pays_for_parking() {
    let platform = Platform::start().await;
    let (api, plate) = (driver(&platform).await, plate(&platform));
    let balance = async || api.get("/v1/me/wallet").await.unwrap()["balance"]["cents"].as_i64().unwrap();
    let before = balance().await;
    let pay = json!({ "with": "method", "id": "pm_card_visa" });
    let wish = json!({ "id": Uuid::new_v4(), "cents": 1000, "pay": pay });
    for _ in 0..2 {
        let (status, paid) = post(&api, "/v1/me/wallet/top-ups", &wish).await;
        assert_eq!((status, &paid["state"]), (StatusCode::CREATED, &json!("paid")), "{paid}");
    }
    assert_eq!(balance().await - before, 1000, "once");
    let mut asked = stay(&plate, 60);
    asked["pay"] = json!({ "with": "wallet" });
    assert_eq!(begin(&api, &asked).await["state"], "active");
    assert_eq!(balance().await - before, 760);
    assert!(is_allowed(&platform, &plate).await);
    // The books owe the rest to its owner.
    let manager = platform.login("manager").await;
    let books = eventually(|| async {
        let books = manager.get("/v1/parking/books").await?;
        let wallets = books["balances"].as_array().into_iter().flatten().find(|one| one["account"] == "419100");
        match wallets.map(|one| (one["debit"].as_i64(), one["credit"].as_i64())) {
            Some((Some(debit), Some(credit))) if credit - debit == before + 760 => Ok(books),
            _ => bail!("{books}"),
        }
    })
    .await;
    assert_eq!(books["sound"], true, "{books}");
}

/// An operator's app, logged in as itself.
async fn operator(platform: &Platform, scope: &str) -> Api {
    machine(platform, "parvis-machine", scope).await
}

/// A machine client of the embedded issuer.
async fn machine(platform: &Platform, client: &str, scope: &str) -> Api {
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    let url = format!("{}/_local/identity/oauth2/token", platform.api_url());
    let request = reqwest::Client::new().post(url).basic_auth(client, Some(format!("{client}-demo"))).form(&form);
    let answer: Value = request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
    platform.api().with_token(answer["access_token"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operators_app_sells_gives_a_right_and_stands_on_its_account() {
    let platform = Platform::start().await;
    let (api, plate) = (driver(&platform).await, plate(&platform));
    let Some(_) = platform.embedded_or_say("credentials of an operator's app") else { return };
    let app = operator(&platform, "parvis/park").await;
    let start = chrono::Utc::now() - chrono::TimeDelta::minutes(20);
    let sold = json!({ "id": Uuid::new_v4(), "zone": "Zone_A", "plate": plate, "start": start, "minutes": 60, "receipt": "PN-1" });
    let path = "/v1/operator/sessions";
    let (status, told) = post(&app, path, &sold).await;
    assert_eq!((status, &told["paid"]["cents"]), (StatusCode::CREATED, &json!(240)), "{told}");
    assert!(is_allowed(&platform, &plate).await);
    let one = format!("{path}/{}", told["id"].as_str().unwrap());
    let extension = json!({ "id": Uuid::new_v4(), "minutes": 15 });
    assert_eq!(post(&app, &format!("{one}/extend"), &extension).await.0, StatusCode::OK);
    let (status, stopped) = post(&app, &format!("{one}/stop"), &json!({})).await;
    // 20 minutes are two begun quarters of an hour.
    assert_eq!(
        (status, &stopped["state"], &stopped["paid"]["cents"]),
        (StatusCode::OK, &json!("stopped"), &json!(120))
    );
    assert!(!is_allowed(&platform, &plate).await);
    let list = app.get(path).await.unwrap();
    assert!(list["sessions"].as_array().unwrap().iter().any(|session| session["id"] == sold["id"]), "{list}");
    // The app of another operator sees nothing of it.
    let other = machine(&platform, "parvis-machine-2", "parvis/park").await;
    let list = other.get(path).await.unwrap();
    assert!(list["sessions"].as_array().unwrap().iter().all(|session| session["id"] != sold["id"]), "{list}");
    // The account of the operator owes it: sold 3.00, given back 1.80, and no receipt of ours.
    let manager = platform.login("manager").await;
    let books = eventually(|| async {
        let books = manager.get("/v1/parking/books").await?;
        if books["debit"] == 480 { Ok(books) } else { bail!("{books}") }
    })
    .await;
    assert_eq!(books["sound"], true, "{books}");
    // Drivers' tokens do not open the operators' door, operators' tokens no other, and without the scope nothing opens.
    assert_eq!(post(&api, path, &sold).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&app, "/v1/parking/sessions", &stay(&plate, 30)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&operator(&platform, "parvis/read").await, path, &sold).await.0, StatusCode::FORBIDDEN);
}
