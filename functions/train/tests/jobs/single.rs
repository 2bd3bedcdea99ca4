//! Single series: what is forecast, that doing it again changes nothing, and what is said when it cannot be.

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use parvis_events::{
    CloudEvent,
    alert::{Alert, AlertLevel, EXPECTED},
    place_subject,
};
use parvis_forecasting::{Kind, Unforecastable};
use parvis_forecasts::{Outcome, Task};
use parvis_kit::{event_store::EventStore, postgres::Database};
use parvis_parking::{Block, BlockKey};
use parvis_places::{Source, Space, Zone};
use parvis_train::{handle, work::Done};
use sqlx::postgres::PgConnectOptions;

use crate::support::{City, arrivals, counter, fed, hours, now, reading, weeks};

#[tokio::test]
async fn a_car_park_is_forecast_from_its_history_and_again_changes_nothing() {
    let city = City::new().await;
    // The second counter tells its capacity itself.
    city.place("gare", vec![counter("nord", Some(100)), counter("sud", None)]).await;
    city.count("gare", "nord", now() - weeks(5), now(), 80).await;
    city.count("gare", "sud", now() - weeks(5), now(), 40).await;
    assert_eq!(city.work("parking/gare", Task::Train, now()).await, Done::Trained);
    let outlook = city.outlook("parking/gare").await;
    assert_eq!(outlook.definition.kind, Kind::Bounded { capacity: 200.0 });
    assert_eq!((outlook.origin, outlook.steps.len()), (now(), 7 * 96));
    assert!((outlook.span.0 - (now() - weeks(5))).num_minutes() <= 15, "{:?}", outlook.span);
    for step in &outlook.steps {
        let local = step.start.with_timezone(&chrono_tz::Europe::Paris).hour();
        let truth = if (8..19).contains(&local) { 124.0 } else { 16.0 };
        assert!((step.mean - truth).abs() < 12.0, "{step:?}, truth {truth}");
        assert!(step.quantiles.is_sorted() && step.quantiles.iter().all(|value| (0.0..=200.0).contains(value)));
        assert!(step.chance_below_capacity.unwrap() > 0.99);
    }
    assert_eq!(city.work("parking/gare", Task::Train, now()).await, Done::Already);
    assert_eq!(city.work("parking/gare", Task::Update, now()).await, Done::Already);
    assert_eq!(city.outlook("parking/gare").await, outlook);
}

#[tokio::test]
async fn the_hourly_update_takes_note_of_what_is_new_and_a_late_job_of_nothing() {
    let city = City::new().await;
    city.place("gare", vec![counter("nord", Some(100))]).await;
    city.count_with_swing("gare", "nord", now() - weeks(3), now(), 60, 4).await;
    // Without a model the update trains.
    assert_eq!(city.work("parking/gare/nord", Task::Update, now()).await, Done::Trained);
    // Far fewer than usual came since.
    city.count("gare", "nord", now(), now() + hours(2), 20).await;
    assert_eq!(city.work("parking/gare/nord", Task::Update, now() + hours(2)).await, Done::Updated);
    let outlook = city.outlook("parking/gare/nord").await;
    assert_eq!((outlook.origin, outlook.trained_at), (now() + hours(2), now()));
    // 60 are usual.
    assert!(outlook.steps[0].mean < 55.0, "{:?}", outlook.steps[0]);
    assert_eq!(city.work("parking/gare/nord", Task::Update, now() + hours(1)).await, Done::Already);
    assert_eq!(city.outlook("parking/gare/nord").await, outlook);
    let observed = city.observed("parking/gare/nord").await;
    assert_eq!(observed.len(), 3 * 7 * 96 + 8);
    assert!(observed.iter().rev().take(8).all(|one| (20.0..=24.0).contains(&one.value)), "{observed:?}");
}

