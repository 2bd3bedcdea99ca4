//! Putting money into a wallet, and paying from it.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use parvis_ledger_rules::{
    Book, Chart, KeptMovement, LIST_SHARDS, ListedMovement, Movement, Piece, WalletMovement, list_partition,
    movement_key,
};
use parvis_money::Money;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{DRIVER, Platform, WEBHOOK_SECRET, session};

const PATH: &str = "/v1/me/wallet/top-ups";

fn wish(cents: i64) -> Value {
    json!({ "id": Uuid::new_v4(), "cents": cents, "pay": { "with": "method", "id": "pm_card_visa" } })
}

impl Platform {
    async fn balance(&self) -> i64 {
        self.get("/v1/me/wallet").await.ok()["balance"]["cents"].as_i64().unwrap()
    }

    /// Whether a payment into the wallet, and its entry in the driver's list, are kept without an end.
    async fn kept_for_ever(&self, id: &Value) -> [bool; 2] {
        let id = id.as_str().unwrap();
        let items = self.dynamodb.scan().table_name("payments").send().await.unwrap().items.unwrap();
        let for_ever = |of: &dyn Fn(&str, &str) -> bool| {
            let is =
                |item: &&HashMap<String, AttributeValue>| of(item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
            !items.iter().find(is).unwrap().contains_key("expires_at")
        };
        [
            for_ever(&|pk, sk| pk == format!("topup#{id}") && sk == "topup"),
            for_ever(&|pk, sk| pk == format!("owner#{DRIVER}") && sk.starts_with("topup#") && sk.ends_with(id)),
        ]
    }

    /// What the books owe the driver by the movements of a payment into the wallet.
    async fn net_of_the_books(&self, id: &Value) -> i64 {
        let movements = self.data_of(&format!("session#{}", id.as_str().unwrap()), "movement#").await;
        let chart = Chart::private_operator().unwrap();
        let mut book = Book::default();
        for movement in movements {
            let movement: WalletMovement = serde_json::from_str(&movement).unwrap();
            let piece = Piece { reference: movement.id.to_string(), date: movement.at.date_naive() };
            let entry = movement.movement().entry(&chart, movement.id, piece.date, piece).unwrap().unwrap();
            book.post(entry).unwrap();
        }
        let (owed, held) = (book.net(&chart.wallets).unwrap().unwrap(), book.net(&chart.provider).unwrap().unwrap());
        assert_eq!(owed.cents, -held.cents);
        held.cents
    }

    /// How many movements of a kind the books have of a payment into the wallet.
    async fn wallet_movements(&self, id: &Value, kind: &str) -> usize {
        let movements = self.data_of(&format!("session#{}", id.as_str().unwrap()), "movement#").await;
        movements.iter().filter(|movement| movement.contains(&format!("\"kind\":\"{kind}\""))).count()
    }
}

#[tokio::test]
async fn what_is_put_in_pays_for_parking_and_what_is_given_back_comes_back() {
    let platform = Platform::start().await;
    let asked = wish(1000);
    for _ in 0..2 {
        let paid = platform.post(PATH, asked.clone()).await;
        assert_eq!((paid.status.as_u16(), paid.ok()["state"].clone()), (201, json!("paid")));
    }
    assert_eq!((platform.balance().await, platform.taken()), (1000, 1000), "once");
    // Also what is too little for a card.
    let mut little = session("AB123CD", 5);
    little["pay"] = json!({ "with": "wallet" });
    platform.begin(&little).await.ok();
    assert_eq!(platform.balance().await, 980);
    let mut stay = session("XX001XX", 120);
    stay["pay"] = json!({ "with": "wallet" });
    let begun = platform.begin(&stay).await.ok();
    assert_eq!((&begun["state"], platform.balance().await), (&json!("active"), 500));
    platform.pass(TimeDelta::minutes(60));
    platform.post(&format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap()), json!({})).await.ok();
    assert_eq!((platform.balance().await, platform.taken()), (740, 1000));
    let mut dear = session("XX002XX", 240);
    dear["pay"] = json!({ "with": "wallet" });
    assert_eq!(platform.begin(&dear).await.refused(402)["type"], "https://parvis.dev/problems/wallet-empty");
}

