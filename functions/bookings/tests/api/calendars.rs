//! Calendars out and in, and what belongs to a person.

use calcard::icalendar::dates::TimeOrDelta;
use chrono::{DateTime, Utc};
use parvis_booking::Slot;
use parvis_booking::calendar::read_busy;
use serde_json::json;

use crate::support::{ANNE, BEN, FROM, MANAGER, Platform, at, set_now, slot};

#[tokio::test]
async fn feeds_tell_the_same_instants_as_the_api_and_no_more_than_they_should() {
    let platform = Platform::start().await;
    platform.ask(ANNE, &["arago"], slot("08:00", "09:00"), json!({ "title": "Secret, plan" })).await.ok();
    let gone = platform.book(ANNE, "arago", "10:00", "11:00").await;
    platform.act(ANNE, &gone, "cancel").await.ok();
    let range = Slot::new(at("2026-07-13T00:00:00Z"), at("2026-07-14T00:00:00Z")).unwrap();
    let public = platform.get("/v1/resources/arago/calendar.ics").await;
    assert!(public.headers["content-type"].to_str().unwrap().starts_with("text/calendar"));
    assert!(!public.text().contains("Secret"), "{}", public.text());
    let busy = read_busy(public.text(), chrono_tz::Tz::UTC, range).unwrap();
    assert_eq!(serde_json::to_value(busy[0].slot).unwrap(), slot("08:00", "09:00"));
    assert_eq!(busy.len(), 1);

    let link = platform.send("POST", "/v1/me/calendar-link", Some(ANNE), &[], None).await.ok();
    let path = link["path"].as_str().unwrap();
    assert!(platform.get(path).await.text().contains("SUMMARY:Secret\\, plan"));
    platform.send("POST", "/v1/me/calendar-link", Some(ANNE), &[], None).await.ok();
    platform.get(path).await.refused(404, "not-found");
}

