//! One's own notifications, preferences and addresses.

use base64::Engine as _;
use parvis_mailroom::Unreachable;
use parvis_notices::Channel;
use parvis_notices::compose::Note;
use parvis_notices::token::Unsubscribe;
use serde_json::{Value, json};

use crate::support::{Platform, code, later, now};

const PREFERENCES: &str = "/v1/me/notification-preferences";
const VERIFY: &str = "/v1/me/notification-preferences/addresses/verify";

async fn put(platform: &Platform, body: Value) -> crate::support::Answer {
    platform.send("PUT", PREFERENCES, Some("driver"), Some(body)).await
}

#[tokio::test]
async fn preferences_are_kept_and_what_is_wrong_is_named() {
    let platform = Platform::start().await;
    platform.invoke(include_str!("../../../../events/inbox/read-preferences.json")).await.ok();
    let wanted = json!({
        "language": "en", "timezone": "Europe/London", "quiet": { "from": "22:00", "to": "07:00" },
        "channels": { "parking": ["sms"], "bookings": [] }, "silenced": { "alerts": ["email"] },
    });
    let known = put(&platform, wanted.clone()).await.ok();
    for field in ["language", "timezone", "quiet", "channels", "silenced"] {
        assert_eq!(known[field], wanted[field], "{field}");
    }
    assert_eq!(known["subjects"], json!(["alerts", "bookings", "parking", "permits", "sensors"]));
    assert_eq!(platform.get(PREFERENCES, Some("driver")).await.ok(), known);
    assert_eq!(platform.get(PREFERENCES, Some("agent")).await.ok()["channels"], json!({}), "another person");
    platform.get(PREFERENCES, None).await.refused(401);
    for (body, field) in [
        (json!({ "timezone": "Mars/Olympus" }), "/timezone"),
        (json!({ "quiet": { "from": "25:00", "to": "07:00" } }), "/quiet"),
        (json!({ "channels": { "weather": ["sms"] } }), "/channels"),
        (json!({ "silenced": { "weather": ["sms"] } }), "/silenced"),
        (json!({ "language": "de" }), "/language"),
        (json!({ "quiet": { "from": "07:00", "to": "07:00" } }), "/quiet"),
    ] {
        assert_eq!(put(&platform, body).await.fields(), [field]);
    }
}

#[tokio::test]
async fn an_address_counts_when_its_code_is_given() {
    let platform = Platform::start().await;
    let path = format!("{PREFERENCES}/addresses");
    let address = json!({ "channel": "sms", "to": "+33 6 12 34 56 78" });
    let add = || platform.send("POST", &path, Some("driver"), Some(address.clone()));
    add().await.ok();
    let posted = platform.posted();
    assert_eq!(posted.len(), 1);
    assert!(posted[0].body.contains(&code()) && posted[0].to.address() == "+33612345678", "{posted:?}");
    add().await.refused(429);
    later(61);
    add().await.ok();
    assert_eq!(platform.posted().len(), 1);

    let verify = async |code: String| {
        let body = json!({ "channel": "sms", "to": "+33612345678", "code": code });
        platform.send("POST", &format!("{path}/verify"), Some("driver"), Some(body)).await
    };
    assert_eq!(verify("000000".to_owned()).await.fields(), ["/code"]);
    let known = verify(code()).await.ok();
    assert_eq!(known["addresses"][0]["verified_at"], json!(now()));
    assert_eq!(add().await.fields(), ["/to"], "proven already");
    assert_eq!(known["addresses"][0]["left_alone"], Value::Null);
    let wrong = json!({ "channel": "email", "to": "nobody" });
    assert_eq!(platform.send("POST", &path, Some("driver"), Some(wrong)).await.fields(), ["/to"]);
    let left = platform.send("DELETE", &format!("{path}/sms/%2B33612345678"), Some("driver"), None).await.ok();
    assert_eq!(left["addresses"], json!([]));
    platform.send("DELETE", &format!("{path}/sms/%2B33612345678"), Some("driver"), None).await.refused(404);
}

