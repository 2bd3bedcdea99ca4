//! A made-up past of the demo's site, so that reports and forecasts have something to go by.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_forecasting::calendar::Holidays;
use serde_json::{Value, json};
use uuid::Uuid;

/// Weeks of it.
const WEEKS: u64 = 10;
/// Starts of bookings (local hours), their lengths in hours, and how likely each is on a usual Wednesday.
const WISHES: [(u32, u32, f64); 5] = [(9, 3, 0.45), (9, 8, 0.25), (13, 2, 0.3), (14, 4, 0.3), (18, 1, 0.12)];

/// What is booked of a kind, compared with desks.
fn appeal(kind: &str) -> f64 {
    match kind {
        "desk" => 1.0,
        "room" => 0.8,
        "shared" => 0.5,
        "parking" => 0.9,
        _ => 0.3,
    }
}

/// Mondays and Fridays are worked at home by more people; on public holidays hardly anybody works.
fn of_day(day: NaiveDate) -> f64 {
    let of_weekday = [0.7, 1.1, 1.0, 1.1, 0.6, 0.25, 0.0][day.weekday().num_days_from_monday() as usize];
    if Holidays::France.on(day).is_some() { 0.1 * of_weekday } else { of_weekday }
}

/// Even in 0 to 1, and the same for the same bits: a demo that is set up twice has the same past. (SplitMix64.)
fn chance(bits: u64) -> f64 {
    let mut x = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The bookings of each resource on each day of the last weeks that was over before `now`, as the API takes past bookings.
pub(super) fn bookings(resources: &[Value], zone: Tz, now: DateTime<Utc>) -> Vec<Value> {
    let today = now.with_timezone(&zone).date_naive();
    let days = (1..=WEEKS * 7).rev().filter_map(|back| today.checked_sub_days(Days::new(back)));
    let mut all = Vec::new();
    for day in days {
        for (place, resource) in resources.iter().enumerate() {
            all.extend(day_of(resource, place as u64, day, zone));
        }
    }
    all
}

/// One wish after the other, each beginning when the one before has ended.
fn day_of(resource: &Value, place: u64, day: NaiveDate, zone: Tz) -> Vec<Value> {
    let (Some(id), Some(kind)) = (resource["id"].as_str(), resource["kind"].as_str()) else { return Vec::new() };
    let likely = appeal(kind) * of_day(day);
    let hourly = resource["rates"]["standard"]["hour"].as_i64().unwrap_or(0);
    let mut free_from = 0;
    let mut bookings = Vec::new();
    for (number, (hour, hours, share)) in WISHES.into_iter().enumerate() {
        let bits = (day.num_days_from_ce() as u64) << 24 | place << 8 | (number as u64) << 4;
        if hour < free_from || chance(bits) >= share * likely {
            continue;
        }
        let local = day.and_hms_opt(hour, 0, 0).and_then(|at| at.and_local_timezone(zone).earliest());
        let Some(start) = local.map(|at| at.to_utc()) else { continue };
        let ended = match chance(bits | 1) {
            share if share < 0.05 => "noshow",
            share if share < 0.12 => "cancelled",
            _ => "fulfilled",
        };
        if ended != "cancelled" {
            free_from = hour + hours;
        }
        let cents = if ended == "cancelled" { 0 } else { hourly * i64::from(hours) };
        bookings.push(json!({
            "id": Uuid::from_u64_pair(0x7061_7374_0000_4000 | (day.num_days_from_ce() as u64) << 16 & 0xffff_0000, 0x8000_0000_0000_0000 | bits),
            "resource": id,
            "slot": { "start": start, "end": start + TimeDelta::hours(i64::from(hours)) },
            "ended": ended,
            "total": { "cents": cents, "currency": "EUR" },
        }));
    }
    bookings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_past_is_over_has_weekdays_and_is_always_the_same() {
        let resources: Vec<Value> = (0..20)
            .map(|n| json!({ "id": format!("d{n}"), "kind": "desk", "rates": { "standard": { "hour": 500 } } }))
            .collect();
        let now: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
        let past = bookings(&resources, chrono_tz::Europe::Paris, now);
        assert_eq!(past, bookings(&resources, chrono_tz::Europe::Paris, now));
        let ids: BTreeSet<&str> = past.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), past.len());
        let at = |one: &Value, end: &str| one["slot"][end].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        assert!(past.iter().all(|one| at(one, "end") <= now && at(one, "start") > now - TimeDelta::days(71)));
        let on = |weekday| past.iter().filter(|one| at(one, "start").weekday() == weekday).count();
        assert!(on(chrono::Weekday::Tue) > on(chrono::Weekday::Fri) && on(chrono::Weekday::Sun) == 0);
        assert!((1000..3000).contains(&past.len()), "{}", past.len());
        // 11 November was a Wednesday: forecasts know that it is a public holiday, and the site's guests know it too.
        let wednesday =
            |date: &str| past.iter().filter(|one| one["slot"]["start"].as_str().unwrap().starts_with(date)).count();
        assert!(5 * wednesday("2026-11-11") < wednesday("2026-11-04"), "{}", wednesday("2026-11-11"));
    }
}