#[tokio::test]
async fn a_payment_in_the_browser_is_in_the_wallet_when_the_provider_says_so() {
    let platform = Platform::start().await;
    let waiting = platform.post(PATH, json!({ "id": Uuid::new_v4(), "cents": 2000 })).await;
    assert_eq!(waiting.status, 202);
    let waiting = waiting.ok();
    assert_eq!(waiting["payment"]["client_secret"], json!(platform.intent().client_secret));
    let path = format!("{PATH}/{}", waiting["id"].as_str().unwrap());
    assert_eq!(platform.post(&format!("{path}/settle"), json!({})).await.status, 202);
    platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await;
    for _ in 0..3 {
        assert_eq!(platform.message(&waiting["id"], WEBHOOK_SECRET).await.status, 204);
    }
    assert_eq!(platform.post(&format!("{path}/settle"), json!({})).await.ok()["state"], "paid");
    // Too late to give it up.
    assert_eq!(platform.post(&format!("{path}/stop"), json!({})).await.ok()["state"], "paid");
    assert_eq!(platform.balance().await, 2000);
    platform.send("POST", &format!("{path}/settle"), Some(("stranger", "driver")), None).await.refused(404);
}

#[tokio::test]
async fn what_is_not_paid_is_given_up_and_what_was_not_told_is_found() {
    let platform = Platform::start().await;
    let waiting = platform.post(PATH, json!({ "id": Uuid::new_v4(), "cents": 2000 })).await.ok();
    let path = format!("{PATH}/{}", waiting["id"].as_str().unwrap());
    platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await.refused(409);
    assert_eq!(platform.post(&format!("{path}/stop"), json!({})).await.ok()["state"], "failed");
    assert_eq!(platform.browser("confirm", &[("payment_method", "pm_card_visa")]).await, 400);
    let abandoned = platform.post(PATH, json!({ "id": Uuid::new_v4(), "cents": 2000 })).await.ok();
    platform.pass(TimeDelta::minutes(11));
    assert_eq!(platform.app.sweep().await.unwrap().due, 1);
    let path = format!("{PATH}/{}/settle", abandoned["id"].as_str().unwrap());
    assert_eq!(platform.post(&path, json!({})).await.ok()["state"], "failed");

    let paid = platform.post(PATH, json!({ "id": Uuid::new_v4(), "cents": 3000 })).await.ok();
    let confirm = format!("payment_intents/{}/confirm", paid["payment"]["intent"].as_str().unwrap());
    platform.at_provider(&confirm, &[("payment_method", "pm_card_visa")]).await;
    let found = platform.app.reconcile(Duration::from_secs(60)).await.unwrap();
    assert_eq!((found.repaired, found.open.len()), (1, 0), "{found:?}");
    assert_eq!(platform.balance().await, 3000);
}

#[tokio::test]
async fn what_is_left_goes_back_to_the_cards_that_it_came_from() {
    let platform = Platform::start().await;
    let pay_back = async || {
        let answer = platform.post("/v1/me/wallet/pay-back", json!({})).await.ok();
        (answer["paid_back"]["cents"].as_i64().unwrap(), answer["balance"]["cents"].as_i64().unwrap())
    };
    assert_eq!(pay_back().await, (0, 0));
    for cents in [1000, 300] {
        platform.post(PATH, wish(cents)).await.ok();
        platform.pass(TimeDelta::minutes(1));
    }
    let mut stay = session("AB123CD", 120);
    stay["pay"] = json!({ "with": "wallet" });
    let begun = platform.begin(&stay).await.ok();
    assert_eq!(pay_back().await, (820, 0), "300 of the newer payment, 520 of the older one");
    assert_eq!((pay_back().await, platform.taken()), ((0, 0), 480));
    // What comes back of the stay goes back to the card, too.
    platform.pass(TimeDelta::minutes(60));
    platform.post(&format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap()), json!({})).await.ok();
    assert_eq!((pay_back().await, platform.taken()), ((240, 0), 240));
    let found = platform.app.reconcile(Duration::from_secs(60)).await.unwrap();
    assert_eq!((found.compared, found.repaired, found.open.len()), (2, 0, 0), "{found:?}");
    let erased = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await;
    assert_eq!(erased.status, 204);
}

