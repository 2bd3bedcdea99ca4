//! Demand for places that are booked, and what they earn.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc, Weekday};
use parvis_forecasting::{Kind, Unforecastable};
use parvis_forecasts::{Area, Outcome, Survey, Task};
use parvis_train::{survey::Surveyed, work::Done};
use tokio::time::Instant;

use crate::support::{City, hours, now, weeks};

/// A site with four desks, closed on a Tuesday ahead, and one room that is never booked.
async fn site(city: &City) {
    let pool = city.trainer.database.pool().await.unwrap();
    for statement in [
        r#"INSERT INTO booking_site (id, details) VALUES ('hq', '{"id": "hq", "name": "HQ", "timezone": "Europe/Paris", "address": null,
            "opening": {"weekly": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "08:00:00", "until": "20:00:00"}],
                        "exceptions": [{"from": "2026-03-17", "to": "2026-03-17"}]}}')"#,
        "INSERT INTO booking_policy (id, details, pad_before, pad_after) VALUES ('free', '{}', 0, 15)",
        r#"INSERT INTO booking_resource (id, site, policy, kind, capacity, features, accessible, closed, details, modified_at)
           SELECT 'desk-' || n, 'hq', 'free', 'desk', 1, '{}'::text[], false, n = 5, '{"opening": null}'::jsonb, now() FROM generate_series(1, 5) n
           UNION ALL SELECT 'room', 'hq', 'free', 'room', 8, '{}'::text[], false, false, '{"opening": null}'::jsonb, now()"#,
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(pool).await.unwrap();
    }
}

/// Books desks on each working day of some weeks: one from 09:00 to 17:00 local time, two more from 10:00 to 12:30, at 20 euros each,
/// of which one is given up and refunded by half.
async fn book(city: &City, from: DateTime<Utc>, days: i64) {
    let pool = city.trainer.database.pool().await.unwrap();
    let first = from.with_timezone(&chrono_tz::Europe::Paris).date_naive();
    for day in first.iter_days().take(days as usize).filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
    {
        for (desk, starts, ends, state) in [
            ("desk-1", "09:00", "17:00", "fulfilled"),
            ("desk-2", "10:00", "12:30", "fulfilled"),
            ("desk-3", "10:00", "12:30", "noshow"),
            ("desk-4", "10:00", "12:30", "cancelled"),
        ] {
            sqlx::query(
                r#"WITH b AS (
                     INSERT INTO booking (id, state, owner, site, zone, items, starts_at, ends_at, title, participants, guests, charge,
                                          refund, terms, usage, created_at, modified_at)
                     VALUES (gen_random_uuid(), $4, 'anne', 'hq', 'Europe/Paris', '[]',
                             ($1 || ' ' || $2)::timestamp AT TIME ZONE 'Europe/Paris', ($1 || ' ' || $3)::timestamp AT TIME ZONE 'Europe/Paris',
                             'Work', 1, '[]', '{"total": {"cents": 2000, "currency": "EUR"}}',
                             CASE WHEN $4 = 'cancelled' THEN '{"price": {"cents": 1000, "currency": "EUR"}}'::jsonb END,
                             '{}', '{}', now(), now())
                     RETURNING id, starts_at, ends_at)
                   INSERT INTO booking_slot (booking, resource, during, state)
                   SELECT b.id, r.no, tstzrange(b.starts_at, b.ends_at + interval '15 minutes'), $4
                   FROM b JOIN booking_resource r ON r.id = $5"#,
            )
            .bind(day.to_string())
            .bind(starts)
            .bind(ends)
            .bind(state)
            .bind(desk)
            .execute(pool)
            .await
            .unwrap();
        }
    }
}

/// A survey with as much time as it likes.
async fn surveyed(city: &City, at: DateTime<Utc>) -> Surveyed {
    surveyed_within(city, at, Duration::from_secs(600)).await
}

async fn surveyed_within(city: &City, at: DateTime<Utc>, time: Duration) -> Surveyed {
    let survey = Survey { survey: Area::Coworking, task: Task::Train, at };
    city.trainer.survey(&survey, Instant::now() + time).await.unwrap()
}

#[tokio::test]
async fn a_survey_finds_what_is_booked_and_forecasts_it() {
    let city = City::new().await;
    site(&city).await;
    book(&city, now() - weeks(6), 6 * 7 + 1).await;
    assert_eq!(surveyed(&city, now()).await, Surveyed { new: 3, ..Surveyed::default() });
    let demand = city.outlook("coworking/hq/desk").await;
    // The fifth desk is out of service.
    assert_eq!((&demand.definition.title[..], demand.definition.kind), ("HQ", Kind::Bounded { capacity: 4.0 }));
    let earned = city.outlook("coworking/hq/revenue-EUR").await;
    for (step, revenue) in demand.steps.iter().zip(&earned.steps) {
        let local = step.start.with_timezone(&chrono_tz::Europe::Paris);
        let closed = local.date_naive().to_string() == "2026-03-17";
        let works = !matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
        let truth = match local.hour() {
            _ if closed || !works => 0.0,
            10 | 11 => 3.0,
            12 => 2.0,
            9..17 => 1.0,
            _ => 0.0,
        };
        assert!((step.mean - truth).abs() < 0.3 && step.open != closed, "{step:?}, truth {truth}");
        // 20 at nine, two times 20 and the half of a refunded 20 at ten.
        let truth = match local.hour() {
            9 if works => 20.0,
            10 if works => 50.0,
            _ => 0.0,
        };
        assert!((revenue.mean - truth).abs() < 4.0, "{revenue:?}, truth {truth}");
    }
    // Of a room that nobody has ever booked nothing is known, which is not the same as nothing wanted.
    let nothing = city.outcome("coworking/hq/room").await;
    assert!(matches!(nothing, Outcome::Refused { reason: Unforecastable::Empty, .. }), "{nothing:?}");
    assert_eq!(surveyed(&city, now()).await, Surveyed::default());
}

