//! Quotes, credits, subscriptions, refunds.

use serde_json::{Value, json};

use crate::support::{ANNE, BEN, MANAGER, Platform, later, slot};

async fn priced() -> Platform {
    let platform = Platform::start().await;
    let policy = json!({
        "name": "Paid", "credits_per_hour": 2,
        "cancellation": [{ "minutes_before": 1440, "refund_percent": 100 }, { "minutes_before": 60, "refund_percent": 50 }],
    });
    platform.put("/v1/policies/paid", policy).await;
    let rates = json!({ "standard": { "hour": 2400 }, "member": { "hour": 1800 }, "vat": 2000, "deposit": 5000 });
    platform.room("dirac", json!({ "policy": "paid", "capacity": 8, "rates": rates })).await;
    platform
}

async fn quote(platform: &Platform, from: &str, until: &str) -> Value {
    let body = json!({ "items": [{ "resource": "dirac" }], "slot": slot(from, until), "participants": 1 });
    platform.send("POST", "/v1/quotes", Some(ANNE), &[], Some(body)).await.ok()
}

#[tokio::test]
async fn a_quote_is_kept_even_when_prices_rise() {
    let platform = priced().await;
    let quote = quote(&platform, "10:00", "12:00").await;
    assert_eq!(quote["quote"]["charge"]["total"], json!({ "cents": 4800, "currency": "EUR" }));
    assert_eq!(quote["quote"]["charge"]["vat"]["cents"], 800);
    let rates = json!({ "standard": { "hour": 9900 } });
    platform.room("dirac", json!({ "policy": "paid", "capacity": 8, "rates": rates })).await;
    let token = quote["token"].as_str().unwrap();
    let more = json!({ "quote": token });
    let other = platform.ask(ANNE, &["dirac"], slot("10:00", "13:00"), more.clone()).await;
    other.refused(422, "quote-other");
    platform.ask(BEN, &["dirac"], slot("10:00", "12:00"), more.clone()).await.refused(422, "quote-other");
    let forged = json!({ "quote": token.replace('A', "B") });
    platform.ask(ANNE, &["dirac"], slot("10:00", "12:00"), forged).await.refused(422, "quote-forged");
    let booked = platform.ask(ANNE, &["dirac"], slot("10:00", "12:00"), more.clone()).await.ok();
    assert_eq!(booked["charge"]["total"]["cents"], 4800);
    later(20);
    platform.ask(ANNE, &["dirac"], slot("10:00", "12:00"), more).await.refused(422, "quote-expired");
}

