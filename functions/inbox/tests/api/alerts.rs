//! Subscriptions to alerts.

use parvis_notices::Channel;
use parvis_notices::token::Unsubscribe;
use serde_json::{Value, json};

use crate::support::{Answer, Platform, code, later, now};

const PATH: &str = "/v1/alert-subscriptions";

#[tokio::test]
async fn who_is_logged_in_subscribes_at_once() {
    let platform = Platform::start().await;
    let wish = json!({ "place": "default", "zone": "Zone_A", "when": "saturated", "channels": ["sms"] });
    let made = platform.send("POST", PATH, Some("manager"), Some(wish)).await;
    assert_eq!(made.status, 201);
    let id = made.ok()["id"].as_str().unwrap().to_owned();
    let about = platform.store.watches_about("place/default").await.unwrap();
    assert_eq!((about.len(), about[0].zone.as_deref()), (1, Some("Zone_A")));
    assert_eq!(platform.get(PATH, Some("manager")).await.ok()["subscriptions"].as_array().unwrap().len(), 1);
    assert_eq!(platform.get(PATH, Some("driver")).await.ok()["subscriptions"], json!([]));
    platform.send("DELETE", &format!("{PATH}/{id}"), Some("driver"), None).await.refused(404);
    platform.send("DELETE", &format!("{PATH}/{id}"), Some("manager"), None).await.ok();
    assert!(platform.store.watches_about("place/default").await.unwrap().is_empty());
    for place in ["a place", "nowhere"] {
        let wrong = json!({ "place": place, "when": "busy", "channels": ["sms"] });
        assert_eq!(platform.send("POST", PATH, Some("driver"), Some(wrong)).await.fields(), ["/place"]);
    }
    platform.register("gare").await;
    let no_zone = json!({ "place": "gare", "zone": "Z", "when": "busy", "channels": ["sms"] });
    assert_eq!(platform.send("POST", PATH, Some("driver"), Some(no_zone)).await.fields(), ["/zone"]);
    for (change, field) in [
        (json!({ "when": "never" }), "/when"),
        (json!({ "channels": ["pigeon"] }), "/channels/0"),
        (json!({ "zones": "Z" }), "/zones"),
        (json!({ "place": null }), "/place"),
    ] {
        let mut wrong = json!({ "place": "default", "when": "busy", "channels": ["sms"] });
        wrong.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(platform.send("POST", PATH, Some("driver"), Some(wrong)).await.fields(), [field]);
    }
    let odd = json!({ "place": "default", "when": "busy", "channel": "email", "to": "ada@example.org", "quiet": 1 });
    assert_eq!(platform.send("POST", &format!("{PATH}/visitors"), None, Some(odd)).await.fields(), ["/quiet"]);
    let silent = json!({ "place": "default", "when": "busy", "channels": [] });
    assert_eq!(platform.send("POST", PATH, Some("driver"), Some(silent)).await.fields(), ["/channels"]);
}

#[tokio::test]
async fn a_wish_is_heard_though_a_link_has_silenced_its_channel_before() {
    let platform = Platform::start().await;
    let mut person = platform.store.person("driver").await.unwrap();
    person.preferences.silence("alerts", Channel::Sms);
    person.preferences.silence("parking", Channel::Sms);
    platform.store.save_person(&mut person).await.unwrap();
    let wish = json!({ "place": "default", "when": "saturated", "channels": ["sms"] });
    platform.send("POST", PATH, Some("driver"), Some(wish)).await.ok();
    let silenced = platform.store.person("driver").await.unwrap().preferences.silenced;
    assert_eq!(silenced.keys().collect::<Vec<_>>(), ["parking"]);
}

async fn visit(platform: &Platform, when: &str) -> Answer {
    let wish =
        json!({ "place": "default", "when": when, "channel": "email", "to": "ada@example.org", "language": "en" });
    platform.send("POST", &format!("{PATH}/visitors"), None, Some(wish)).await
}