#[tokio::test]
async fn spaces_are_counted_by_the_time_they_are_taken() {
    let city = City::new().await;
    let numbers = 1..=4_u32;
    let spaces = numbers.map(|number| Space::numbered(number.try_into().unwrap())).collect();
    let zone = Zone { source: Source::Spaces, capacity: None, spaces, ..counter("A", None) };
    city.place("lot", vec![zone]).await;
    let pool = city.trainer.database.pool().await.unwrap();
    sqlx::query("SELECT parking_ensure_partitions(ARRAY['2026-03-01'::date])").execute(pool).await.unwrap();
    let first = now() - hours(6);
    // Space 1 is taken from the beginning; 2 for ten minutes; 9 is not of the register.
    for (space, minute, kind) in
        [(1, 0, "park_start"), (2, 20, "park_start"), (2, 30, "park_end"), (9, 40, "park_start"), (3, 75, "park_start")]
    {
        sqlx::query("INSERT INTO parking_transition VALUES ('lot', 'A', $1, $2, $3, NULL, 1)")
            .bind(space)
            .bind(first + TimeDelta::minutes(minute))
            .bind(kind)
            .execute(pool)
            .await
            .unwrap();
    }
    assert_eq!(city.work("parking/lot/A", Task::Update, now()).await, Done::Refused);
    let observed: Vec<f64> = city.observed("parking/lot/A").await.iter().map(|one| one.value).collect();
    let expected = [1.0, 1.0 + 10.0 / 15.0, 1.0, 1.0, 1.0, 2.0];
    assert!(observed.iter().zip(expected).all(|(value, truth)| (value - truth).abs() < 1e-5), "{observed:?}");
    assert_eq!(observed.len(), 24);
    let Outcome::Refused { reason, at } = city.outcome("parking/lot/A").await else { panic!("a forecast of 6 hours") };
    assert_eq!((reason, at), (Unforecastable::TooShort { days: 0.25 }, now()));
}

#[tokio::test]
async fn a_new_zone_borrows_from_its_neighbours_until_it_has_a_week_of_its_own() {
    let city = City::new().await;
    let zones = ["a", "b", "c"].map(|zone| counter(zone, Some(100)));
    city.place("gare", zones.to_vec()).await;
    for (zone, most) in [("a", 60), ("b", 80)] {
        city.count("gare", zone, now() - weeks(4), now(), most).await;
        assert_eq!(city.work(&format!("parking/gare/{zone}"), Task::Train, now()).await, Done::Trained);
    }
    city.count("gare", "c", now() - hours(48), now() + weeks(1), 70).await;
    assert_eq!(city.work("parking/gare/c", Task::Update, now()).await, Done::Trained);
    let outlook = city.outlook("parking/gare/c").await;
    assert!(outlook.borrowed && (outlook.steps[0].mean - 72.0).abs() < 8.0, "{:?}", outlook.steps[0]);
    assert_eq!(city.work("parking/gare/c", Task::Update, now() + hours(1)).await, Done::Already);
    assert_eq!(city.work("parking/gare/c", Task::Update, now() + weeks(1)).await, Done::Trained);
    assert!(!city.outlook("parking/gare/c").await.borrowed);
}

