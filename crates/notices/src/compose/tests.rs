//! What readers get of events.

use std::collections::BTreeSet;

use parvis_events::EventId;

use super::*;
use crate::person::{Preferences, QuietHours};

fn writer() -> Writer {
    let house = House {
        language: Language::French,
        timezone: chrono_tz::Europe::Paris,
        web_url: Some("https://d111111abcdef8.cloudfront.net/".to_owned()),
        api_url: Some("https://api.parvis.example".to_owned()),
        links: LinkKey::new("0123456789abcdef").unwrap(),
    };
    Writer { catalog: Catalog::load().unwrap(), texts: Texts::load().unwrap(), house }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn event(kind: &str) -> CloudEvent {
    let time = at("2026-07-12T21:00:00Z");
    let data = writer().catalog.kind(kind).unwrap().examples[0].clone();
    CloudEvent::new(EventId::of_facts(time, &[kind]), "/parvis/test", kind, "test/1", time, data)
}

fn ada() -> Person {
    let address = |channel, to| {
        let mut address = Address::new(channel, to).unwrap();
        address.verified_at = Some(at("2026-01-01T00:00:00Z"));
        address
    };
    let unproven = Address::new(Channel::Email, "other@example.org").unwrap();
    let addresses = vec![address(Channel::Sms, "+33639980001"), address(Channel::Email, "ada@example.org"), unproven];
    Person { addresses, ..Person::new("ada") }
}

fn composed(kind: &str, person: &Person) -> Composed {
    let (writer, event) = (writer(), event(kind));
    let kind = writer.catalog.kind(kind).unwrap();
    writer.to_person(&Occasion::of_event(&event, kind).unwrap(), person, None, event.time).unwrap()
}

fn ways(letters: &[Letter]) -> Vec<&str> {
    letters.iter().map(|letter| letter.to.channel()).collect()
}

#[test]
fn a_person_is_told_at_proven_addresses_by_the_usual_channels_or_their_own() {
    let usual = composed("parvis.booking.cancelled", &ada());
    assert_eq!((ways(&usual.letters), usual.held), (vec!["email"], None));
    let mut own = ada();
    own.preferences.channels.insert("bookings".to_owned(), BTreeSet::from([Channel::Sms]));
    own.preferences.language = Some(Language::English);
    let letters = composed("parvis.booking.cancelled", &own).letters;
    assert_eq!((ways(&letters), letters[0].body.starts_with("Parvis: cancelled")), (vec!["sms"], true));
    own.preferences.channels.insert("bookings".to_owned(), BTreeSet::new());
    let silent = composed("parvis.booking.cancelled", &own);
    assert!(
        silent.letters.is_empty() && silent.note.subject.starts_with("Cancelled"),
        "the list tells it all the same"
    );
}

#[test]
fn a_wish_goes_its_own_ways_less_what_is_silenced() {
    let (writer, event) = (writer(), event("parvis.parking.alert.raised"));
    let kind = writer.catalog.kind(&event.kind).unwrap();
    let told = |person: &Person, wished: &[Channel]| {
        let occasion = Occasion::of_event(&event, kind).unwrap();
        ways(&writer.to_person(&occasion, person, Some(wished), event.time).unwrap().letters).join(" ")
    };
    let mut own = ada();
    own.preferences.channels.insert("alerts".to_owned(), BTreeSet::from([Channel::Email]));
    assert_eq!(told(&own, &[Channel::Sms]), "sms", "what is told without a wish does not replace it");
    own.preferences.silence("alerts", Channel::Email);
    assert_eq!(told(&own, &[Channel::Sms, Channel::Email]), "sms");
}

#[test]
fn an_email_opens_the_right_page_and_tells_the_way_out() {
    let letter = composed("parvis.booking.cancelled", &ada()).letters.remove(0);
    assert!(letter.body.contains("https://d111111abcdef8.cloudfront.net/#/bookings/mine"), "{}", letter.body);
    let Destination::Email { unsubscribe: Some(link), one_click: Some(click), .. } = &letter.to else {
        panic!("{letter:?}")
    };
    assert!(letter.body.ends_with(link.as_str()), "{}", letter.body);
    let token = link.split("token=").nth(1).unwrap();
    assert_eq!(click, &format!("https://api.parvis.example/v1/unsubscribe/{token}"));
    let what = writer().house.links.read(token).unwrap();
    assert_eq!((what.person.as_str(), what.category.as_str(), what.channel), ("ada", "bookings", Channel::Email));
}

#[test]
fn an_sms_to_a_visitor_tells_the_way_out_at_the_cost_of_one_part_at_most() {
    let mut address = Address::new(Channel::Sms, "+33639980001").unwrap();
    address.verified_at = Some(at("2026-01-01T00:00:00Z"));
    let visitor = Person::new(format!("{}{}", crate::person::VISITOR, address.digest()));
    let mut visitor = Person { addresses: vec![address], ..visitor };
    let writer = writer();
    for kind in ["parvis.parking.alert.raised", "parvis.parking.alert.cleared"] {
        for language in Language::ALL {
            visitor.preferences.language = Some(language);
            let event = event(kind);
            let occasion = Occasion::of_event(&event, writer.catalog.kind(kind).unwrap()).unwrap();
            let told = writer.to_person(&occasion, &visitor, Some(&[Channel::Sms]), event.time).unwrap();
            let body = &told.letters[0].body;
            let token = body.split("#/stop?t=").nth(1).unwrap();
            assert_eq!(writer.house.links.read(token).unwrap().person, visitor.subject);
            assert!(crate::sms::parts(body) <= 2, "{body}");
        }
    }
    let own = composed("parvis.parking.session.ended", &ada()).letters;
    assert!(own.iter().all(|letter| !letter.body.contains("#/stop")), "who has a login has a page");
}

#[test]
fn quiet_hours_hold_back_what_is_loud_and_not_urgent() {
    let mut quiet = ada();
    let hours: QuietHours = serde_json::from_value(json!({ "from": "22:00", "to": "07:00" })).unwrap();
    let loud = BTreeSet::from([Channel::Sms, Channel::Email]);
    quiet.preferences = Preferences {
        quiet: Some(hours),
        channels: [("bookings".to_owned(), loud.clone()), ("parking".to_owned(), loud)].into(),
        ..Preferences::default()
    };
    // 23:00 in Paris. A cancelled booking is of use for a day, an expired session for a quarter of an hour, and urgent.
    let cancelled = composed("parvis.booking.cancelled", &quiet);
    assert_eq!(ways(&cancelled.letters), ["email"]);
    assert_eq!(cancelled.held, Some(at("2026-07-13T05:00:00Z")));
    assert_eq!(ways(&composed("parvis.parking.session.ended", &quiet).letters), ["sms", "email"]);
    let started = composed("parvis.parking.session.started", &quiet);
    assert_eq!((ways(&started.letters), started.held), (vec!["email"], None), "useless in the morning");
    assert_eq!(started.note.channels, [Channel::Email]);
}

#[test]
fn the_same_occasion_has_the_same_keys_and_others_have_others() {
    let keys = |kind: &str| composed(kind, &ada()).letters.iter().map(|letter| letter.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys("parvis.booking.cancelled"), keys("parvis.booking.cancelled"));
    assert_ne!(keys("parvis.booking.cancelled"), keys("parvis.booking.released"));
}

#[test]
fn webhooks_hear_what_the_schema_lets_out() {
    let (writer, mut event) = (writer(), event("parvis.booking.confirmed"));
    event.data["guests"] = json!([{ "name": "Élise", "email": "elise@example.org" }]);
    let letter = writer.to_webhook(&event, writer.catalog.kind(&event.kind).unwrap(), "w").unwrap();
    let told: Value = serde_json::from_str(&letter.body).unwrap();
    assert_eq!((&told["id"], &told["data"]["slot"]), (&json!(event.id), &event.data["slot"]));
    for field in ["owner", "guests", "title"] {
        assert_eq!(told["data"][field], Value::Null, "{field}");
    }
}

#[test]
fn a_reminder_tells_the_minutes_that_are_left() {
    let (writer, event) = (writer(), event("parvis.parking.session.started"));
    let occasion = Occasion::of_text(&writer.catalog, &event, "parking.session.ending", event.time, Some(15)).unwrap();
    let left = |seconds| occasion.minutes_left(event.time + TimeDelta::seconds(seconds)).unwrap();
    assert_eq!([0, 1, 60, 61, 440, 899, 901, -30].map(left), [15, 15, 14, 14, 8, 1, 0, 15]);
    assert_eq!(occasion.useful_until(), event.time + TimeDelta::minutes(10));
}

#[test]
fn alerts_are_broadcast_with_what_subscribers_filter_by() {
    let (writer, event) = (writer(), event("parvis.parking.alert.raised"));
    let letter = writer.to_topic(&event, writer.catalog.kind(&event.kind).unwrap()).unwrap().unwrap();
    let Destination::Topic { attributes, .. } = &letter.to else { panic!("{letter:?}") };
    let attributes: Vec<_> = attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let wanted = ["language=fr", "level=saturated", "place=default", "type=parvis.parking.alert.raised", "zone=Zone_A"];
    assert_eq!(attributes, wanted);
    let own = self::event("parvis.booking.confirmed");
    assert_eq!(writer.to_topic(&own, writer.catalog.kind(&own.kind).unwrap()).unwrap(), None);
}