/// The instances that calcard, which is not ours, reads in a feed.
pub fn instances(feed: &str) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let calendar = calcard::icalendar::ICalendar::parse(feed).unwrap();
    let expanded = calendar.expand_dates(chrono_tz::Tz::UTC, 1000);
    assert!(expanded.errors.is_empty(), "{:?}", expanded.errors);
    let mut all: Vec<_> = expanded
        .events
        .into_iter()
        .map(|event| {
            let end = match event.end {
                TimeOrDelta::Time(end) => end.to_utc(),
                TimeOrDelta::Delta(length) => event.start.to_utc() + length,
            };
            (event.start.to_utc(), end)
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_reader_that_is_not_ours_agrees_on_every_instance() {
    let platform = Platform::start().await;
    // Over the end of summer time.
    set_now("2026-10-12T06:00:00Z");
    let recurrence = json!({
        "local_start": "2026-10-13T09:00:00", "timezone": "Europe/Paris", "minutes": 45, "rule": "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=9",
    });
    let series = json!({ "recurrence": recurrence, "items": [{ "resource": "arago" }], "title": "Réunion; à suivre, très longue ligne pour le pliage des lignes d’iCalendar" });
    let made = platform.write(ANNE, "POST", "/v1/series", series).await.ok();
    let occurrence = |index: usize| json!({ "id": made["occurrences"][index]["booking"] });
    platform.act(ANNE, &occurrence(2), "cancel").await.ok();
    let path = format!("/v1/bookings/{}", occurrence(5)["id"].as_str().unwrap());
    let moved = json!({ "slot": { "start": "2026-10-29T15:00:00Z", "end": "2026-10-29T17:30:00Z" } });
    platform.write(ANNE, "PATCH", &path, moved).await.ok();
    platform.ask(ANNE, &["arago"], slot("10:00", "11:00"), json!({ "hold": true })).await.ok();

    let mut told: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for booking in platform.get_as(ANNE, "/v1/bookings").await.ok()["bookings"].as_array().unwrap() {
        if booking["state"] != "cancelled" {
            told.push((at(booking["slot"]["start"].as_str().unwrap()), at(booking["slot"]["end"].as_str().unwrap())));
        }
    }
    told.sort();
    assert_eq!(told.len(), 9);
    assert_eq!(instances(platform.get("/v1/resources/arago/calendar.ics").await.text()), told);
    let link = platform.send("POST", "/v1/me/calendar-link", Some(ANNE), &[], None).await.ok();
    assert_eq!(instances(platform.get(link["path"].as_str().unwrap()).await.text()), told);
    let invitation = platform.get_as(ANNE, &format!("{path}/invitation.ics")).await;
    assert_eq!(instances(invitation.text()), [(at("2026-10-29T15:00:00Z"), at("2026-10-29T17:30:00Z"))]);
}

#[tokio::test]
async fn an_invitation_asks_and_then_cancels() {
    let platform = Platform::start().await;
    let guests = json!([{ "name": "Élise Martin", "email": "elise@example.org" }]);
    let booked = platform.ask(ANNE, &["arago"], slot("08:00", "09:00"), json!({ "guests": guests })).await.ok();
    let path = format!("/v1/bookings/{}/invitation.ics", booked["id"].as_str().unwrap());
    let asked = platform.get_as(ANNE, &path).await;
    assert!(asked.text().contains("METHOD:REQUEST") && asked.text().contains("mailto:elise@example.org"));
    // Organizer and place are those of the mail that the event leads to.
    let told = platform.told(&booked).await;
    let place = format!("LOCATION:{}", told[0].data["location"].as_str().unwrap().replace(',', "\\,"));
    let lines: Vec<&str> = asked.text().lines().collect();
    for line in ["SEQUENCE:0", &format!("ORGANIZER;CN=Parvis:mailto:{FROM}"), &place, "LOCATION:arago\\, HQ"] {
        assert!(lines.contains(&line), "{line} is not in {lines:?}");
    }
    platform.act(ANNE, &booked, "cancel").await.ok();
    let cancelled = platform.get_as(ANNE, &path).await;
    assert!(cancelled.text().contains("METHOD:CANCEL") && cancelled.text().contains("SEQUENCE:1"));
    // Who waits has nothing to be cancelled, and who invites nobody asks nobody.
    platform.book(BEN, "arago", "10:00", "11:00").await;
    let waits = platform.ask(ANNE, &["arago"], slot("10:00", "11:00"), json!({ "waitlist": true })).await.ok();
    let path = format!("/v1/bookings/{}/invitation.ics", waits["id"].as_str().unwrap());
    let waiting = platform.get_as(ANNE, &path).await;
    assert!(waiting.text().contains("METHOD:PUBLISH") && waiting.text().contains("STATUS:TENTATIVE"));
    let smuggled = json!([{ "name": "x", "email": "a@b.org\r\nBCC:all@b.org" }]);
    let refused = platform.ask(ANNE, &["arago"], slot("08:00", "09:00"), json!({ "guests": smuggled })).await;
    refused.refused(422, "invalid");
}

#[tokio::test]
async fn busy_times_of_another_calendar_keep_others_out() {
    let platform = Platform::start().await;
    platform.book(ANNE, "arago", "08:00", "09:00").await;
    let put = async |events: &str| {
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{events}END:VCALENDAR\r\n");
        let headers = [("content-type", "text/calendar")];
        platform.send("PUT", "/v1/resources/arago/busy-calendar", Some(MANAGER), &headers, Some(text.into())).await.ok()
    };
    let weekly = "BEGIN:VEVENT\r\nUID:a\r\nDTSTART;TZID=Europe/Paris:20260713T120000\r\n\
                  DTEND;TZID=Europe/Paris:20260713T130000\r\nRRULE:FREQ=WEEKLY;COUNT=2\r\nEND:VEVENT\r\n";
    let overlapping = "BEGIN:VEVENT\r\nUID:b\r\nDTSTART:20260713T083000Z\r\nDTEND:20260713T093000Z\r\nEND:VEVENT\r\n";
    let told = put(&format!("{weekly}{overlapping}")).await;
    assert_eq!(told["imported"], 2);
    assert_eq!(told["conflicts"][0]["uid"], "b");
    platform.ask(BEN, &["arago"], slot("10:30", "11:30"), json!({})).await.refused(409, "taken");
    // The next import replaces this one.
    assert_eq!(put("").await["imported"], 0);
    platform.book(BEN, "arago", "10:30", "11:30").await;
}

#[tokio::test]
async fn habits_are_recommended_until_one_turns_that_off() {
    let platform = Platform::start().await;
    for day in ["2026-06-29", "2026-07-06"] {
        crate::support::set_now(&format!("{day}T05:00:00Z"));
        platform.book(ANNE, "curie", "08:00", "10:00").await;
        crate::support::later(8 * 60);
        platform.sweep().await;
    }
    crate::support::set_now("2026-07-12T10:00:00Z");
    platform.put_favourite(ANNE, "curie").await;
    let told = platform.get_as(ANNE, "/v1/me/recommendations").await.ok()["recommendations"].clone();
    assert_eq!(told[0]["resource"], "curie");
    assert_eq!(told[0]["slot"], json!({ "start": "2026-07-13T08:00:00Z", "end": "2026-07-13T10:00:00Z" }));
    assert_eq!(told[0]["why"], json!([{ "kind": "your_habit", "times": 2 }, { "kind": "your_favourite" }]));
    assert_eq!(platform.get_as(BEN, "/v1/me/recommendations").await.ok()["recommendations"], json!([]));
    let off = Some(json!({ "recommendations_off": true }));
    platform.send("PUT", "/v1/me/preferences", Some(ANNE), &[], off).await.ok();
    assert_eq!(platform.get_as(ANNE, "/v1/me/recommendations").await.ok()["recommendations"], json!([]));
}
