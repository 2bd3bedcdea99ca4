//! The parts of notifications that need no look into an outbox and no faults, so that they are tested on every platform.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod listening;

use anyhow::bail;
use chrono::{TimeDelta, Utc};
use parvis_testkit::{Platform, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use listening::{occupy, receiver, signed};

#[tokio::test(flavor = "multi_thread")]
async fn preferences_subscriptions_and_the_log_work_wherever_the_platform_runs() {
    let platform = Platform::start().await;
    let (driver, visitor) = (platform.login("driver").await, platform.api());
    let path = "/v1/me/notification-preferences";
    let wanted = json!({
        "language": "en", "timezone": "Europe/London", "quiet": { "from": "22:00", "to": "07:00" },
        "channels": { "parking": ["sms"] }, "silenced": { "alerts": ["email"] },
    });
    driver.send(Method::PUT, path, &wanted).await.unwrap();
    let known = driver.get(path).await.unwrap();
    for field in ["language", "timezone", "quiet", "channels", "silenced"] {
        assert_eq!(known[field], wanted[field], "{field}");
    }
    assert!(driver.get("/v1/me/notifications").await.unwrap()["notifications"].is_array());

    // A number that no other run on the same deployment has asked a code for.
    let number = format!("+336{:08}", rand::random_range(0..100_000_000));
    let address = json!({ "channel": "sms", "to": number });
    let asked = driver.send(Method::POST, &format!("{path}/addresses"), &address).await.unwrap();
    let mine = |known: &Value| known["addresses"].as_array().unwrap().iter().any(|one| one["to"] == number.as_str());
    assert!(mine(&asked), "{asked}");
    let wrong = json!({ "channel": "sms", "to": number, "code": "no" });
    let refused = driver.request(Method::POST, &format!("{path}/addresses/verify")).json(&wrong);
    assert_eq!(driver.answer(refused).await.unwrap().0, 422);
    // The code's letter has gone through the queue to SNS, and the log tells managers so, without the number.
    let manager = platform.login("manager").await;
    let masked = format!("{}***{}", &number[..3], &number[10..]);
    eventually(|| async {
        let log = manager.get("/v1/notification-log?channel=sms&q=address.code&limit=100").await?;
        assert!(!log.to_string().contains(&number), "{log}");
        let sent = |line: &&Value| line["to"] == masked.as_str() && line["state"] == "sent";
        log["letters"].as_array().unwrap().iter().find(sent).map(drop).ok_or_else(|| anyhow::anyhow!("{log}"))
    })
    .await;
    let refused = driver.answer(driver.request(Method::GET, "/v1/notification-log")).await.unwrap();
    assert_eq!(refused.0, 403);
    let one = format!("{path}/addresses/sms/{}", number.replace('+', "%2B"));
    assert!(!mine(&driver.send(Method::DELETE, &one, &Value::Null).await.unwrap()));

    let place = platform.new_place(&[("Deck", 1..=20)]).await;
    let wish = json!({ "place": place, "zone": "Deck", "when": "busy", "channels": ["sms"] });
    let made = driver.send(Method::POST, "/v1/alert-subscriptions", &wish).await.unwrap();
    let one = format!("/v1/alert-subscriptions/{}", made["id"].as_str().unwrap());
    driver.send(Method::DELETE, &one, &Value::Null).await.unwrap();
    let mailbox = format!("{}@example.org", platform.unique());
    let wish = json!({ "place": place, "when": "saturated", "channel": "email", "to": mailbox });
    let pending = visitor.send(Method::POST, "/v1/alert-subscriptions/visitors", &wish).await.unwrap();
    assert_eq!(pending["confirmed"], false);
    let confirm = format!("/v1/alert-subscriptions/{}/confirm", pending["id"].as_str().unwrap());
    let wrong = visitor.request(Method::POST, &confirm).json(&json!({ "code": "no" }));
    assert_eq!(visitor.answer(wrong).await.unwrap().0, 422);
    let forged = visitor.request(Method::POST, "/v1/unsubscribe/forged.token");
    assert_eq!(visitor.answer(forged).await.unwrap().0, 422);
}

/// The test stands where the functions run, here and beside ministack, so that they reach it.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_of_an_alert_wherever_the_platform_runs() {
    let platform = Platform::start_with(&[("WebhookPrivateHosts", "127.0.0.1")]).await;
    let place = platform.new_place(&[("Deck", 1..=20)]).await;
    let (url, heard) = receiver().await;
    let manager = platform.login("manager").await;
    let filter = json!({ "types": ["parvis.parking.alert."], "subjects": [format!("place/{place}")] });
    let made = json!({ "name": "Signs", "url": url, "filter": filter });
    let hook = manager.send(Method::POST, "/v1/webhooks", &made).await.unwrap();
    occupy(&platform.device().await, &place, 1..=14, Utc::now() - TimeDelta::minutes(10)).await;
    // Zone and place; the first delivery was refused and came again.
    let told = eventually(|| async {
        let told = signed(&heard, hook["secret"].as_str().unwrap());
        if told.len() == 2 { Ok(told) } else { bail!("{} events", told.len()) }
    })
    .await;
    assert!(told.values().all(|event| event["type"] == "parvis.parking.alert.raised"), "{told:?}");
    let path = format!("/v1/webhooks/{}", hook["id"].as_str().unwrap());
    eventually(|| async {
        let attempts = manager.get(&format!("{path}/attempts")).await?;
        let statuses: Vec<_> =
            attempts["attempts"].as_array().unwrap().iter().map(|one| one["taken"] == true).collect();
        if statuses.iter().filter(|taken| **taken).count() == 2 && statuses.len() == 3 {
            Ok(())
        } else {
            bail!("{attempts}")
        }
    })
    .await;
    // A deployment is shared: nothing of this test is told any further.
    manager.send(Method::DELETE, &path, &Value::Null).await.unwrap();
}