#[tokio::test]
async fn what_a_bank_does_not_take_back_is_owed_until_it_does() {
    let platform = Platform::start().await;
    let mut asked = wish(1000);
    asked["pay"]["id"] = "pm_card_pendingRefundFail".into();
    let paid = platform.post(PATH, asked).await.ok();
    platform.post("/v1/me/wallet/pay-back", json!({})).await.ok();
    assert_eq!(platform.balance().await, 0);
    platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await.refused(409);
    assert_eq!(platform.message_of("charge.refund.updated", &paid["id"], WEBHOOK_SECRET).await.status, 204);
    for _ in 0..3 {
        platform.pass(TimeDelta::hours(3));
        platform.app.sweep().await.unwrap();
    }
    assert_eq!((platform.balance().await, platform.taken()), (0, 0), "given in the end, once");
    let erased = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await;
    assert_eq!(erased.status, 204);
}

#[tokio::test]
async fn what_no_bank_ever_takes_back_is_in_the_wallet_again() {
    for method in ["pm_card_refundsRefused", "pm_card_refundsFail"] {
        let platform = Platform::start().await;
        let mut asked = wish(1000);
        asked["pay"]["id"] = method.into();
        let paid = platform.post(PATH, asked).await.ok();
        assert_eq!(platform.kept_for_ever(&paid["id"]).await, [false, false]);
        for tried in 1..=2 {
            platform.post("/v1/me/wallet/pay-back", json!({})).await.ok();
            assert_eq!(platform.balance().await, 0);
            assert_eq!(platform.kept_for_ever(&paid["id"]).await, [method.ends_with("Refused"); 2]);
            let mut told = 0;
            for _ in 0..5 {
                assert_eq!(platform.balance().await, 0, "it may still arrive");
                platform.pass(TimeDelta::minutes(2));
                platform.message_of("refund.failed", &paid["id"], WEBHOOK_SECRET).await;
                assert_eq!(platform.kept_for_ever(&paid["id"]).await, [true, true], "it is owed");
                platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await.refused(409);
                platform.pass(TimeDelta::hours(17));
                told += platform.app.sweep().await.unwrap().refunds_failing;
            }
            assert!(told >= 3, "{told}");
            assert_eq!((platform.balance().await, platform.taken()), (1000, 1000));
            assert_eq!(platform.kept_for_ever(&paid["id"]).await, [false, false]);
            assert_eq!(platform.net_of_the_books(&paid["id"]).await, 1000);
            let returned = if method.ends_with("Fail") { tried } else { 0 };
            assert_eq!(platform.wallet_movements(&paid["id"], "returned").await, returned);
        }
        let found = platform.app.reconcile(Duration::from_secs(60)).await.unwrap();
        assert!(found.open.is_empty(), "{found:?}");
        let refused = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await.refused(409);
        assert!(refused["detail"].as_str().unwrap().contains("The wallet holds money"), "{refused}");
    }
}

#[tokio::test]
async fn what_was_given_back_by_hand_is_not_given_up_into_the_wallet() {
    let platform = Platform::start().await;
    platform.post(PATH, wish(1000)).await.ok();
    platform.at_provider("refunds", &[("payment_intent", &platform.intent().id)]).await;
    platform.post("/v1/me/wallet/pay-back", json!({})).await.ok();
    let mut told = 0;
    for _ in 0..8 {
        platform.pass(TimeDelta::hours(25));
        told += platform.app.sweep().await.unwrap().refunds_failing;
    }
    assert!(told >= 6, "a person hears of it again and again: {told}");
    assert_eq!((platform.balance().await, platform.taken()), (0, 0));
}