#[tokio::test]
async fn an_update_takes_note_of_bookings_and_a_kind_that_is_gone_leaves_the_list() {
    let city = City::new().await;
    site(&city).await;
    book(&city, now() - weeks(4), 4 * 7).await;
    surveyed(&city, now()).await;
    let (before, later) = (city.observed("coworking/hq/desk").await.len(), now() + hours(7));
    book(&city, now(), 1).await;
    assert_eq!(city.work("coworking/hq/desk", Task::Update, later).await, Done::Updated);
    let observed = city.observed("coworking/hq/desk").await;
    assert_eq!(observed.len(), before + 7);
    // 13:00 to 20:00 in Paris: one desk until 17:00.
    let values: Vec<f64> = observed[before..].iter().map(|one| one.value).collect();
    assert_eq!(values, [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    let pool = city.trainer.database.pool().await.unwrap();
    sqlx::query("UPDATE booking_resource SET closed = true WHERE kind = 'room'").execute(pool).await.unwrap();
    assert_eq!(surveyed(&city, later).await, Surveyed { gone: 1, ..Surveyed::default() });
    assert_eq!(city.work("coworking/hq/room", Task::Update, later).await, Done::Gone);
}

#[tokio::test]
async fn a_site_without_bookings_says_so() {
    let city = City::new().await;
    site(&city).await;
    assert_eq!(surveyed(&city, now() + TimeDelta::minutes(5)).await.new, 2);
    assert!(matches!(city.outcome("coworking/hq/desk").await, Outcome::Refused { .. }));
}

#[tokio::test]
async fn past_bookings_that_are_taken_over_reach_the_forecasts_by_the_next_night() {
    let city = City::new().await;
    site(&city).await;
    // Two days of the site's own, and surveyed ever since.
    book(&city, now() - hours(96), 3).await;
    surveyed(&city, now()).await;
    let own = city.observed("coworking/hq/desk").await;
    // Then six weeks of another system are taken over, up to a day of which something is known already.
    book(&city, now() - weeks(6), 5 * 7 + 3).await;
    let night = now() + hours(14);
    city.work("coworking/hq/desk", Task::Train, night).await;
    let all = city.observed("coworking/hq/desk").await;
    let first = all.first().unwrap().at;
    assert!(first < now() - weeks(6) + hours(24), "{first}, not {}", own.first().unwrap().at);
    // An hour of every day from then on, however it became known.
    assert_eq!(all.len() as i64, (night - first).num_hours());
    // 11 o'clock in Paris of the Monday four weeks ago.
    let busy = all.iter().find(|one| one.at == now() - weeks(4) - hours(2)).unwrap();
    assert_eq!(busy.value, 3.0);
    city.work("coworking/hq/revenue-EUR", Task::Train, night).await;
    assert!(city.observed("coworking/hq/revenue-EUR").await.first().unwrap().at < now() - weeks(5));
}

#[tokio::test]
async fn a_kind_of_place_that_is_new_at_an_old_site_has_no_past() {
    let city = City::new().await;
    site(&city).await;
    book(&city, now() - weeks(4), 4 * 7).await;
    surveyed(&city, now()).await;
    // The room is booked for the first time, at one in the afternoon in Paris.
    let pool = city.trainer.database.pool().await.unwrap();
    sqlx::query(
        r#"WITH b AS (
             INSERT INTO booking (id, state, owner, site, zone, items, starts_at, ends_at, title, participants, guests, charge, terms, usage,
                                  created_at, modified_at)
             VALUES (gen_random_uuid(), 'arrived', 'anne', 'hq', 'Europe/Paris', '[]', $1, $1 + interval '2 hours', 'Work', 1, '[]',
                     '{"total": {"cents": 500, "currency": "CHF"}}', '{}', '{}', now(), now())
             RETURNING id, starts_at, ends_at)
           INSERT INTO booking_slot (booking, resource, during, state)
           SELECT b.id, r.no, tstzrange(b.starts_at, b.ends_at), 'arrived' FROM b, booking_resource r WHERE r.id = 'room'"#,
    )
    .bind(now())
    .execute(pool)
    .await
    .unwrap();
    let later = now() + hours(3);
    for (subject, expected) in [("coworking/hq/room", [1.0, 1.0, 0.0]), ("coworking/hq/revenue-CHF", [5.0, 0.0, 0.0])] {
        city.work(subject, Task::Update, later).await;
        let observed = city.observed(subject).await;
        assert_eq!(observed.first().map(|one| one.at), Some(now()), "{subject}");
        assert_eq!(observed.iter().map(|one| one.value).collect::<Vec<_>>(), expected, "{subject}");
    }
}

#[tokio::test]
async fn a_survey_that_runs_out_of_time_leaves_the_rest_to_the_planner() {
    let city = City::new().await;
    site(&city).await;
    book(&city, now() - weeks(3), 3 * 7).await;
    let late = surveyed_within(&city, now(), Duration::from_secs(10)).await;
    assert_eq!(late, Surveyed { put_off: 3, ..Surveyed::default() });
    let listed = city.store().entries("coworking/").await.unwrap();
    assert_eq!((listed.len(), listed.iter().filter(|entry| entry.outcome.is_some()).count()), (3, 0));
    // They have jobs of their own now, and the next survey does not do them too.
    assert_eq!(surveyed(&city, now() + hours(1)).await, Surveyed::default());
    assert_eq!(city.work("coworking/hq/desk", Task::Update, now() + hours(1)).await, Done::Trained);
}
