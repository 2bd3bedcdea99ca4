//! The table of notifications, with a DynamoDB in the process.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use chrono::{DateTime, Utc};
use parvis_events::{CloudEvent, EventId};
use parvis_mailroom::letters::{Claim, Search, State};
use parvis_mailroom::{Bucket, NoticeStore, StoreError, Unreachable};
use parvis_notices::compose::Note;
use parvis_notices::due::{Due, SHARDS, Waiting, minute};
use parvis_notices::limits::Charge;
use parvis_notices::watch::{Watch, When};
use parvis_notices::{Destination, Language, Letter, Person};
use serde_json::json;

async fn store() -> NoticeStore {
    NoticeStore::new(parvis_test_tables::start(&["notices"]).await.unwrap(), "notices")
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_040 + seconds, 0).unwrap()
}

fn letter(number: u32, seconds: i64) -> Letter {
    let to = Destination::Sms { number: format!("+336399800{number:02}") };
    Letter {
        key: Letter::key("event", &to),
        at: at(seconds),
        useful_until: at(600),
        person: Some("ada".to_owned()),
        category: "parking".to_owned(),
        text: "parking.session.ending".to_owned(),
        language: Language::English,
        event: "01KTNXYMG0YWA7GY2PH13BBEA2".to_owned(),
        to,
        subject: "s".to_owned(),
        body: "b".to_owned(),
    }
}

#[tokio::test]
async fn a_letter_is_claimed_by_one_and_taken_over_when_its_holder_has_died() {
    let store = store().await;
    let letter = letter(1, 0);
    let claim = |now, lease| store.claim(&letter, at(now), at(lease));
    assert_eq!(claim(0, 30).await.unwrap(), Claim::Granted(1));
    assert_eq!(claim(29, 60).await.unwrap(), Claim::Busy);
    assert_eq!(claim(31, 60).await.unwrap(), Claim::Granted(2), "the lease has lapsed");
    store.conclude(&letter, State::Sending, Some("SNS: Throttling"), at(32)).await.unwrap();
    assert_eq!(claim(33, 60).await.unwrap(), Claim::Granted(3), "what failed is free at once");
    store.conclude(&letter, State::Sent, None, at(34)).await.unwrap();
    assert_eq!(claim(1_000, 1_030).await.unwrap(), Claim::Done);
}

