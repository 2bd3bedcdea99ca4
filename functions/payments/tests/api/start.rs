//! Starting sessions.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Platform, session};

#[tokio::test]
async fn a_paid_session_gives_a_right_at_once() {
    let platform = Platform::start().await;
    let asked = session("ab-123-cd", 60);
    let answer = platform.begin(&asked).await;
    assert_eq!(answer.status, 201);
    let begun = answer.ok();
    assert_eq!((&begun["state"], &begun["plate"]), (&json!("active"), &json!("AB123CD")));
    assert_eq!((&begun["start"], &begun["end"]), (&json!("2026-03-03T09:00:00Z"), &json!("2026-03-03T10:00:00Z")));
    assert_eq!(begun["paid"], json!({ "cents": 240, "currency": "EUR" }));
    assert_eq!(begun["actions"], json!(["extend", "stop"]));
    assert_eq!(platform.taken(), 240);
    assert!(platform.is_allowed("AB 123 CD").await && !platform.is_allowed("AB123CE").await);

    platform.pass(TimeDelta::minutes(61));
    assert!(!platform.is_allowed("AB123CD").await);
    assert_eq!(platform.app.sweep().await.unwrap().due, 1);
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    assert_eq!(platform.get(&path).await.ok()["state"], "ended");
    assert_eq!(platform.app.sweep().await.unwrap().due, 0);
}

#[tokio::test]
async fn the_same_id_starts_the_same_session_once() {
    let platform = Platform::start().await;
    let asked = session("AB123CD", 60);
    let (first, second) = tokio::join!(platform.begin(&asked), platform.begin(&asked));
    assert_eq!((first.ok()["state"].clone(), second.ok()["state"].clone()), (json!("active"), json!("active")));
    assert_eq!(platform.taken(), 240);
    for (field, value) in [
        ("plate", json!("XX999XX")),
        ("minutes", json!(120)),
        ("zone", json!("Zone_C")),
        ("vehicle", json!({ "class": "two_wheeler" })),
        ("price_cents", json!(240)),
        ("pay", json!({ "with": "card" })),
    ] {
        let mut other = asked.clone();
        other[field] = value;
        let refused = platform.begin(&other).await.refused(409);
        assert_eq!(refused["type"], "https://parvis.dev/problems/id-reused", "{field}");
    }
    // Written in another way, it is the same.
    let mut same = asked.clone();
    same["plate"] = "ab-123-cd".into();
    platform.pass(TimeDelta::minutes(70));
    assert_eq!(platform.begin(&same).await.ok()["id"], asked["id"]);
    let foreign = platform.send("POST", "/v1/parking/sessions", Some(("driver-2", "driver")), Some(asked)).await;
    foreign.refused(409);
}

#[tokio::test]
async fn a_plate_parks_once_in_a_zone() {
    let platform = Platform::start().await;
    let (asked, rival) = (session("AB123CD", 60), session("AB-123-CD", 30));
    let (first, second) = tokio::join!(platform.begin(&asked), platform.begin(&rival));
    let (won, lost) = if first.status == 201 { (first, second) } else { (second, first) };
    let lost = lost.refused(409);
    assert_eq!((&lost["reason"], &lost["id"]), (&json!("already_parked"), &won.ok()["id"]));
    assert_eq!(platform.provider.account().intents().count(), 1, "the one that is refused is not even prepared");

    let mut elsewhere = session("AB123CD", 60);
    elsewhere["zone"] = "Zone_C".into();
    assert_eq!(platform.begin(&elsewhere).await.status, 201);
}

#[tokio::test]
async fn a_declined_card_leaves_nothing_behind() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["pay"]["id"] = "pm_card_chargeDeclined".into();
    let refused = platform.begin(&asked).await.refused(402);
    assert_eq!(
        (&refused["code"], refused["type"].as_str().unwrap()),
        (&json!("card_declined"), "https://parvis.dev/problems/payment-declined")
    );
    assert_eq!(platform.taken(), 0);
    assert!(!platform.is_allowed("AB123CD").await);
    // Asking again is answered the same; another card works at once.
    platform.begin(&asked).await.refused(402);
    assert_eq!(platform.begin(&session("AB123CD", 60)).await.status, 201);
}

#[tokio::test]
async fn an_unknown_payment_method_is_refused() {
    let platform = Platform::start().await;
    for unknown in ["nonsense", "pm_nonsense"] {
        let mut asked = session("AB123CD", 60);
        asked["pay"]["id"] = unknown.into();
        // Asking again is answered the same.
        for _ in 0..2 {
            let refused = platform.begin(&asked).await.refused(422);
            assert_eq!(refused["type"], "https://parvis.dev/problems/unknown-payment-method");
            assert_eq!(refused["errors"][0]["field"], "/pay/id");
        }
        let top_up = json!({ "id": Uuid::new_v4(), "cents": 500, "pay": { "with": "method", "id": unknown } });
        let top_up = platform.post("/v1/me/wallet/top-ups", top_up).await.refused(422);
        assert_eq!(top_up["type"], "https://parvis.dev/problems/unknown-payment-method");
    }
    assert_eq!(platform.taken(), 0);
    assert_eq!(platform.begin(&session("AB123CD", 60)).await.status, 201);
}