#[tokio::test]
async fn work_whose_item_is_gone_is_taken_off_the_list() {
    let platform = Platform::start().await;
    let id = Uuid::new_v4();
    let (due, shard) = ("2026-03-01T00:00:00.000Z", format!("work#{:02}", id.as_bytes()[15] % 16));
    let put = platform.dynamodb.put_item().table_name("payments");
    let put = put.item("pk", AttributeValue::S(shard.clone())).item("sk", AttributeValue::S(format!("{due}#{id}")));
    let put = put.item("kind", AttributeValue::S("work".into())).item("revision", AttributeValue::N("0".into()));
    put.item("data", AttributeValue::S(json!(id).to_string())).send().await.unwrap();
    let swept = platform.app.sweep().await.unwrap();
    assert_eq!((swept.due, swept.failed), (1, 0));
    assert!(platform.data_of(&shard, "").await.is_empty());
}

#[tokio::test]
async fn refusals_put_nothing_in() {
    let platform = Platform::start().await;
    for cents in [-100, 0, 49, 20_001] {
        platform.post(PATH, wish(cents)).await.refused(422);
    }
    let mut circular = wish(1000);
    circular["pay"] = json!({ "with": "wallet" });
    platform.post(PATH, circular).await.refused(422);
    platform.send("POST", PATH, None, Some(wish(1000))).await.refused(401);
    let mut declined = wish(1000);
    declined["pay"]["id"] = "pm_card_chargeDeclined".into();
    for _ in 0..2 {
        assert_eq!(platform.post(PATH, declined.clone()).await.refused(402)["code"], "card_declined");
    }
    declined["cents"] = 2000.into();
    platform.post(PATH, declined).await.refused(409);
    assert_eq!((platform.balance().await, platform.taken()), (0, 0));
}

#[tokio::test]
async fn the_books_hear_of_it_and_erasure_takes_the_person_off() {
    let platform = Platform::start().await;
    let paid = platform.post(PATH, wish(240)).await.ok();
    let mut movements: Vec<KeptMovement> = Vec::new();
    for shard in 0..LIST_SHARDS {
        for listed in platform.data_of(&list_partition(platform.now().date_naive(), shard), "").await {
            let listed: ListedMovement = serde_json::from_str(&listed).unwrap();
            let (partition, sort) = movement_key(listed.session, listed.movement);
            movements.push(serde_json::from_str(&platform.data_of(&partition, &sort).await[0]).unwrap());
        }
    }
    let [KeptMovement::Wallet(movement)] = &movements[..] else { panic!("{movements:?}") };
    assert_eq!(json!(movement.id), paid["id"]);
    let Movement::TopUp { amount, customer } = movement.movement() else { panic!("{movement:?}") };
    assert_eq!((amount, customer.number.as_str()), (Money::eur(240), DRIVER));

    platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await.refused(409);
    let mut stay = session("AB123CD", 60);
    stay["pay"] = json!({ "with": "wallet" });
    platform.begin(&stay).await.ok();
    platform.pass(TimeDelta::minutes(61));
    platform.app.sweep().await.unwrap();
    let erased = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await;
    assert_eq!(erased.status, 204);
    let items = platform.dynamodb.scan().table_name("payments").send().await.unwrap().items.unwrap();
    let speaks = |item: &HashMap<String, AttributeValue>| {
        item.values().any(|value| value.as_s().is_ok_and(|text| text.contains(DRIVER)))
    };
    assert!(!items.iter().any(speaks));
}