#[tokio::test]
async fn what_cannot_be_booked_is_not_quoted() {
    let platform = priced().await;
    let opening = json!({ "weekly": [{ "days": ["Mon"], "from": "09:00:00", "until": "19:00:00" }] });
    let quotas = json!([{ "period": "day", "limit": { "bookings": 1 } }]);
    platform.put("/v1/policies/once", json!({ "name": "Once", "credits_per_hour": 2, "quotas": quotas })).await;
    platform.room("euler", json!({ "policy": "once", "capacity": 12, "opening": opening })).await;
    let wish = |from: &str, until: &str, more: Value| {
        let mut wish = json!({ "items": [{ "resource": "euler" }], "slot": slot(from, until), "participants": 2 });
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wish
    };
    let quote = async |wish: &Value| platform.send("POST", "/v1/quotes", Some(ANNE), &[], Some(wish.clone())).await;
    // As a booking of it: the same reasons in the same words.
    let impossible = [
        (wish("16:00", "18:00", json!({ "participants": 40 })), 422, "policy"),
        (wish("10:00", "11:00", json!({ "pay_with": "credits" })), 422, "policy"),
        (
            wish("10:00", "11:00", json!({ "items": [{ "resource": "euler" }, { "resource": "euler" }] })),
            422,
            "invalid",
        ),
        (wish("10:00", "11:00", json!({ "items": [{ "resource": "nowhere" }] })), 404, "not-found"),
    ];
    for (wish, status, slug) in impossible {
        let refused = quote(&wish).await.refused(status, slug);
        let mut booking = wish.clone();
        booking["title"] = "Meeting".into();
        assert_eq!(refused, platform.write(ANNE, "POST", "/v1/bookings", booking).await.json());
    }
    let codes = |problem: &Value| -> Vec<Value> {
        problem["refusals"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect()
    };
    let many = quote(&wish("16:00", "18:00", json!({ "participants": 40, "repeats": true }))).await;
    assert_eq!(codes(&many.refused(422, "policy")), ["too_many_people"], "whatever the date");
    quote(&wish("16:00", "18:00", json!({ "repeats": true }))).await.ok();

    platform.book(BEN, "euler", "10:00", "11:00").await;
    quote(&wish("10:00", "11:00", json!({}))).await.ok();
    platform.book(ANNE, "euler", "11:00", "12:00").await;
    let second = quote(&wish("12:00", "13:00", json!({}))).await.refused(422, "policy");
    assert_eq!(codes(&second), ["quota_reached"]);
}

#[tokio::test]
async fn deadlines_decide_what_comes_back() {
    let platform = priced().await;
    let soon = platform.book(ANNE, "dirac", "08:00", "09:00").await;
    let cancelled = platform.act(ANNE, &soon, "cancel").await.ok();
    assert_eq!(cancelled["refund"]["price"]["cents"], 1200, "two hours before: half");
    assert_eq!(cancelled["refund"]["deposit"]["cents"], 5000);
    let later_one = platform.book(ANNE, "dirac", "06:30", "07:30").await;
    assert_eq!(platform.act(ANNE, &later_one, "cancel").await.ok()["refund"]["price"]["cents"], 0);
    let by_house = platform.book(ANNE, "dirac", "06:30", "07:30").await;
    assert_eq!(platform.act(MANAGER, &by_house, "cancel").await.ok()["refund"]["price"]["cents"], 2400);
}

#[tokio::test]
async fn credits_are_paid_once_and_come_back_by_the_rules() {
    let platform = priced().await;
    let credits = async || platform.get_as(ANNE, "/v1/me/bookings-profile").await.ok()["credits"].as_i64().unwrap();
    let with = json!({ "pay_with": "credits" });
    let poor = platform.ask(ANNE, &["dirac"], slot("10:00", "12:00"), with.clone()).await.refused(422, "policy");
    assert_eq!(poor["refusals"][0], json!({ "code": "not_enough_credits", "needed": 4 }));
    assert_eq!(platform.count("SELECT count(*) FROM booking_slot").await, 0, "all or nothing");
    platform.put("/v1/members/anne", json!({ "credits": 5 })).await;
    let booked = platform.ask(ANNE, &["dirac"], slot("10:00", "12:00"), with.clone()).await.ok();
    assert_eq!(credits().await, 1);
    platform.ask(ANNE, &["dirac"], slot("12:00", "13:00"), with).await.refused(422, "policy");
    platform.act(ANNE, &booked, "cancel").await.ok();
    assert_eq!(credits().await, 3, "four hours before: half of four");
}

#[tokio::test]
async fn a_subscription_includes_hours_and_gives_member_rates() {
    let platform = priced().await;
    platform.put("/v1/plans/desk", json!({ "name": "Desk", "included_minutes": 90 })).await;
    platform.put("/v1/members/anne", json!({ "plan": "desk" })).await;
    let booked = platform.book(ANNE, "dirac", "10:00", "12:00").await;
    assert_eq!(booked["charge"]["total"]["cents"], 900, "half an hour at the member's rate");
    assert_eq!(booked["charge"]["included_minutes"], 90);
    let second = platform.book(ANNE, "dirac", "12:00", "13:00").await;
    assert_eq!(second["charge"]["total"]["cents"], 1800);
    platform.act(MANAGER, &booked, "cancel").await.ok();
    let third = platform.book(ANNE, "dirac", "13:00", "14:00").await;
    assert_eq!(third["charge"]["total"]["cents"], 0, "the minutes came back");
    let profile = platform.get_as(ANNE, "/v1/me/bookings-profile").await.ok();
    assert_eq!(profile["plan"]["included_minutes_left"], 30);
}

#[tokio::test]
async fn managers_see_who_has_a_subscription_or_credits_and_end_what_nobody_has() {
    let platform = priced().await;
    let plan = json!({ "name": "Nomad", "included_minutes": 600 });
    platform.put("/v1/plans/nomad", plan.clone()).await;
    platform.put("/v1/plans/unused", plan).await;
    platform.put("/v1/members/anne", json!({ "plan": "nomad" })).await;
    platform.put("/v1/members/ben", json!({ "credits": 7 })).await;
    platform.get_as(ANNE, "/v1/members").await.refused(403, "forbidden");
    let told = platform.get_as(MANAGER, "/v1/members").await.ok();
    let expected = json!([
        { "subject": "anne", "plan": "nomad", "plan_until": null, "credits": 0 },
        { "subject": "ben", "plan": null, "plan_until": null, "credits": 7 },
    ]);
    assert_eq!(told["members"], expected);
    let delete = async |id: &str| platform.send("DELETE", &format!("/v1/plans/{id}"), Some(MANAGER), &[], None).await;
    delete("unused").await.ok();
    delete("nomad").await.refused(409, "conflict");
    platform.put("/v1/members/anne", json!({ "plan": null })).await;
    delete("nomad").await.ok();
}

#[tokio::test]
async fn a_subscription_counts_until_its_end_and_its_holder_is_told() {
    let platform = priced().await;
    platform.put("/v1/plans/desk", json!({ "name": "Desk", "included_minutes": 600 })).await;
    let end = slot("11:00", "12:00")["start"].clone();
    platform.put("/v1/members/anne", json!({ "plan": "desk", "plan_until": end })).await;
    platform.put("/v1/members/anne", json!({ "credits": 3 })).await;
    platform.put("/v1/members/anne", json!({ "plan": "desk" })).await;
    let before = platform.book(ANNE, "dirac", "10:00", "11:00").await;
    assert_eq!(before["charge"]["included_minutes"], 60);
    let after = platform.book(ANNE, "dirac", "11:00", "12:00").await;
    assert_eq!(after["charge"]["included_minutes"], 0, "it has ended by then");
    later(1);
    platform.put("/v1/members/anne", json!({ "plan": null })).await;
    let told = platform.told_of("pass/anne").await;
    let facts: Vec<_> = told.iter().map(|event| (event.kind.as_str(), &event.data["valid_until"])).collect();
    assert_eq!(facts, [("parvis.pass.started", &end), ("parvis.pass.ended", &end)], "nothing else has changed for her");
    let unknown = json!({ "plan": "nothing" });
    platform.send("PUT", "/v1/members/anne", Some(MANAGER), &[], Some(unknown)).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_file_sets_what_many_have_or_nothing() {
    let platform = Platform::start().await;
    let plan = json!({ "name": "Resident", "included_minutes": 600 });
    platform.put("/v1/plans/resident", plan).await;
    let import = async |text: &str| {
        let headers = [("content-type", "text/csv")];
        platform.send("POST", "/v1/members/import", Some(MANAGER), &headers, Some(text.into())).await
    };
    let file = "subject;plan;plan_until;credits\nanne;resident;2026-12-31;10\nben;;;5\n";
    assert_eq!(import(file).await.ok(), json!({ "created": 2, "changed": 0, "unchanged": 0 }));
    // Its last day, in Paris.
    let anne = json!({ "subject": "anne", "plan": "resident", "plan_until": "2026-12-31T23:00:00Z", "credits": 10 });
    let members = async || platform.get_as(MANAGER, "/v1/members").await.ok()["members"].clone();
    assert_eq!(members().await[0], anne);
    assert_eq!(import(file).await.ok(), json!({ "created": 0, "changed": 0, "unchanged": 2 }));
    assert_eq!(platform.told_of("pass/anne").await.len(), 1, "told once");
    assert_eq!(import("subject,credits\nanne,\nben,7\n").await.ok()["changed"], 1);
    assert_eq!(members().await[0], anne, "an empty field leaves what there is");

    let wrong = "subject,plan,plan_until,credits\ncleo,gold,soon,-1\n,,,1\nben,,,1\nben,,,2\n";
    let problem = import(wrong).await.refused(422, "invalid");
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    let expected = ["line 2, plan", "line 2, plan_until", "line 2, credits", "line 3, subject", "line 5, subject"];
    assert_eq!(fields, expected, "{problem}");
    assert_eq!(members().await[1]["credits"], 7);
    let as_driver = [("content-type", "text/csv")];
    platform
        .send("POST", "/v1/members/import", Some(ANNE), &as_driver, Some(file.into()))
        .await
        .refused(403, "forbidden");
}