#[tokio::test]
async fn of_many_at_once_one_is_granted() {
    let store = store().await;
    let letter = letter(1, 0);
    let claims: Vec<_> = (0..20)
        .map(|_| {
            let (store, letter) = (store.clone(), letter.clone());
            tokio::spawn(async move { store.claim(&letter, at(0), at(30)).await.unwrap() })
        })
        .collect();
    let mut granted = 0;
    for claim in claims {
        granted += usize::from(matches!(claim.await.unwrap(), Claim::Granted(_)));
    }
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn the_log_is_searched_and_read_page_by_page_and_tells_no_addresses() {
    let store = store().await;
    for number in 1..=5 {
        let letter = letter(number, i64::from(number));
        store.claim(&letter, at(10), at(40)).await.unwrap();
        let (state, reason) = if number == 3 { (State::Dropped, Some("too late")) } else { (State::Sent, None) };
        store.conclude(&letter, state, reason, at(11)).await.unwrap();
    }
    let day = at(0).date_naive();
    let (first, next) = store.log(day, &Search::default(), None, 2).await.unwrap();
    assert_eq!(first.iter().map(|line| line.at).collect::<Vec<_>>(), [at(5), at(4)], "newest first");
    let (rest, end) = store.log(day, &Search::default(), next.as_deref(), 10).await.unwrap();
    assert_eq!((rest.len(), end), (3, None));
    let late = Search { words: Some("TOO late".to_owned()), ..Search::default() };
    let (found, _) = store.log(day, &late, None, 10).await.unwrap();
    assert_eq!((found.len(), found[0].state, found[0].attempts), (1, State::Dropped, 1));
    assert!(!format!("{found:?}").contains("+3363998"), "{found:?}");
    let other = Search { person: Some("eve".to_owned()), ..Search::default() };
    assert!(store.log(day, &other, None, 10).await.unwrap().0.is_empty());
}

/// The parts of a day are one log: more lines than are read at a time come once each, in one order, from page to page.
#[tokio::test]
async fn a_long_log_is_one_from_its_newest_line_to_its_oldest() {
    const LINES: u32 = 1_000;
    let store = store().await;
    for number in 0..LINES {
        let letter = Letter { key: format!("key {number}"), ..letter(1, i64::from(number)) };
        store.claim(&letter, at(10), at(40)).await.unwrap();
    }
    let (mut found, mut before) = (Vec::new(), Some(String::new()));
    while let Some(place) = before {
        let (lines, next) = store.log(at(0).date_naive(), &Search::default(), Some(&place), 90).await.unwrap();
        found.extend(lines.iter().map(|line| line.at));
        before = next;
    }
    assert_eq!(found, (0..i64::from(LINES)).rev().map(at).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_address_is_left_alone_whatever_the_case_of_its_letters() {
    let store = store().await;
    store.suppress("Ada@Example.org", Unreachable::Unwanted, "its owner complained", at(0)).await.unwrap();
    let found = store.suppression("ada@example.org", at(1)).await.unwrap().unwrap();
    assert_eq!((found.why, found.since), (Unreachable::Unwanted, at(0)));
    store.pardon("ADA@example.org").await.unwrap();
    assert_eq!(store.suppression("Ada@Example.org", at(1)).await.unwrap(), None);
}

#[tokio::test]
async fn limits_are_not_passed_by_many_at_once() {
    let store = store().await;
    let spend = |_| {
        let store = store.clone();
        let charge = Charge { counter: "+33".to_owned(), amount: 2, most: 9 };
        tokio::spawn(async move { store.spend(&charge, at(0)).await.unwrap() })
    };
    let mut allowed = 0;
    for spent in (0..10).map(spend).collect::<Vec<_>>() {
        allowed += usize::from(spent.await.unwrap());
    }
    assert_eq!(allowed, 4);
    assert!(!store.spend(&Charge { counter: "x".to_owned(), amount: 3, most: 2 }, at(0)).await.unwrap());
    let charge = Charge { counter: "+33".to_owned(), amount: 2, most: 9 };
    assert!(store.spend(&charge, at(86_400)).await.unwrap(), "another day");
}

#[tokio::test]
async fn what_waits_is_found_in_its_minute_and_the_newest_event_counts() {
    let store = store().await;
    let event = |name: &str, seconds| {
        let id = EventId::of_facts(at(seconds), &[name]);
        CloudEvent::new(id, "/parvis/payments", "parvis.parking.session.started", "session/s", at(seconds), json!({}))
    };
    let (first, second) = (event("a", 0), event("b", 5));
    let reminder = |event: &CloudEvent, seconds| Due {
        at: at(seconds),
        what: Waiting::Reminder { event: event.clone(), text: "t".to_owned(), minutes: 5 },
    };
    let due = reminder(&first, 90);
    store.await_moment(&due, at(0)).await.unwrap();
    store.await_moment(&due, at(0)).await.unwrap();
    let late = reminder(&second, -400);
    store.await_moment(&late, at(95)).await.unwrap();
    let mut found = Vec::new();
    for shard in 0..SHARDS {
        found.extend(store.waiting(minute(at(90)), shard).await.unwrap().entries);
    }
    assert_eq!(found.len(), 2, "once each; what comes late stands where the next run looks");
    for entry in &found {
        store.settle(entry).await.unwrap();
    }
    for shard in 0..SHARDS {
        assert_eq!(store.waiting(minute(at(90)), shard).await.unwrap(), Bucket::default());
    }
    assert_eq!(store.standing("session/s").await.unwrap(), None);
    store.supersede("session/s", &second.id, &["mark".to_owned()], at(0)).await.unwrap();
    store.supersede("session/s", &first.id, &[], at(0)).await.unwrap();
    let standing = store.standing("session/s").await.unwrap().unwrap();
    assert_eq!((standing.event.as_str(), standing.passed), (second.id.as_str(), vec!["mark".to_owned()]), "not older");
}

/// A deployment may have written entries that this one cannot read: the others are told all the same.
#[tokio::test]
async fn an_entry_that_cannot_be_read_does_not_stop_those_beside_it() {
    let client = parvis_test_tables::start(&["notices"]).await.unwrap();
    let store = NoticeStore::new(client.clone(), "notices");
    let event = CloudEvent::new(EventId::of_facts(at(0), &["a"]), "/parvis/p", "k", "s/1", at(0), json!({}));
    let due = Due { at: at(90), what: Waiting::Reminder { event, text: "t".to_owned(), minutes: 5 } };
    store.await_moment(&due, at(0)).await.unwrap();
    let bucket = format!("due#{}#{}", minute(at(90)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true), due.shard());
    for (name, body) in [("broken", "{\"at\": 1}"), ("foreign", "not json")] {
        let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
        let put = client.put_item().table_name("notices").item("pk", text(&bucket)).item("sk", text(name));
        put.item("body", text(body)).send().await.unwrap();
    }
    let found = store.waiting(minute(at(90)), due.shard()).await.unwrap();
    assert_eq!((found.entries.len(), found.unreadable), (1, 2));
    assert_eq!(found.entries[0].due, due);
}

#[tokio::test]
async fn two_who_change_a_person_at_once_do_not_undo_each_other() {
    let store = store().await;
    let mut one = store.person("ada").await.unwrap();
    assert_eq!(one, Person::new("ada"));
    let mut other = one.clone();
    store.save_person(&mut one).await.unwrap();
    assert_eq!(one.version, 1);
    assert!(matches!(store.save_person(&mut other).await, Err(StoreError::Changed)));
    let mut again = store.person("ada").await.unwrap();
    store.save_person(&mut again).await.unwrap();
    assert_eq!(store.person("ada").await.unwrap().version, 2);
}

#[tokio::test]
async fn notes_are_listed_newest_first_and_watches_by_what_they_are_about() {
    let store = store().await;
    for number in 0..5 {
        let note = Note {
            id: format!("n{number}"),
            person: "ada".to_owned(),
            at: at(number),
            category: "parking".to_owned(),
            kind: "k".to_owned(),
            subject: "s".to_owned(),
            body: "b".to_owned(),
            link: None,
            channels: vec![],
        };
        store.put_note(&note).await.unwrap();
    }
    let ids = |page: &parvis_mailroom::Page<Note>| page.items.iter().map(|note| note.id.clone()).collect::<Vec<_>>();
    let first = store.notes("ada", None, 3).await.unwrap();
    assert_eq!(ids(&first), ["n4", "n3", "n2"]);
    let rest = store.notes("ada", first.next.as_deref(), 3).await.unwrap();
    assert_eq!((ids(&rest), rest.next), (vec!["n1".to_owned(), "n0".to_owned()], None));

    let mut watch = Watch {
        id: "w".to_owned(),
        person: "ada".to_owned(),
        subject: "place/gare".to_owned(),
        place: "gare".to_owned(),
        zone: None,
        when: When::HasPlaces,
        channels: vec![],
        confirmed: false,
        created_at: at(0),
    };
    store.put_watch(&watch).await.unwrap();
    assert!(store.watches_about("place/gare").await.unwrap().is_empty(), "not before it is confirmed");
    watch.confirmed = true;
    store.put_watch(&watch).await.unwrap();
    assert_eq!(store.watches_about("place/gare").await.unwrap(), std::slice::from_ref(&watch));
    assert_eq!(store.watches_of("ada").await.unwrap(), std::slice::from_ref(&watch));
    store.drop_watch(&watch).await.unwrap();
    assert!(
        store.watches_of("ada").await.unwrap().is_empty()
            && store.watches_about("place/gare").await.unwrap().is_empty()
    );
}