#[tokio::test]
async fn what_no_card_takes_back_is_given_by_hand_so_that_its_owner_can_be_erased() {
    let platform = Platform::start().await;
    platform.post(PATH, wish(1000)).await.ok();
    platform.pass(TimeDelta::days(366));
    let back = platform.post("/v1/me/wallet/pay-back", json!({})).await.ok();
    assert_eq!((&back["paid_back"]["cents"], &back["balance"]["cents"]), (&json!(0), &json!(1000)));
    platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await.refused(409);

    let path = "/v1/parking/wallet-payments";
    let told = json!({ "id": Uuid::new_v4(), "owner": DRIVER, "cents": 1000, "reason": "Virement 2027-12" });
    let tell = async |who: (&'static str, &'static str), field: &str, value: Value| {
        let mut told = told.clone();
        told[field] = value;
        platform.send("POST", path, Some(who), Some(told)).await
    };
    let ada = ("ada", "admin");
    for role in ["manager", "agent", "driver"] {
        tell(("boss", role), "cents", json!(1000)).await.refused(403);
    }
    assert_eq!(tell(ada, "reason", json!(" ")).await.refused(422)["errors"][0]["field"], "/reason");
    assert_eq!(tell(ada, "cents", json!(0)).await.refused(422)["errors"][0]["field"], "/cents");
    assert_eq!(tell(ada, "cents", json!(1001)).await.refused(409)["wallet_cents"], 1000);
    let given = tell(ada, "cents", json!(1000)).await.ok();
    // Told again, it is taken off once; of another amount, it is another.
    assert_eq!(tell(ada, "cents", json!(1000)).await.ok(), given);
    let reused = tell(ada, "cents", json!(10)).await.refused(409);
    assert_eq!(reused["type"], "https://parvis.dev/problems/id-reused");
    assert_eq!((platform.balance().await, platform.taken()), (0, 1000), "the provider has no part in it");

    let kept = platform.data_of(&format!("byhand#{}", given["id"].as_str().unwrap()), "").await;
    let kept: Value = serde_json::from_str(&kept[0]).unwrap();
    assert_eq!((&kept["by"], &kept["reason"]), (&json!("ada"), &json!("Virement 2027-12")));
    let (partition, sort) = movement_key(
        serde_json::from_value(given["id"].clone()).unwrap(),
        serde_json::from_value(given["id"].clone()).unwrap(),
    );
    let movement: KeptMovement = serde_json::from_str(&platform.data_of(&partition, &sort).await[0]).unwrap();
    let KeptMovement::Wallet(movement) = movement else { panic!("{movement:?}") };
    assert!(matches!(movement.movement(), Movement::PayByHand { amount, .. } if amount == Money::eur(1000)));

    let data = platform.get("/v1/me/parking-data").await.ok();
    let moved = data["wallet_movements"].as_array().unwrap().iter();
    let moved: Vec<_> =
        moved.map(|one| (one["reason"].as_str().unwrap(), one["amount"]["cents"].as_i64().unwrap())).collect();
    assert_eq!(moved, [("top_up", 1000), ("by_hand", -1000)]);
    let erased = platform.send("DELETE", "/v1/me/parking-data", Some((DRIVER, "driver")), None).await;
    assert_eq!(erased.status, 204);
    let items = platform.dynamodb.scan().table_name("payments").send().await.unwrap().items.unwrap();
    assert!(
        !items.iter().flat_map(|item| item.values()).any(|value| value.as_s().is_ok_and(|text| text.contains(DRIVER)))
    );
}

#[tokio::test]
async fn a_person_gets_all_that_went_through_the_wallet() {
    let platform = Platform::start().await;
    let paid = platform.post(PATH, wish(1000)).await.ok();
    platform.pass(TimeDelta::seconds(1));
    let mut stay = session("AB123CD", 60);
    stay["pay"] = json!({ "with": "wallet" });
    let begun = platform.begin(&stay).await.ok();
    platform.pass(TimeDelta::minutes(30));
    platform.post(&format!("/v1/parking/sessions/{}/stop", begun["id"].as_str().unwrap()), json!({})).await.ok();
    platform.pass(TimeDelta::minutes(2));
    platform.post("/v1/me/wallet/pay-back", json!({})).await.ok();
    let data = platform.get("/v1/me/parking-data").await.ok();
    let moved: Vec<_> = data["wallet_movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["reason"].as_str().unwrap(), one["amount"]["cents"].as_i64().unwrap(), one["of"].clone()))
        .collect();
    let (top_up, of) = (paid["id"].clone(), begun["id"].clone());
    assert_eq!(
        moved,
        [
            ("top_up", 1000, top_up.clone()),
            ("parking", -240, of.clone()),
            ("parking_refund", 120, of),
            ("paid_back", -880, top_up.clone()),
        ]
    );
    assert_eq!((&data["wallet_cents"], &data["top_ups"][0]["id"]), (&json!(0), &top_up));
    assert_eq!(data["top_ups"][0]["refunds"], json!([{ "amount": { "cents": 880, "currency": "EUR" }, "done": true }]));
}