/// A mailbox of which mail came back is proven again when it works.
#[tokio::test]
async fn an_address_where_there_was_nobody_comes_back_with_a_code() {
    let platform = Platform::start().await;
    let path = format!("{PREFERENCES}/addresses");
    let address = json!({ "channel": "email", "to": "ada@example.org" });
    let add = || platform.send("POST", &path, Some("driver"), Some(address.clone()));
    let prove = || {
        let body = json!({ "channel": "email", "to": "ada@example.org", "code": code() });
        platform.send("POST", VERIFY, Some("driver"), Some(body))
    };
    add().await.ok();
    prove().await.ok();
    platform.store.suppress("ada@example.org", Unreachable::Nobody, "it bounced", now()).await.unwrap();
    later(61);
    let known = add().await.ok();
    assert_eq!(known["addresses"][0]["left_alone"], "nobody");
    assert!(platform.posted().iter().all(parvis_notices::Letter::proves_its_address));
    assert_eq!(prove().await.ok()["addresses"][0]["left_alone"], Value::Null);
    assert_eq!(platform.store.suppression("ada@example.org", now()).await.unwrap(), None);

    platform.store.suppress("ada@example.org", Unreachable::Nobody, "it bounced", now()).await.unwrap();
    later(61);
    add().await.refused(429);
    platform.store.suppress("ada@example.org", Unreachable::Unwanted, "its owner complained", now()).await.unwrap();
    later(61);
    assert_eq!(add().await.fields(), ["/to"], "who objected is not written to");
}

#[tokio::test]
async fn codes_and_guesses_are_counted_beside_the_addresses() {
    let platform = Platform::start().await;
    let path = format!("{PREFERENCES}/addresses");
    let add = async |to: &str, role: &str| {
        platform.send("POST", &path, Some(role), Some(json!({ "channel": "sms", "to": to }))).await
    };
    let remove = async |to: &str| {
        platform.send("DELETE", &format!("{path}/sms/{}", to.replace('+', "%2B")), Some("driver"), None).await.ok()
    };
    add("+33612345678", "driver").await.ok();
    remove("+33612345678").await;
    // Once a minute all the same, whoever asks.
    for role in ["driver", "agent"] {
        assert!(add("+33612345678", role).await.refused(429)["type"].as_str().unwrap().ends_with("/code-just-sent"));
    }
    for number in 1..9 {
        let to = format!("+3361234568{number}");
        add(&to, "driver").await.ok();
        remove(&to).await;
    }
    add("+33612345690", "driver").await.refused(429);
    add("+33612345690", "agent").await.ok();
    assert_eq!(platform.posted().len(), 10, "what is asked in vain uses up nothing of others");

    let guess = async || {
        let body = json!({ "channel": "sms", "to": "+33612345690", "code": "000000" });
        platform.send("POST", &format!("{path}/verify"), Some("agent"), Some(body)).await
    };
    for _ in 0..20 {
        guess().await.refused(422);
    }
    guess().await.refused(429);
}