#[tokio::test]
async fn a_place_that_is_gone_leaves_the_list() {
    let city = City::new().await;
    city.place("gare", vec![counter("nord", Some(100))]).await;
    city.count("gare", "nord", now() - weeks(2), now(), 60).await;
    city.work("parking/gare/nord", Task::Update, now()).await;
    city.trainer.places.delete_place(&"gare".parse().unwrap(), 1).await.unwrap();
    assert_eq!(city.work("parking/gare/nord", Task::Update, now() + hours(1)).await, Done::Gone);
    assert!(city.store().entries("parking/").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_fed_series_needs_no_database_and_its_days_are_scored() {
    let away = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1).username("nobody");
    let city = City::over(Database::with_options(away, "test")).await;
    let midnight: DateTime<Utc> = "2026-03-15T23:00:00Z".parse().unwrap();
    let definition = arrivals();
    assert_eq!(city.work("fed/arrivals", Task::Update, midnight).await, Done::Gone);
    city.store().define(&definition).await.unwrap();
    let observations = fed(midnight - weeks(6), 6 * 7 * 24 + 24);
    let (before, day) = observations.split_at(6 * 7 * 24);
    city.store().observe(&definition.subject, before, 60).await.unwrap();
    assert_eq!(city.work("fed/arrivals", Task::Train, midnight).await, Done::Trained);
    city.store().observe(&definition.subject, day, 60).await.unwrap();
    assert_eq!(city.work("fed/arrivals", Task::Update, midnight + hours(24)).await, Done::Updated);
    let scored = city.store().scored(&definition.subject, midnight.date_naive()).await.unwrap();
    assert_eq!(scored.len(), 1);
    assert_eq!((scored[0].day.to_string(), scored[0].origin, scored[0].steps), ("2026-03-16".into(), midnight, 24));
    assert!(scored[0].mae < 2.0 && scored[0].inside_95 > 0.6, "{:?}", scored[0]);
    let Outcome::Forecast { drift, expected_error, .. } = city.outcome("fed/arrivals").await else {
        panic!("no forecast")
    };
    assert!(drift.is_none() && expected_error.unwrap() < 2.0);
}

#[tokio::test]
async fn a_database_that_is_away_fails_its_jobs_only_and_they_come_again() {
    let away = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1).username("nobody");
    let city = City::over(Database::with_options(away, "test")).await;
    city.place("gare", vec![counter("nord", Some(100))]).await;
    city.store().define(&arrivals()).await.unwrap();
    city.store().observe(&arrivals().subject, &fed(now() - weeks(2), 14 * 24), 60).await.unwrap();
    let job = |subject: &str| format!(r#"{{"subject":"{subject}","task":"update","at":"2026-03-16T12:00:00Z"}}"#);
    let bodies = [job("parking/gare"), job("fed/arrivals"), "{}".to_owned(), job("nothing/of/ours")];
    let records: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(place, body)| serde_json::json!({ "messageId": place.to_string(), "body": body }))
        .collect();
    let event = || serde_json::from_value(serde_json::json!({ "Records": records.clone() })).unwrap();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(300);
    let response = handle(&city.trainer, event(), deadline).await;
    let failed: Vec<_> = response.batch_item_failures.iter().map(|one| one.item_identifier.as_str()).collect();
    assert_eq!(failed, ["0", "2", "3"]);
    assert!(matches!(city.outcome("fed/arrivals").await, Outcome::Forecast { .. }));
    // Without time left nothing is begun.
    let response = handle(&city.trainer, event(), tokio::time::Instant::now()).await;
    assert_eq!(response.batch_item_failures.len(), 4);
}

#[tokio::test]
async fn expected_saturation_is_alerted_once_and_again_only_after_it_has_become_unlikely() {
    let city = City::new().await;
    city.place("gare", vec![counter("nord", Some(100))]).await;
    // 90 of 100 from eight in the morning on, every day; seen from 06:00 in Paris.
    let morning: DateTime<Utc> = "2026-03-16T05:00:00Z".parse().unwrap();
    city.count("gare", "nord", morning - weeks(4), morning + hours(48), 90).await;
    let alerts = async || {
        let events = EventStore::new(city.dynamodb.clone(), "events");
        let found: Vec<CloudEvent<Alert>> = events.newest(&place_subject("gare"), 50, None).await.unwrap();
        found.iter().for_each(parvis_test_events::check);
        found.into_iter().filter(|event| event.data.zone.is_some()).collect::<Vec<_>>()
    };
    for quarter in 0..5 {
        city.work("parking/gare/nord", Task::Update, morning + TimeDelta::minutes(15 * quarter)).await;
    }
    let told = alerts().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let Alert { at, chance, level, threshold, .. } = &told[0].data;
    assert_eq!((told[0].kind.as_str(), *level, *threshold), (EXPECTED, AlertLevel::Saturated, 85.0));
    // It fills at eight, in Paris.
    assert_eq!(*at, "2026-03-16T07:00:00Z".parse::<DateTime<Utc>>().unwrap());
    assert!(chance.unwrap() >= 0.6 && told[0].time <= *at - hours(1), "{told:?}");
    // In the evening it is empty; the next morning alerts anew.
    for hour in [6, 10, 16, 23, 24, 25] {
        city.work("parking/gare/nord", Task::Update, morning + hours(hour)).await;
    }
    assert_eq!(alerts().await.len(), 2);
    // Done again it alerts nobody.
    city.work("parking/gare/nord", Task::Update, morning + hours(25)).await;
    assert_eq!(alerts().await.len(), 2);
}

