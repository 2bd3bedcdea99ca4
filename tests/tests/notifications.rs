//! Reminders and alerts: they arrive, once, in time, and in the reader's words.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod listening;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_events::{CloudEvent, EventId};
use parvis_notices::address::Address;
use parvis_notices::{Channel, Person};
use parvis_testkit::{Api, Embedded, Platform, eventually, eventually_within};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use listening::{occupy, receiver, signed};

const STARTED: &str = "parvis.parking.session.started";
const EXTENDED: &str = "parvis.parking.session.extended";
const STOPPED: &str = "parvis.parking.session.stopped";

/// A session of somebody, as payments would tell of it.
fn session(kind: &str, id: &str, owner: &str, at: DateTime<Utc>, ends: DateTime<Utc>) -> CloudEvent {
    let data = json!({
        "session": id, "owner": owner, "zone_name": "Centre", "starts_at": at, "ends_at": ends, "timezone": "Europe/Paris",
    });
    let event = EventId::of_facts(at, &[kind, id]);
    CloudEvent::new(event, "/parvis/payments", kind, format!("session/{id}"), at, data)
}

/// The texts sent to an address, oldest first.
async fn sent_to(embedded: &Embedded, to: &str) -> anyhow::Result<Vec<String>> {
    let sent = embedded.outbox().await?;
    let mut found: Vec<_> = sent.iter().filter(|message| message["to"] == to).collect();
    found.sort_by_key(|message| message["id"].as_i64());
    Ok(found.iter().map(|message| message["body"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Waits until so many texts were sent to an address.
async fn receives(embedded: &Embedded, to: &str, count: usize) -> Vec<String> {
    eventually(|| async {
        let texts = sent_to(embedded, to).await?;
        if texts.len() == count { Ok(texts) } else { bail!("{count} wanted: {texts:?}") }
    })
    .await
}

/// The six digits of a text.
fn code(text: &str) -> String {
    let digits: String = text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    assert_eq!(digits.len(), 6, "{text}");
    digits
}

/// Adds an address of the caller's and proves it with the code that is sent there.
async fn prove(embedded: &Embedded, api: &Api, channel: &str, to: &str) {
    const PATH: &str = "/v1/me/notification-preferences/addresses";
    api.send(Method::POST, PATH, &json!({ "channel": channel, "to": to })).await.unwrap();
    let text = receives(embedded, to, 1).await.remove(0);
    let proof = json!({ "channel": channel, "to": to, "code": code(&text) });
    let known = api.send(Method::POST, &format!("{PATH}/verify"), &proof).await.unwrap();
    assert!(known["addresses"][0]["verified_at"].is_string(), "{known}");
}

/// What the run of a minute does, and that what it posts is sent.
async fn remind(embedded: &Embedded, at: DateTime<Utc>) -> Value {
    embedded.invoke("NotifyFunction", &json!({ "task": "remind", "at": at })).await.unwrap()
}

/// The event whose reminders count for a subject, when there is a newer one than is known.
async fn newer(embedded: &Embedded, subject: &str, known: Option<String>) -> String {
    let store = embedded.notices().unwrap();
    eventually(|| async {
        match store.standing(subject).await?.map(|standing| standing.event) {
            current if current == known => bail!("{known:?} still counts for {subject}"),
            None => bail!("nothing counts for {subject} any more"),
            Some(current) => Ok(current),
        }
    })
    .await
}

/// Waits until the reminders of an event count.
async fn counts(embedded: &Embedded, event: &CloudEvent) {
    let store = embedded.notices().unwrap();
    eventually(|| async {
        let current = store.standing(&event.subject).await?.map(|standing| standing.event);
        if current.as_deref() == Some(event.id.as_str()) { Ok(()) } else { bail!("{current:?} counts") }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_thirty_minutes_is_reminded_of_in_time_and_an_extension_moves_it() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("reminders with the clock advanced") else { return };
    let (api, phone) = (platform.login("driver").await, "+33639980101");
    prove(embedded, &api, "sms", phone).await;
    api.send(Method::PUT, "/v1/me/notification-preferences", &json!({ "language": "en", "timezone": "Asia/Tokyo" }))
        .await
        .unwrap();

    platform.put_tariffs_in_force().await.unwrap();
    let pay = json!({ "with": "method", "id": "pm_card_visa" });
    let (id, plate) = (Uuid::new_v4(), format!("E2E{}", platform.unique().to_uppercase()));
    let wish = json!({ "id": id, "zone": "Zone_A", "plate": plate, "minutes": 30, "pay": pay });
    let begun = api.send(Method::POST, "/v1/parking/sessions", &wish).await.unwrap();
    let start: DateTime<Utc> = begun["start"].as_str().unwrap().parse().unwrap();
    let minute = |n: i64| start + TimeDelta::minutes(n);
    let (session, path) = (format!("session/{id}"), format!("/v1/parking/sessions/{id}"));
    let started = newer(embedded, &session, None).await;
    assert_eq!(remind(embedded, minute(14)).await["told"], 0);
    assert_eq!(remind(embedded, minute(15)).await["told"], 1);
    assert_eq!(remind(embedded, minute(16)).await["told"], 0, "a run that fires twice");
    let first = receives(embedded, phone, 2).await.remove(1);
    let end = minute(30).with_timezone(&chrono_tz::Asia::Tokyo).format("%H:%M");
    assert_eq!(first, format!("Parvis: your parking ends at {end}, in 15 min. Extend it if you stay."));

    let extension = json!({ "id": Uuid::new_v4(), "minutes": 30, "pay": pay });
    api.send(Method::POST, &format!("{path}/extend"), &extension).await.unwrap();
    let extended = newer(embedded, &session, Some(started)).await;
    let replaced = remind(embedded, minute(26)).await;
    assert_eq!((&replaced["told"], &replaced["replaced"]), (&json!(0), &json!(1)), "moved by the extension");
    assert_eq!(remind(embedded, minute(45)).await["told"], 1);

    api.send(Method::POST, &format!("{path}/stop"), &json!({})).await.unwrap();
    newer(embedded, &session, Some(extended)).await;
    assert_eq!(remind(embedded, minute(56)).await["told"], 0, "dropped by the stop");
    let texts = receives(embedded, phone, 3).await;
    assert!(texts[2].contains("in 15 min"), "{texts:?}");

    // Everything stands in the list of the driver, whatever the channels, and nowhere twice.
    let list = api.get("/v1/me/notifications").await.unwrap();
    let kinds: Vec<_> =
        list["notifications"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    // By the moment that each is about, newest first: two reminders, for which the clock was advanced, and three events.
    assert_eq!(kinds, [EXTENDED, STARTED, STOPPED, EXTENDED, STARTED], "{list:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_runs_are_made_up_for_and_what_is_too_late_is_not_sent() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("missed runs of reminders") else { return };
    let store = embedded.notices().unwrap();
    let phone = "+33639980102";
    let owner = reached_by_sms(phone);
    store.save_person(&mut owner.clone()).await.unwrap();
    let start = Utc::now();
    let minute = |n: i64| start + TimeDelta::minutes(n);
    let event = session(STARTED, &platform.unique(), &owner.subject, start, minute(30));
    embedded.tell(&event).await.unwrap();
    counts(embedded, &event).await;
    remind(embedded, minute(1)).await;
    // Nothing ran for 26 minutes: of the reminders at 15 and at 25 the first has become useless.
    let made_up = remind(embedded, minute(27)).await;
    assert_eq!((&made_up["told"], &made_up["too_late"]), (&json!(1), &json!(1)), "{made_up}");
    let text = receives(embedded, phone, 1).await.remove(0);
    assert!(text.contains("3 min"), "the minutes that are left: {text}");
}

fn reached_by_sms(number: &str) -> Person {
    let mut address = Address::new(Channel::Sms, number).unwrap();
    address.verified_at = Some(Utc::now());
    Person { addresses: vec![address], ..Person::new(format!("person{number}")) }
}

const PEOPLE: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn with_duplicates_killed_sandboxes_and_refusals_each_person_gets_each_message_once() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("faults of SNS and of sandboxes") else { return };
    let store = embedded.notices().unwrap();
    let faults = embedded.stack().faults();
    faults.refuse_publications(0.3, 7);
    faults.set_deliveries(
        parvis_local::faults::Deliveries { duplicates: 0.3, delays: 0.3, delay: Duration::from_millis(500) },
        7,
    );
    // Before it has sent anything: what is killed between the answer of SNS and the note of it is sent twice (ADR 0009).
    for _ in 0..3 {
        faults.kill_next("DeliverFunction", Duration::ZERO);
        faults.kill_next("NotifyFunction", Duration::from_millis(2));
    }
    let numbers: Vec<String> = (0..PEOPLE).map(|n| format!("+3363998{n:04}")).collect();
    let now = Utc::now();
    for number in &numbers {
        let mut person = reached_by_sms(number);
        store.save_person(&mut person).await.unwrap();
        let ended = session("parvis.parking.session.ended", &platform.unique(), &person.subject, now, now);
        embedded.tell(&ended).await.unwrap();
    }
    let told = || async {
        let mut by_number: BTreeMap<String, usize> = BTreeMap::new();
        for message in embedded.outbox().await? {
            *by_number.entry(message["to"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        anyhow::Ok(by_number)
    };
    eventually_within(Duration::from_secs(240), || async {
        let missing = PEOPLE - told().await?.len();
        if missing == 0 { Ok(()) } else { bail!("{missing} have not been told") }
    })
    .await;
    // Whatever is still on its way again has found its letter sent when the queue is empty.
    eventually_within(Duration::from_secs(240), || async {
        let waiting = embedded.waiting("LetterQueue").await?;
        if waiting == 0 { Ok(()) } else { bail!("{waiting} letters wait") }
    })
    .await;
    let twice: Vec<_> = told().await.unwrap().into_iter().filter(|(_, count)| *count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(embedded.waiting("LetterDeadLetterQueue").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_at_70_and_85_percent_reach_an_sms_subscriber_a_webhook_and_the_open_page() {
    let platform = Platform::start_with(&[("WebhookPrivateHosts", "127.0.0.1")]).await;
    let Some(embedded) = platform.embedded_or_say("webhooks to this machine, read in the outbox") else { return };
    let place = platform.new_place(&[("Deck", 1..=20)]).await;
    let driver = platform.login("driver").await;
    let phone = "+33639980103";
    prove(embedded, &driver, "sms", phone).await;
    for when in ["busy", "saturated"] {
        let wish = json!({ "place": place, "zone": "Deck", "when": when, "channels": ["sms"] });
        driver.send(Method::POST, "/v1/alert-subscriptions", &wish).await.unwrap();
    }
    let (url, heard) = receiver().await;
    let manager = platform.login("manager").await;
    let filter = json!({ "types": ["parvis.parking.alert."], "subjects": [format!("place/{place}")] });
    let made = json!({ "name": "Signs", "url": url, "filter": filter });
    let hook = manager.send(Method::POST, "/v1/webhooks", &made).await.unwrap();
    let secret = hook["secret"].as_str().unwrap();
    let mut page = platform.websocket(&format!("alerts/{place}/+")).await;

    let device = platform.device().await;
    let start = Utc::now() - TimeDelta::minutes(10);
    occupy(&device, &place, 1..=14, start).await;
    let texts = receives(embedded, phone, 2).await;
    assert!(texts[1].contains("70 %") && texts[1].contains("Deck"), "{texts:?}");
    occupy(&device, &place, 15..=17, start + TimeDelta::minutes(1)).await;
    let texts = receives(embedded, phone, 3).await;
    assert!(texts[2].contains("85 %"), "{texts:?}");

    // Zone and place, twice each; the first delivery was refused and came again.
    let told = eventually(|| async {
        let told = signed(&heard, secret);
        if told.len() == 4 { Ok(told) } else { bail!("{} events", told.len()) }
    })
    .await;
    assert!(told.values().all(|event| event["type"] == "parvis.parking.alert.raised"), "{told:?}");
    page.wait_for(&format!("alerts/{place}/Deck"), |alert| {
        alert["data"]["threshold"] == 85.0 || alert["threshold"] == 85.0
    })
    .await;
    let attempts = format!("/v1/webhooks/{}/attempts", hook["id"].as_str().unwrap());
    eventually(|| async {
        let attempts = manager.get(&attempts).await?;
        let taken = attempts["attempts"].as_array().unwrap().iter().filter(|attempt| attempt["taken"] == true).count();
        let refused = attempts["attempts"].as_array().unwrap().iter().any(|attempt| attempt["status"] == 503);
        if taken == 4 && refused { Ok(()) } else { bail!("{attempts}") }
    })
    .await;

    // The log tells managers of all of it, and nobody else.
    let log = manager.get("/v1/notification-log?channel=webhook&state=sent").await.unwrap();
    assert_eq!(log["letters"].as_array().unwrap().len(), 4, "{log:#}");
    let found = manager.get("/v1/notification-log?q=ALERT.raised&channel=sms").await.unwrap();
    assert_eq!(found["letters"].as_array().unwrap().len(), 2, "{found:#}");
    assert!(!found.to_string().contains(phone), "whole addresses are nothing for a log: {found:#}");
    let refused = driver.answer(driver.request(Method::GET, "/v1/notification-log")).await.unwrap();
    assert_eq!(refused.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_told_by_mail_until_the_link_in_it_is_used_or_it_bounces() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("codes and links, read in the outbox") else { return };
    let place = platform.new_place(&[("Deck", 1..=20)]).await;
    let visitor = platform.api();
    let mailbox = format!("{}@example.org", platform.unique());
    watch_as_visitor(embedded, &visitor, &place, &mailbox).await;
    embedded.tell(&alert(&place, 0)).await.unwrap();
    let mail = receives(embedded, &mailbox, 2).await.remove(1);
    assert!(mail.contains("crossed 85%") && mail.contains(&format!("#/parking/{place}")), "{mail}");

    // Another one hears of the next alert; who has used the link in the mail does not.
    let token = mail.split("#/unsubscribe?token=").nth(1).unwrap().split_whitespace().next().unwrap();
    let form = visitor.request(Method::POST, &format!("/v1/unsubscribe/{token}"));
    let form = form.header("content-type", "application/x-www-form-urlencoded").body("List-Unsubscribe=One-Click");
    let (status, done) = visitor.answer(form).await.unwrap();
    assert_eq!((status.as_u16(), &done["subject_name"], &done["channel"]), (200, &json!("alerts"), &json!("email")));
    let other = format!("{}@example.org", platform.unique());
    watch_as_visitor(embedded, &visitor, &place, &other).await;
    embedded.tell(&alert(&place, 1)).await.unwrap();
    receives(embedded, &other, 2).await;
    idle(embedded).await;
    assert_eq!(sent_to(embedded, &mailbox).await.unwrap().len(), 2, "nothing after the link was used");

    // A bounce has the address left alone.
    let bounce = json!({
        "eventType": "Bounce",
        "bounce": { "bounceType": "Permanent", "bouncedRecipients": [{ "emailAddress": other }] },
    });
    embedded.publish("BouncesTopic", &bounce.to_string()).await.unwrap();
    let store = embedded.notices().unwrap();
    eventually(|| async {
        let suppressed = store.suppression(&other, Utc::now()).await?;
        if suppressed.is_some() { Ok(()) } else { bail!("not left alone yet") }
    })
    .await;
    embedded.tell(&alert(&place, 2)).await.unwrap();
    let manager = platform.login("manager").await;
    eventually(|| async {
        let log = manager.get("/v1/notification-log?state=dropped&q=bounced").await?;
        if log["letters"].as_array().unwrap().len() == 1 { Ok(()) } else { bail!("{log}") }
    })
    .await;
    assert_eq!(sent_to(embedded, &other).await.unwrap().len(), 2);
}

/// A whole car park that is over its upper threshold.
fn alert(place: &str, step: i64) -> CloudEvent {
    let at = Utc::now() + TimeDelta::seconds(step);
    let data = json!({
        "place": place, "zone": null, "level": "saturated", "previous": "busy", "occupancy_rate": 90.0, "occupied": 18,
        "total": 20, "threshold": 85.0, "at": at, "timezone": "Europe/Paris",
    });
    let kind = "parvis.parking.alert.raised";
    CloudEvent::new(EventId::of_facts(at, &[place]), "/parvis/announce", kind, format!("place/{place}"), at, data)
}

/// Has a mailbox told of a saturated car park, confirmed with the code that was sent there.
async fn watch_as_visitor(embedded: &Embedded, visitor: &Api, place: &str, mailbox: &str) {
    let wish = json!({ "place": place, "when": "saturated", "channel": "email", "to": mailbox, "language": "en" });
    let pending = visitor.send(Method::POST, "/v1/alert-subscriptions/visitors", &wish).await.unwrap();
    assert_eq!(pending["confirmed"], false);
    let text = receives(embedded, mailbox, 1).await.remove(0);
    let confirm = format!("/v1/alert-subscriptions/{}/confirm", pending["id"].as_str().unwrap());
    let wrong = visitor.request(Method::POST, &confirm).json(&json!({ "code": "no" }));
    assert_eq!(visitor.answer(wrong).await.unwrap().0, 422);
    let confirmed = visitor.send(Method::POST, &confirm, &json!({ "code": code(&text) })).await.unwrap();
    assert_eq!(confirmed["confirmed"], true);
}

/// Waits until no letter is on its way.
async fn idle(embedded: &Embedded) {
    eventually(|| async {
        let waiting = embedded.waiting("LetterQueue").await?;
        if waiting == 0 { Ok(()) } else { bail!("{waiting} letters wait") }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_killed_while_it_sends_has_its_letter_sent_once_when_its_lease_is_over() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("sandboxes killed while SNS is slow") else { return };
    let (faults, store, number) = (embedded.stack().faults(), embedded.notices().unwrap(), "+33639980104");
    let mut person = reached_by_sms(number);
    store.save_person(&mut person).await.unwrap();
    let now = Utc::now();
    let ended = |step: i64| {
        let at = now + TimeDelta::seconds(step);
        session("parvis.parking.session.ended", &format!("s{step}"), &person.subject, at, at)
    };
    // The first one starts the sandboxes, so that the kill finds the second one claimed and not yet taken.
    embedded.tell(&ended(0)).await.unwrap();
    receives(embedded, number, 1).await;
    faults.slow_publications(Duration::from_secs(3));
    faults.kill_next("DeliverFunction", Duration::from_millis(1500));
    embedded.tell(&ended(1)).await.unwrap();
    let manager = platform.login("manager").await;
    let log = || async {
        let log = manager.get("/v1/notification-log?channel=sms&q=session.ended").await?;
        anyhow::Ok(log["letters"].as_array().unwrap().clone())
    };
    eventually(|| async {
        let held = log().await?.iter().any(|line| line["state"] == "sending");
        if held { Ok(()) } else { bail!("no sandbox has claimed the letter") }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    faults.slow_publications(Duration::ZERO);
    assert_eq!(sent_to(embedded, number).await.unwrap().len(), 1, "its sender was killed before SNS took it");
    eventually_within(Duration::from_secs(240), || async {
        let texts = sent_to(embedded, number).await?;
        if texts.len() == 2 { Ok(()) } else { bail!("not sent again yet") }
    })
    .await;
    eventually_within(Duration::from_secs(240), || async {
        let waiting = embedded.waiting("LetterQueue").await?;
        if waiting == 0 { Ok(()) } else { bail!("{waiting} letters wait") }
    })
    .await;
    assert_eq!(sent_to(embedded, number).await.unwrap().len(), 2, "once each");
    let attempts: Vec<_> =
        log().await.unwrap().iter().map(|line| (line["state"].clone(), line["attempts"].clone())).collect();
    assert_eq!(attempts, [(json!("sent"), json!(2)), (json!("sent"), json!(1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_pushed_to_until_sns_has_turned_it_off_and_again_when_its_app_starts() {
    let platform = Platform::start().await;
    let Some(embedded) = platform.embedded_or_say("devices, pushed to in the outbox") else { return };
    let (driver, place) = (platform.login("driver").await, platform.new_place(&[("Deck", 1..=20)]).await);
    let device = json!({ "platform": "fcm", "token": "token-of-a-phone", "name": "Pixel 9" });
    driver.send(Method::POST, "/v1/me/devices", &device).await.unwrap();
    let known = driver.get("/v1/me/notification-preferences").await.unwrap();
    let endpoint = known["addresses"][0]["to"].as_str().unwrap();
    let wish = json!({ "place": place, "when": "saturated", "channels": ["push"] });
    driver.send(Method::POST, "/v1/alert-subscriptions", &wish).await.unwrap();
    embedded.tell(&alert(&place, 0)).await.unwrap();
    receives(embedded, endpoint, 1).await;

    embedded.turn_device_off(endpoint).await.unwrap();
    let manager = platform.login("manager").await;
    for (step, state, words) in [(1, "failed", "EndpointDisabled"), (2, "dropped", "left%20alone")] {
        embedded.tell(&alert(&place, step)).await.unwrap();
        eventually(|| async {
            let log = manager.get(&format!("/v1/notification-log?channel=push&state={state}&q={words}")).await?;
            if log["letters"].as_array().unwrap().len() == 1 { Ok(()) } else { bail!("{log}") }
        })
        .await;
    }
    driver.send(Method::POST, "/v1/me/devices", &device).await.unwrap();
    embedded.tell(&alert(&place, 3)).await.unwrap();
    receives(embedded, endpoint, 2).await;
}