#[tokio::test]
async fn notifications_are_ones_own_and_come_page_by_page() {
    let platform = Platform::start().await;
    for number in 0..3 {
        let note = Note {
            id: format!("n{number}"),
            person: "driver".to_owned(),
            at: now() + chrono::TimeDelta::seconds(number),
            category: "parking".to_owned(),
            kind: "parvis.parking.session.started".to_owned(),
            subject: "Parking".to_owned(),
            body: "Until noon".to_owned(),
            link: None,
            channels: vec![Channel::Sms],
        };
        platform.store.put_note(&note).await.unwrap();
    }
    let page = platform.get("/v1/me/notifications?limit=2", Some("driver")).await.ok();
    assert_eq!((&page["notifications"][0]["id"], &page["notifications"][1]["id"]), (&json!("n2"), &json!("n1")));
    let next = page["next"].as_str().unwrap().replace('#', "%23");
    let rest = platform.get(&format!("/v1/me/notifications?limit=2&before={next}"), Some("driver")).await.ok();
    assert_eq!((rest["notifications"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(platform.get("/v1/me/notifications", Some("agent")).await.ok()["notifications"], json!([]));
    assert_eq!(platform.get("/v1/me/notifications?limit=0", Some("driver")).await.fields(), ["limit"]);
}

#[tokio::test]
async fn what_is_stored_is_told_as_a_whole_and_forgotten() {
    const DATA: &str = "/v1/me/notification-data";
    let platform = Platform::start().await;
    let address = json!({ "channel": "sms", "to": "+33612345678" });
    platform.send("POST", &format!("{PREFERENCES}/addresses"), Some("driver"), Some(address)).await.ok();
    let wish = json!({ "place": "default", "when": "busy", "channels": ["sms"] });
    for role in ["driver", "agent"] {
        platform.send("POST", "/v1/alert-subscriptions", Some(role), Some(wish.clone())).await.ok();
        // Ids are made of the time and of bytes that are always the same here.
        later(1);
    }
    let data = platform.get(DATA, Some("driver")).await.ok();
    assert_eq!(data["preferences"]["addresses"][0]["to"], "+33612345678");
    assert_eq!(data["subscriptions"].as_array().unwrap().len(), 1);
    platform.send("DELETE", DATA, Some("driver"), None).await.ok();
    let data = platform.get(DATA, Some("driver")).await.ok();
    assert_eq!((&data["preferences"]["addresses"], &data["subscriptions"]), (&json!([]), &json!([])));
    let left = platform.store.watches_about("place/default").await.unwrap();
    assert_eq!(left.iter().map(|watch| watch.person.as_str()).collect::<Vec<_>>(), ["agent"], "others stay");
    put(&platform, json!({ "language": "fr" })).await.ok();
}

#[tokio::test]
async fn a_signed_link_ends_messages_without_a_login() {
    let platform = Platform::start().await;
    let what = Unsubscribe { person: "driver".into(), category: "parking".into(), channel: Channel::Email };
    let token = platform.writer.house.links.sign(&what);
    let post =
        async |token: &str| platform.send("POST", "/v1/unsubscribe", None, Some(json!({ "token": token }))).await;
    assert_eq!(post("forged.token").await.fields(), ["/token"]);
    post(&token).await.ok();
    post(&token).await.ok();
    let known = platform.get(PREFERENCES, Some("driver")).await.ok();
    assert_eq!((&known["silenced"], &known["channels"]), (&json!({ "parking": ["email"] }), &json!({})), "no more");
}

#[tokio::test]
async fn a_readers_program_ends_messages_with_a_form_and_a_look_at_the_link_ends_nothing() {
    let platform = Platform::start().await;
    let what = Unsubscribe { person: "driver".into(), category: "parking".into(), channel: Channel::Email };
    let path = format!("/v1/unsubscribe/{}", platform.writer.house.links.sign(&what));
    let silenced = async || platform.get(PREFERENCES, Some("driver")).await.ok()["silenced"].clone();

    let looked = platform.get(&path, None).await;
    assert_eq!(looked.status, 303);
    let page = looked.headers["location"].to_str().unwrap();
    assert!(page.starts_with("https://parvis.example/#/unsubscribe?token=") && page.ends_with(&path[16..]), "{page}");
    assert_eq!(silenced().await, json!({}));

    // As Gmail posts it.
    let posted = platform.invoke(&form(&path, "List-Unsubscribe=One-Click").to_string()).await;
    assert_eq!(posted.status, 200);
    assert_eq!(silenced().await, json!({ "parking": ["email"] }));
    let forged = form("/v1/unsubscribe/forged.token", "List-Unsubscribe=One-Click");
    assert_eq!(platform.invoke(&forged.to_string()).await.fields(), ["/token"]);
    platform.get("/v1/unsubscribe/forged.token", None).await.refused(404);
}

/// A form as API Gateway hands it over: in base64.
fn form(path: &str, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "host": "api.example", "content-type": "application/x-www-form-urlencoded" },
        "requestContext": { "stage": "$default", "http": { "method": "POST", "path": path } },
        "isBase64Encoded": true, "body": base64::engine::general_purpose::STANDARD.encode(body),
    })
}