#[tokio::test]
async fn a_counter_that_falls_silent_is_told_of_widens_bands_and_alerts_nobody() {
    let city = City::new().await;
    city.place("gare", vec![counter("nord", Some(100))]).await;
    // It fills at 07:00; the counter was last read at 02:45.
    let night: DateTime<Utc> = "2026-03-16T03:00:00Z".parse().unwrap();
    city.count_with_swing("gare", "nord", night - weeks(4), night, 90, 1).await;
    city.work("parking/gare/nord", Task::Train, night).await;
    let heard = city.outlook("parking/gare/nord").await;
    assert_eq!(heard.known.map(|known| (known.until, known.silent)), Some((night, false)));
    for quarter in 0..5 {
        city.work("parking/gare/nord", Task::Update, night + TimeDelta::minutes(195 + 15 * quarter)).await;
    }
    let silent = city.outlook("parking/gare/nord").await;
    // A reading holds for an hour.
    assert_eq!(silent.known.map(|known| (known.until, known.silent)), Some((night + hours(1), true)));
    let events = EventStore::new(city.dynamodb.clone(), "events");
    let alerts: Vec<CloudEvent<Alert>> = events.newest(&place_subject("gare"), 50, None).await.unwrap();
    assert!(alerts.is_empty(), "{alerts:?}");
    let Outcome::Forecast { known, .. } = city.outcome("parking/gare/nord").await else { panic!("no forecast") };
    assert!(known.unwrap().silent);
    // Days later the bands of the next hour are wider than those of an hour that was near.
    city.work("parking/gare/nord", Task::Update, night + TimeDelta::days(6)).await;
    let late = city.outlook("parking/gare/nord").await;
    let width = |outlook: &parvis_forecasts::Outlook| outlook.steps[2].quantiles[6] - outlook.steps[2].quantiles[2];
    assert!(width(&late) > width(&heard), "{} is not above {}", width(&late), width(&heard));
}

#[tokio::test]
async fn a_car_park_whose_sensors_are_all_lost_is_known_until_they_were_heard() {
    let city = City::new().await;
    let spaces = (1..=4_u32).map(|number| Space::numbered(number.try_into().unwrap())).collect();
    city.place("lot", vec![Zone { source: Source::Spaces, capacity: None, spaces, ..counter("A", None) }]).await;
    let pool = city.trainer.database.pool().await.unwrap();
    sqlx::query("SELECT parking_ensure_partitions(ARRAY['2026-02-01'::date, '2026-03-01'::date])")
        .execute(pool)
        .await
        .unwrap();
    // Each comes in the morning and leaves in the afternoon of most days, until two days ago.
    let heard = now() - hours(48);
    sqlx::query(
        "INSERT INTO parking_transition
         SELECT 'lot', 'A', s, d + make_interval(hours => h, mins => 7 * s), CASE h WHEN 8 THEN 'park_start' ELSE 'park_end' END, NULL, 1
         FROM generate_series(1, 4) s, generate_series($1::timestamptz - interval '14 days', $1, interval '1 day') d, unnest(ARRAY[8, 16]) h
         WHERE (extract(epoch FROM d)::bigint / 86400 * 7919 + s) % 5 > 0 AND d + make_interval(hours => h, mins => 7 * s) < $1",
    )
    .bind(heard)
    .execute(pool)
    .await
    .unwrap();
    let key = BlockKey::of_space("lot".parse().unwrap(), "A".parse().unwrap(), 1_u32.try_into().unwrap());
    let mut block = Block::empty(key.index);
    block.merge(&(1..=4).map(|number| reading(number, 80, heard)).collect::<Vec<_>>());
    city.trainer.live.put_if(&key, None, &block).await.unwrap();
    city.work("parking/lot", Task::Train, now()).await;
    let present = city.outlook("parking/lot").await.known.unwrap();
    assert_eq!((present.until, present.silent), (now(), false), "nobody comes or leaves at a car park that is heard");
    if let Block::Spaces(spaces) = &mut block {
        spaces.mark_silent(now(), hours(24));
    }
    let version = city.trainer.live.get(&key).await.unwrap().map(|stored| stored.version);
    city.trainer.live.put_if(&key, version, &block).await.unwrap();
    city.work("parking/lot", Task::Update, now() + hours(1)).await;
    let known = city.outlook("parking/lot").await.known.unwrap();
    assert_eq!((known.until, known.silent), (heard, true));
}