#[tokio::test]
async fn a_price_that_has_changed_is_refused_with_the_new_quote() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["price_cents"] = 200.into();
    let refused = platform.begin(&asked).await.refused(409);
    assert_eq!(refused["quote"]["due"]["cents"], 240);
    asked["price_cents"] = 240.into();
    assert_eq!(platform.begin(&asked).await.status, 201);
}

#[tokio::test]
async fn tariffs_refuse_with_the_words_of_apds() {
    let platform = Platform::start().await;
    let refused = platform.begin(&session("AB123CD", 241)).await.refused(422);
    assert_eq!(
        (&refused["reason"], &refused["latest_end"]),
        (&json!("maxStayReached"), &json!("2026-03-03T13:00:00Z"))
    );

    platform.begin(&session("AB123CD", 30)).await.ok();
    platform.pass(TimeDelta::minutes(45));
    let refused = platform.begin(&session("AB123CD", 30)).await.refused(422);
    assert_eq!((&refused["reason"], &refused["until"]), (&json!("noReturnPeriod"), &json!("2026-03-03T10:00:00Z")));

    let mut heavy = session("XY999ZZ", 30);
    heavy["vehicle"] = json!({ "class": "heavy" });
    assert_eq!(platform.begin(&heavy).await.refused(422)["reason"], "noAvailability");
    platform.pass(TimeDelta::hours(9));
    assert_eq!(platform.begin(&session("XY999ZZ", 30)).await.refused(422)["reason"], "outsideOperatingHours");
}

#[tokio::test]
async fn what_is_too_little_for_a_card_is_refused_with_the_stay_that_is_not() {
    let platform = Platform::start().await;
    for pay in [json!({ "with": "card" }), json!({ "with": "method", "id": "pm_card_visa" })] {
        let mut asked = session("AB123CD", 10);
        asked["pay"] = pay;
        let refused = platform.begin(&asked).await.refused(422);
        assert_eq!(refused["type"], "https://parvis.dev/problems/amount-too-small");
        let told = (&refused["due"]["cents"], &refused["least"]["cents"], &refused["until"]);
        assert_eq!(told, (&json!(40), &json!(50), &json!("2026-03-03T09:15:00Z")));
    }
    // Nothing of it was written, and nothing was asked of the provider.
    assert_eq!(platform.get("/v1/parking/sessions").await.ok()["sessions"], json!([]));
    assert_eq!(platform.provider.account().intents().count(), 0);
    assert_eq!(platform.begin(&session("AB123CD", 15)).await.ok()["paid"]["cents"], 60);
    assert_eq!(platform.get("/v1/parking/zones").await.ok()["least_charge"]["cents"], 50);
}

#[tokio::test]
async fn what_is_free_needs_no_payment() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["vehicle"] = json!({ "class": "two_wheeler", "electric": true });
    let begun = platform.begin(&asked).await;
    assert_eq!((begun.status.as_u16(), begun.ok()["paid"]["cents"].clone()), (201, json!(0)));
    assert_eq!(platform.provider.account().intents().count(), 0);
    assert!(platform.is_allowed("AB123CD").await);
}

#[tokio::test]
async fn a_right_is_looked_up_and_not_believed() {
    let platform = Platform::start().await;
    let mut asked = session("AB123CD", 60);
    asked["vehicle"] = json!({ "class": "car", "qualification": "resident" });
    platform.begin(&asked).await.refused(422);
}

#[tokio::test]
async fn a_session_is_its_drivers_alone() {
    let platform = Platform::start().await;
    platform.send("POST", "/v1/parking/sessions", None, Some(session("AB123CD", 60))).await.refused(401);
    let begun = platform.begin(&session("AB123CD", 60)).await.ok();
    let path = format!("/v1/parking/sessions/{}", begun["id"].as_str().unwrap());
    platform.send("GET", &path, Some(("driver-2", "driver")), None).await.refused(404);
    platform.send("POST", &format!("{path}/stop"), Some(("driver-2", "driver")), None).await.refused(404);
    platform.send("GET", &path, Some(("boss", "manager")), None).await.ok();
    platform.get(&format!("/v1/parking/sessions/{}", Uuid::new_v4())).await.refused(404);
}

#[tokio::test]
async fn the_list_is_told_in_pages_the_latest_first() {
    let platform = Platform::start().await;
    let mut ids = Vec::new();
    for plate in ["AA001AA", "AA002AA", "AA003AA"] {
        ids.push(platform.begin(&session(plate, 30)).await.ok()["id"].clone());
        platform.pass(TimeDelta::minutes(1));
    }
    ids.reverse();
    let first = platform.get("/v1/parking/sessions?limit=2").await.ok();
    let told: Vec<_> = first["sessions"].as_array().unwrap().iter().map(|session| session["id"].clone()).collect();
    assert_eq!(told, ids[..2]);
    let cursor = first["next_cursor"].as_str().unwrap().replace('#', "%23");
    let second = platform.get(&format!("/v1/parking/sessions?limit=2&cursor={cursor}")).await.ok();
    assert_eq!(second["sessions"][0]["id"], ids[2]);
    assert!(second.get("next_cursor").is_none());
}