#[tokio::test]
async fn a_visitor_confirms_with_the_code_that_was_sent() {
    let platform = Platform::start().await;
    let pending: Value = visit(&platform, "has_places").await.ok();
    let posted = platform.posted();
    assert!(posted[0].subject == format!("Your code: {}", code()), "{posted:?}");
    assert!(platform.store.watches_about("place/default").await.unwrap().is_empty());
    let soon = visit(&platform, "busy").await;
    assert_eq!(soon.refused(429)["type"], "https://parvis.dev/problems/code-just-sent", "once a minute");
    assert_eq!(soon.headers["retry-after"], "60");
    let visitor = format!("visitor:{}", pending["id"].as_str().unwrap().split_once('.').unwrap().0);
    assert_eq!(platform.store.person(&visitor).await.unwrap().version, 0, "nothing is known of who has proven nothing");
    assert!(platform.store.watches_of(&visitor).await.unwrap().is_empty());
    let confirm = async |code: &str| {
        let path = format!("{PATH}/{}/confirm", pending["id"].as_str().unwrap());
        platform.send("POST", &path, None, Some(json!({ "code": code }))).await
    };
    assert_eq!(confirm("000000").await.fields(), ["/code"]);
    assert_eq!(confirm(&code()).await.ok()["confirmed"], true);
    assert_eq!(platform.store.watches_about("place/default").await.unwrap().len(), 1);
    let known = platform.store.person(&visitor).await.unwrap();
    assert_eq!((known.preferences.language.map(|one| one.code()), known.addresses.len()), (Some("en"), 1));
    confirm(&code()).await.refused(404);
    platform.send("POST", &format!("{PATH}/nobody.1/confirm"), None, Some(json!({ "code": "1" }))).await.refused(404);
}

