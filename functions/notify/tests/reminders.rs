//! What becomes of reminders and of what quiet hours hold back: over a DynamoDB in the process and a queue that keeps what is posted.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use parvis_events::{CloudEvent, EventId};
use parvis_mailroom::{LetterQueue, NoticeStore, WebhookQueue};
use parvis_notices::address::Address;
use parvis_notices::compose::{House, Writer};
use parvis_notices::due::{SHARDS, minute};
use parvis_notices::token::LinkKey;
use parvis_notices::watch::{Filter, Watch, When};
use parvis_notices::webhook::{Webhook, secret};
use parvis_notices::{Catalog, Channel, Language, Letter, Person, Texts};
use parvis_notify::Notifier;
use parvis_test_letters::Queue;
use serde_json::{Value, json};

const STARTED: &str = "parvis.parking.session.started";
const CONFIRMED: &str = "parvis.booking.confirmed";
const CHANGED: &str = "parvis.booking.changed";
const CANCELLED: &str = "parvis.booking.cancelled";

/// Ten in the evening in Paris.
fn at(minutes: i64) -> DateTime<Utc> {
    "2026-07-13T20:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}

struct Post {
    notifier: Notifier,
    store: NoticeStore,
    dynamodb: Client,
    letters: Queue,
    hooks: Queue,
}

async fn post() -> Post {
    let dynamodb = parvis_test_tables::start(&["notices"]).await.unwrap();
    let store = NoticeStore::new(dynamodb.clone(), "notices");
    let (letters, hooks) = (Queue::start().await.unwrap(), Queue::start().await.unwrap());
    let rules = House {
        language: Language::English,
        timezone: chrono_tz::Europe::Paris,
        web_url: None,
        api_url: None,
        links: LinkKey::new("0123456789abcdef").unwrap(),
    };
    let notifier = Notifier {
        store: store.clone(),
        queue: LetterQueue::new(letters.client.clone(), &letters.url),
        hooks: WebhookQueue::new(hooks.client.clone(), &hooks.url),
        writer: Arc::new(Writer { catalog: Catalog::load().unwrap(), texts: Texts::load().unwrap(), house: rules }),
        invitations_from: None,
    };
    Post { notifier, store, dynamodb, letters, hooks }
}

impl Post {
    async fn tell(&self, event: &CloudEvent) {
        self.notifier.plan(event, event.time).await.unwrap();
    }

    /// A run at a minute: how many reminders were told, and by which channels.
    async fn remind(&self, minutes: i64) -> (u64, Vec<String>) {
        let reminded = self.notifier.remind(at(minutes), at(minutes)).await.unwrap();
        (reminded.told, self.sent())
    }

    fn sent(&self) -> Vec<String> {
        self.letters.posted().iter().map(|letter| format!("{} {}", letter.to.channel(), letter.text)).collect()
    }

    /// Ada, reached by SMS about bookings and parking, with quiet hours from ten to seven if asked for.
    async fn ada(&self, quiet: bool) {
        let mut address = Address::new(Channel::Sms, "+33639980001").unwrap();
        address.verified_at = Some(at(0));
        let mut ada = Person { addresses: vec![address], ..Person::new("ada") };
        for category in ["bookings", "parking", "alerts"] {
            ada.preferences.channels.insert(category.to_owned(), BTreeSet::from([Channel::Sms]));
        }
        if quiet {
            let hours = json!({ "from": "22:00", "to": "07:00" });
            ada.preferences.quiet = Some(serde_json::from_value(hours).unwrap());
        }
        self.store.save_person(&mut ada).await.unwrap();
    }

    async fn put(&self, pk: &str, sk: &str, body: &str) {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let put = self.dynamodb.put_item().table_name("notices").item("pk", text(pk)).item("sk", text(sk));
        put.item("body", text(body)).send().await.unwrap();
    }
}

fn event(kind: &str, subject: &str, happened: i64, data: Value) -> CloudEvent {
    CloudEvent::new(EventId::of_facts(at(happened), &[kind]), "/parvis/test", kind, subject, at(happened), data)
}

fn session(happened: i64, ends: i64) -> CloudEvent {
    let data = json!({ "session": "s", "owner": "ada", "starts_at": at(0), "ends_at": at(ends) });
    event(STARTED, "session/s", happened, data)
}

fn booking(kind: &str, happened: i64, starts: i64) -> CloudEvent {
    let mut data = Catalog::load().unwrap().kind(kind).unwrap().examples[0].clone();
    data["owner"] = json!("ada");
    data["slot"] = json!({ "start": at(starts), "end": at(starts + 60) });
    event(kind, "booking/b", happened, data)
}

#[tokio::test]
async fn a_reminder_that_is_written_before_its_event_counts_is_told() {
    let house = post().await;
    house.ada(false).await;
    let started = session(0, 30);
    for due in parvis_notices::due::reminders(house.notifier.writer.catalog.kind(STARTED).unwrap(), &started) {
        house.store.await_moment(&due, at(0)).await.unwrap();
    }
    // The sandbox was killed between the two writes, or the run comes between them.
    assert_eq!(house.remind(15).await, (1, vec!["sms parking.session.ending".to_owned()]));
    house.store.supersede("session/s", &EventId::of_facts(at(-5), &["older"]), &[], at(16)).await.unwrap();
    assert_eq!(house.remind(25).await.0, 1, "an older event replaces nothing");
}

#[tokio::test]
async fn a_change_between_the_moment_and_the_run_does_not_drop_the_reminder_of_the_same_deadline() {
    let house = post().await;
    house.ada(false).await;
    house.tell(&booking(CONFIRMED, -60, 90)).await;
    house.tell(&booking(CHANGED, 31, 90)).await;
    house.sent();
    assert_eq!(house.remind(32).await, (1, vec!["sms booking.soon".to_owned()]), "an hour before it was at minute 30");
    assert_eq!(house.remind(33).await.0, 0, "once");

    let moved = post().await;
    moved.ada(false).await;
    moved.tell(&booking(CONFIRMED, -60, 90)).await;
    moved.tell(&booking(CHANGED, 31, 200)).await;
    assert_eq!(moved.remind(32).await.0, 0, "the deadline has moved");
    assert_eq!(moved.remind(140).await.0, 1);
}

#[tokio::test]
async fn what_quiet_hours_hold_back_is_written_when_they_are_over() {
    const SEVEN: i64 = 9 * 60;
    let house = post().await;
    house.ada(true).await;
    house.tell(&booking(CONFIRMED, -60, SEVEN + 30)).await;
    house.sent();
    assert_eq!(house.remind(SEVEN - 30).await, (1, vec![]), "half past six: it waits");
    assert_eq!(house.remind(SEVEN).await, (1, vec!["sms booking.soon".to_owned()]));
    assert_eq!(house.remind(SEVEN + 1).await, (0, vec![]));
}

#[tokio::test]
async fn what_is_cancelled_in_quiet_hours_is_not_reminded_of_when_they_are_over() {
    const SEVEN: i64 = 9 * 60;
    let house = post().await;
    house.ada(true).await;
    house.tell(&booking(CONFIRMED, -60, SEVEN + 30)).await;
    house.sent();
    assert_eq!(house.remind(SEVEN - 30).await, (1, vec![]));
    house.tell(&booking(CANCELLED, SEVEN - 10, SEVEN + 30)).await;
    assert_eq!(house.remind(SEVEN).await.1, ["sms booking.cancelled"], "held as well, and still true");
}

#[tokio::test]
async fn a_wish_that_is_ended_in_quiet_hours_is_not_told_when_they_are_over() {
    let house = post().await;
    house.ada(true).await;
    let watch = Watch {
        id: "w".to_owned(),
        person: "ada".to_owned(),
        subject: "place/gare".to_owned(),
        place: "gare".to_owned(),
        zone: None,
        when: When::Saturated,
        channels: vec![Channel::Sms],
        confirmed: true,
        created_at: at(0),
    };
    house.store.put_watch(&watch).await.unwrap();
    // Alerts are of use for two hours.
    let raised = |happened: i64| {
        let data = json!({
            "place": "gare", "zone": null, "level": "saturated", "previous": "busy", "occupancy_rate": 90.0, "occupied": 18,
            "total": 20, "threshold": 85.0, "at": at(happened),
        });
        event("parvis.parking.alert.raised", "place/gare", happened, data)
    };
    house.tell(&raised(8 * 60)).await;
    assert!(house.letters.posted().iter().all(|letter| letter.to.channel() == "topic"), "held");
    assert_eq!(house.remind(9 * 60).await.1, ["sms parking.alert.raised"]);

    house.tell(&raised(8 * 60 + 30)).await;
    house.sent();
    house.store.drop_watch(&watch).await.unwrap();
    assert_eq!(house.remind(9 * 60 + 1).await, (0, vec![]));
}

#[tokio::test]
async fn what_cannot_be_read_stops_nobody() {
    let house = post().await;
    house.ada(false).await;
    house.tell(&session(0, 30)).await;
    house.sent();
    for shard in 0..SHARDS {
        let bucket = format!("due#{}#{shard}", minute(at(15)).to_rfc3339_opts(SecondsFormat::Secs, true));
        house.put(&bucket, "broken", "{\"at\": 1}").await;
    }
    let reminded = house.notifier.remind(at(15), at(15)).await.unwrap();
    assert_eq!((reminded.told, reminded.broken), (1, u64::from(SHARDS)));
    assert_eq!(house.store.last_run().await.unwrap(), Some(at(15)), "the run is completed");

    // A person, a wish and a webhook that are no longer what they were.
    house.put("person#eve", "profile", "{\"preferences\": 7}").await;
    house.put("watch#place/gare", "broken", "[]").await;
    house.put("webhooks", "broken", "{}").await;
    let mut other = session(16, 60);
    other.data["owner"] = json!("eve");
    let planned = house.notifier.plan(&other, at(16)).await.unwrap();
    assert_eq!((planned.unreadable, planned.reminders), (1, 2));
}

#[tokio::test]
async fn a_run_ahead_of_the_clock_does_not_make_later_ones_pass_over_what_is_written_meanwhile() {
    let house = post().await;
    house.ada(false).await;
    house.notifier.remind(at(60), at(0)).await.unwrap();
    house.tell(&session(1, 30)).await;
    house.sent();
    // No run for half an hour: the next one reads from the clock's time on.
    let reminded = house.notifier.remind(at(26), at(26)).await.unwrap();
    assert_eq!((reminded.told, reminded.too_late), (1, 1));
}

#[tokio::test]
async fn letters_of_odd_characters_are_posted_and_webhooks_have_a_queue_of_their_own() {
    let house = post().await;
    house.ada(false).await;
    let mut hook = Webhook {
        id: "w".to_owned(),
        name: "w".to_owned(),
        url: "https://signs.example.org/".to_owned(),
        secret: secret([1; 32]),
        filter: Filter { types: vec!["parvis.booking.".to_owned()], ..Filter::default() },
        active: true,
        failing_since: None,
        turned_off: None,
        owner: "m".to_owned(),
        created_at: at(0),
        version: 0,
    };
    house.store.save_webhook(&mut hook).await.unwrap();
    let mut event = booking(CANCELLED, 0, 600);
    event.data["title"] = json!("Point \u{ffff}\u{fffe}");
    let planned = house.notifier.plan(&event, at(0)).await.unwrap();
    assert_eq!((planned.unpostable, planned.letters), (0, 2));
    assert_eq!(house.sent(), ["sms booking.cancelled"]);
    let told: Vec<Letter> = house.hooks.posted();
    assert!(told.len() == 1 && !told[0].body.contains("Point"), "{told:?}");
}
