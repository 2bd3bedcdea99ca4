//! Clock changes from the request to the feed, in a zone that changes by an hour, on the other side of the Atlantic, and in one of
//! the southern hemisphere that changes by half an hour: what was asked for by the local clock is shown by the local clock.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::{America::New_York, Australia::Lord_Howe, Europe::Paris, Tz};
use serde_json::{Value, json};

use crate::calendars::instances;
use crate::support::{ANNE, Platform, at, set_now};

/// The days on which clocks change in 2026.
const CHANGES: [(Tz, &str); 6] = [
    (Paris, "2026-03-29"),
    (Paris, "2026-10-25"),
    (New_York, "2026-03-08"),
    (New_York, "2026-11-01"),
    (Lord_Howe, "2026-04-05"),
    (Lord_Howe, "2026-10-04"),
];

/// A room that is open from eight to six by the clocks of `zone`, some days before they change.
async fn room_before(zone: Tz, change: NaiveDate) -> Platform {
    let platform = Platform::start().await;
    set_now(&format!("{}T00:00:00Z", change - Days::new(10)));
    platform.put("/v1/sites/there", json!({ "name": "There", "timezone": zone.name() })).await;
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let opening = json!({ "weekly": [{ "days": days, "from": "08:00:00", "until": "18:00:00" }] });
    platform.room("dirac", json!({ "site": "there", "opening": opening })).await;
    platform
}

fn local(zone: Tz, instant: &Value) -> NaiveDateTime {
    at(instant.as_str().unwrap()).with_timezone(&zone).naive_local()
}

fn spans(all: &Value) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let all = all.as_array().unwrap().iter();
    all.map(|one| (at(one["start"].as_str().unwrap()), at(one["end"].as_str().unwrap()))).collect()
}

#[tokio::test]
async fn series_keep_their_local_time_and_every_reader_of_the_feed_sees_the_same_instants() {
    for (zone, change) in CHANGES {
        let change: NaiveDate = change.parse().unwrap();
        let platform = room_before(zone, change).await;
        let start = (change - Days::new(2)).and_hms_opt(9, 0, 0).unwrap();
        let recurrence =
            json!({ "local_start": start, "timezone": zone.name(), "minutes": 90, "rule": "FREQ=DAILY;COUNT=5" });
        let body = json!({ "recurrence": recurrence, "items": [{ "resource": "dirac" }], "title": "Daily" });
        let made = platform.write(ANNE, "POST", "/v1/series", body).await.ok();
        let told: Vec<Value> = made["occurrences"].as_array().unwrap().iter().map(|one| one["slot"].clone()).collect();
        for (day, slot) in (0_i64..).zip(&told) {
            assert_eq!(local(zone, &slot["start"]), start + TimeDelta::days(day), "{zone} {change}");
            assert_eq!(local(zone, &slot["end"]), start + TimeDelta::days(day) + TimeDelta::minutes(90));
        }
        let told = spans(&told.into());
        assert_eq!(told.len(), 5);
        let feed = platform.get("/v1/resources/dirac/calendar.ics").await;
        assert_eq!(instances(feed.text()), told, "{zone} {change}");
        let link = platform.send("POST", "/v1/me/calendar-link", Some(ANNE), &[], None).await.ok();
        let own = platform.get(link["path"].as_str().unwrap()).await;
        assert_eq!(instances(own.text()), told, "{zone} {change}");
    }
}

#[tokio::test]
async fn a_place_opens_by_the_local_clock_on_the_day_of_the_change_too() {
    for (zone, change) in CHANGES {
        let change: NaiveDate = change.parse().unwrap();
        let platform = room_before(zone, change).await;
        let noon = |day: NaiveDate| day.and_hms_opt(12, 0, 0).unwrap().and_local_timezone(zone).unwrap().to_utc();
        let (before, after) = (change - Days::new(1), change + Days::new(1));
        let booked = json!({ "start": noon(change), "end": noon(change) + TimeDelta::hours(1) });
        platform.ask(ANNE, &["dirac"], booked, json!({})).await.ok();
        let instant = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let range = format!("from={}&to={}", instant(noon(before)), instant(noon(after)));
        let told = platform.get(&format!("/v1/availability?resource=dirac&{range}")).await.ok();
        let free: Vec<String> = told["resources"][0]["free"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| format!("{} {}", local(zone, &span["start"]), local(zone, &span["end"]).format("%H:%M")))
            .collect();
        let expected = [
            format!("{before} 12:00:00 18:00"),
            format!("{change} 08:00:00 12:00"),
            format!("{change} 13:00:00 18:00"),
            format!("{after} 08:00:00 12:00"),
        ];
        assert_eq!(free, expected, "{zone} {change}");
    }
}