/// What fails between is not lost: the code holds until the subscription counts.
#[tokio::test]
async fn a_confirmation_that_was_interrupted_is_done_again() {
    let platform = Platform::start().await;
    let id = visit(&platform, "busy").await.ok()["id"].as_str().unwrap().to_owned();
    let pending = platform.store.pending(&id).await.unwrap().unwrap();
    let confirm = async |given: &str| {
        platform.send("POST", &format!("{PATH}/{id}/confirm"), None, Some(json!({ "code": given }))).await
    };
    confirm(&code()).await.ok();
    platform.store.put_pending(&pending, now()).await.unwrap();
    confirm(&code()).await.ok();
    assert_eq!(platform.store.watches_about("place/default").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_code_is_guessed_a_few_times_only_even_at_once() {
    let platform = Platform::start().await;
    let id = visit(&platform, "busy").await.ok()["id"].as_str().unwrap().to_owned();
    let confirm = async |given: &str| {
        platform.send("POST", &format!("{PATH}/{id}/confirm"), None, Some(json!({ "code": given }))).await
    };
    for _ in 0..5 {
        assert_eq!(confirm("000000").await.fields(), ["/code"]);
    }
    assert_eq!(confirm(&code()).await.fields(), ["/code"], "the right one comes too late");
    assert!(platform.store.watches_about("place/default").await.unwrap().is_empty());
}

/// One who asks in masses does not keep others from subscribing.
#[tokio::test]
async fn codes_of_visitors_are_bounded_by_where_they_are_asked_from() {
    let platform = Platform::start().await;
    let ask = async |number: u32| {
        let to = format!("ada{number}@example.org");
        let wish = json!({ "place": "default", "when": "busy", "channel": "email", "to": to });
        platform.send("POST", &format!("{PATH}/visitors"), None, Some(wish)).await
    };
    for number in 0..20 {
        platform.from(&format!("2001:db8:1:2::{number}"));
        ask(number).await.ok();
    }
    ask(20).await.refused(429);
    platform.from("2001:db8:1:3::1");
    ask(20).await.ok();
}

#[tokio::test]
async fn an_open_route_does_not_send_without_bound() {
    let platform = Platform::start().await;
    for _ in 0..5 {
        visit(&platform, "busy").await.ok();
        later(61);
    }
    let answer = visit(&platform, "busy").await;
    let refused = answer.refused(429);
    assert_eq!(answer.headers["retry-after"], (16 * 3600 - 5 * 61).to_string(), "midnight, UTC");
    assert_eq!(refused["type"], "https://parvis.dev/problems/too-many-codes");
    assert_eq!(platform.posted().len(), 5);
}

#[tokio::test]
async fn the_sample_of_a_visitor_is_taken() {
    let platform = Platform::start().await;
    let answer = platform.invoke(include_str!("../../../../events/inbox/subscribe-visitor.json")).await;
    assert_eq!((answer.status.as_u16(), platform.posted().len()), (202, 1));
}

#[tokio::test]
async fn a_visitor_gets_out_by_the_link_of_a_message_and_nothing_is_left_of_the_wish() {
    let platform = Platform::start().await;
    for (channel, to) in [("sms", "+33612345678"), ("email", "grace@example.org")] {
        let wish = json!({ "place": "default", "when": "busy", "channel": channel, "to": to });
        let made = platform.send("POST", &format!("{PATH}/visitors"), None, Some(wish)).await.ok();
        let id = made["id"].as_str().unwrap();
        platform.send("POST", &format!("{PATH}/{id}/confirm"), None, Some(json!({ "code": code() }))).await.ok();
        let watches = platform.store.watches_about("place/default").await.unwrap();
        assert_eq!(watches.len(), 1);
        let (person, channel) = (watches[0].person.clone(), watches[0].channels[0]);
        let token = platform.writer.house.links.sign(&Unsubscribe { person, category: "alerts".into(), channel });
        let about = platform.get(&format!("/v1/unsubscribe/{token}/about"), None).await.ok();
        let known = if to.starts_with('+') { "+33***78" } else { "g***@example.org" };
        assert_eq!(about, json!({ "subject_name": "alerts", "channel": channel, "visitor": true, "to": known }));
        assert_eq!(platform.store.watches_of(&watches[0].person).await.unwrap().len(), 1, "asking ends nothing");
        let end = platform.send("POST", "/v1/unsubscribe", None, Some(json!({ "token": token }))).await.ok();
        assert_eq!((&end["subject_name"], &end["channel"]), (&json!("alerts"), &json!(channel)));
        assert!(platform.store.watches_about("place/default").await.unwrap().is_empty());
        assert!(platform.store.watches_of(&watches[0].person).await.unwrap().is_empty());
    }
}

/// An answer that was lost on its way loses nothing: not even the id that a visitor confirms with.
#[tokio::test]
async fn a_wish_that_is_repeated_with_its_key_is_made_once() {
    let platform = Platform::start().await;
    let wish = json!({ "place": "default", "when": "busy", "channels": ["sms"] });
    let ask = async |key: &str, wish: &Value| platform.post_under(key, PATH, Some("driver"), wish.clone()).await;
    let first = ask("wish-0001", &wish).await;
    let again = ask("wish-0001", &wish).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16(), first.ok()), (201, 201, again.ok()));
    let made = async || platform.store.watches_about("place/default").await.unwrap().len();
    assert_eq!(made().await, 1);
    // The key is its caller's, and stands for one wish only.
    later(1);
    platform.post_under("wish-0001", PATH, Some("agent"), wish.clone()).await.ok();
    later(1);
    ask("wish-0002", &wish).await.ok();
    assert_eq!(made().await, 3);
    let other = json!({ "place": "default", "when": "saturated", "channels": ["sms"] });
    let refused = ask("wish-0001", &other).await.refused(422);
    assert_eq!(refused["type"], "https://parvis.dev/problems/idempotency-key-reused");
    ask("short", &wish).await.refused(400);
    assert_eq!(made().await, 3);
}

#[tokio::test]
async fn a_visitor_who_repeats_a_wish_gets_the_same_id_and_no_second_code() {
    let platform = Platform::start().await;
    let path = format!("{PATH}/visitors");
    let wish = json!({ "place": "default", "when": "busy", "channel": "email", "to": "ada@example.org" });
    let nowhere = json!({ "place": "nowhere", "when": "busy", "channel": "email", "to": "ada@example.org" });
    // What was refused is not remembered: it may be put right under its key.
    assert_eq!(platform.post_under("wish-0001", &path, None, nowhere).await.fields(), ["/place"]);
    let first = platform.post_under("wish-0001", &path, None, wish.clone()).await.ok();
    assert_eq!(platform.posted().len(), 1);
    later(61);
    let again = platform.post_under("wish-0001", &path, None, wish).await;
    assert_eq!((again.status.as_u16(), &again.ok()), (202, &first));
    assert!(platform.posted().is_empty());
    let confirm = format!("{PATH}/{}/confirm", first["id"].as_str().unwrap());
    platform.send("POST", &confirm, None, Some(json!({ "code": code() }))).await.ok();
}
