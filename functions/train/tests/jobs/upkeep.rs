//! Inspections: sensors and equipment that are likely to fail, and the orders that come of them.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::lifetime::Life;
use parvis_forecasts::{Inspection, PastLife, StoredOrder, Target};
use parvis_maintenance::{Evidence, Kind, State, work::Step};
use parvis_parking::{Block, BlockKey, SpaceNumber};
use parvis_places::{Source, Space, Zone};

use crate::support::{City, counter, hours, now};

/// A zone of eight spaces.
async fn lot(city: &City) {
    let spaces = (1..=8_u32).map(|number| Space::numbered(number.try_into().unwrap())).collect();
    city.place("lot", vec![Zone { source: Source::Spaces, capacity: None, spaces, ..counter("A", None) }]).await;
    let pool = city.trainer.database.pool().await.unwrap();
    sqlx::query("SELECT parking_ensure_partitions(ARRAY['2026-03-01'::date])").execute(pool).await.unwrap();
    // Seven spaces change about every two hours, the eighth every minute.
    sqlx::query(
        "INSERT INTO parking_transition
         SELECT 'lot', 'A', s, g.at + make_interval(secs => s), CASE WHEN extract(epoch FROM g.at)::bigint / 60 % 2 = 0 THEN 'park_start' ELSE 'park_end' END, NULL, 1
         FROM generate_series(1, 8) s,
              LATERAL generate_series($1 - interval '5 days', $1, CASE WHEN s = 8 THEN interval '1 minute' ELSE interval '2 hours 1 minute' END) AS g(at)",
    )
    .bind(now())
    .execute(pool)
    .await
    .unwrap();
}

/// What the sensors say at a moment: all with the same battery, but for the third, which loses three percent a day.
async fn report(city: &City, day: i64, silent: Option<u32>) {
    tell(city, day, silent, |number| if number == 3 { 60 - 3 * day } else { 80 }).await;
}

/// What the sensors say at a moment, each with its battery.
async fn tell(city: &City, day: i64, silent: Option<u32>, battery: impl Fn(u32) -> i64) {
    let at = now() + TimeDelta::days(day);
    let key = BlockKey::of_space("lot".parse().unwrap(), "A".parse().unwrap(), SpaceNumber::try_from(1_u32).unwrap());
    let stored = city.trainer.live.get(&key).await.unwrap();
    let (version, mut block) = stored.map_or((None, Block::empty(key.index)), |one| (Some(one.version), one.block));
    let messages: Vec<_> = (1..=8_u32)
        .filter(|number| Some(*number) != silent)
        .map(|number| crate::support::reading(number, battery(number), at))
        .collect();
    block.merge(&messages);
    if let Block::Spaces(spaces) = &mut block {
        spaces.mark_silent(at, TimeDelta::minutes(15));
    }
    city.trainer.live.put_if(&key, version, &block).await.unwrap();
}

async fn inspect(city: &City, inspect: Target, at: DateTime<Utc>) -> Vec<StoredOrder> {
    city.trainer.inspect(&Inspection { inspect, at, brief: false }).await.unwrap();
    city.store().orders("").await.unwrap()
}

#[tokio::test]
async fn sensors_that_flap_run_out_or_fall_silent_get_orders() {
    let city = City::new().await;
    lot(&city).await;
    let place = || Target::Place("lot".parse().unwrap());
    let mut orders = Vec::new();
    for day in 0..=10 {
        report(&city, day, (day == 10).then_some(5)).await;
        orders = inspect(&city, place(), now() + TimeDelta::days(day)).await;
        if day == 0 {
            let ids: Vec<String> = orders.iter().map(StoredOrder::id).collect();
            assert_eq!(ids, ["sensor:lot:A:8:flapping"]);
            assert_eq!(orders[0].title, "Parking lot, Zone A, 8");
        }
    }
    let battery = orders.iter().find(|one| one.order.finding.kind == Kind::Battery).unwrap();
    assert_eq!(battery.id(), "sensor:lot:A:3:battery");
    let Evidence::Battery { percent, per_day, .. } = battery.order.finding.evidence else { panic!("{battery:?}") };
    // 30 % are left and go in ten days.
    assert!((percent - 30.0).abs() < 0.1 && (per_day - 3.0).abs() < 0.2, "{battery:?}");
    assert!(battery.order.finding.by < now() + TimeDelta::days(20));
    // The fifth was last heard a day before.
    assert!(orders.iter().any(|one| one.id() == "sensor:lot:A:5:silent"), "{orders:?}");
}

#[tokio::test]
async fn an_order_that_is_dismissed_rests_and_one_nobody_needs_is_withdrawn() {
    let city = City::new().await;
    lot(&city).await;
    report(&city, 0, None).await;
    let place = || Target::Place("lot".parse().unwrap());
    let mut order = inspect(&city, place(), now()).await.remove(0);
    let again = inspect(&city, place(), now()).await.remove(0);
    assert_eq!(again.version, order.version, "nothing new");
    order.order.apply(Step::Dismiss, now()).unwrap();
    assert!(city.store().put_order(&order).await.unwrap());
    assert!(!city.store().put_order(&order).await.unwrap(), "by an old version");
    let rests = inspect(&city, place(), now() + hours(24)).await.remove(0);
    assert_eq!(rests.order.state, State::Dismissed);
    order = rests;
    order.order.apply(Step::Reopen, now()).unwrap();
    city.store().put_order(&order).await.unwrap();
    // Two weeks later nothing has changed any more anywhere: there is nothing to compare with.
    assert!(inspect(&city, place(), now() + TimeDelta::days(14)).await.is_empty());
}

#[tokio::test]
async fn an_order_that_somebody_has_planned_meanwhile_is_not_withdrawn() {
    let city = City::new().await;
    lot(&city).await;
    report(&city, 0, None).await;
    let read = inspect(&city, Target::Place("lot".parse().unwrap()), now()).await.remove(0);
    // Between the inspection's look and its end somebody plans the order.
    let mut planned = read.clone();
    planned.order.apply(Step::Plan(now() + hours(48)), now()).unwrap();
    assert!(city.store().put_order(&planned).await.unwrap());
    assert!(!city.store().withdraw_order(&read).await.unwrap(), "by an old version");
    let kept = city.store().order(&read.id()).await.unwrap().unwrap();
    assert_eq!(kept.order.state, State::Planned { on: now() + hours(48) });
    assert!(city.store().withdraw_order(&kept).await.unwrap());
    assert!(city.store().orders("").await.unwrap().is_empty());
}

#[tokio::test]
async fn equipment_is_due_by_its_hours_and_the_lives_of_others() {
    let city = City::new().await;
    let pool = city.trainer.database.pool().await.unwrap();
    for statement in [
        r#"INSERT INTO booking_site (id, details) VALUES ('hq', '{"name": "HQ", "timezone": "Europe/Paris"}')"#,
        "INSERT INTO booking_policy (id, details, pad_before, pad_after) VALUES ('free', '{}', 0, 0)",
        r#"INSERT INTO booking_resource (id, site, policy, kind, capacity, features, accessible, closed, details, modified_at)
           VALUES ('laser', 'hq', 'free', 'equipment', 1, '{}', false, false, '{"name": "Laser cutter"}', now())"#,
        // Eight hours every day for sixty days.
        r#"WITH b AS (
             INSERT INTO booking (id, state, owner, site, zone, items, starts_at, ends_at, title, participants, guests, charge, terms, usage,
                                  created_at, modified_at)
             SELECT gen_random_uuid(), 'fulfilled', 'anne', 'hq', 'Europe/Paris', '[]', d, d + interval '8 hours', 'Work', 1, '[]',
                    '{"total": {"cents": 0, "currency": "EUR"}}', '{}', '{}', now(), now()
             FROM generate_series('2026-01-15T08:00:00Z'::timestamptz, '2026-03-15T08:00:00Z', interval '1 day') d
             RETURNING id, starts_at, ends_at)
           INSERT INTO booking_slot (booking, resource, during, state)
           SELECT b.id, r.no, tstzrange(b.starts_at, b.ends_at), 'fulfilled' FROM b, booking_resource r WHERE r.id = 'laser'"#,
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(pool).await.unwrap();
    }
    assert!(inspect(&city, Target::Equipment, now()).await.is_empty(), "nobody knows how long such a thing lives");
    // Others failed after about 500 hours; this one has worked 480.
    for (number, age) in [430.0, 470.0, 500.0, 520.0, 560.0].into_iter().enumerate() {
        let ended_at = now() - TimeDelta::days(400 + number as i64);
        let life = PastLife { life: Life { age, failed: true }, ended_at };
        city.store().put_life("laser", "other", &life).await.unwrap();
    }
    let order = inspect(&city, Target::Equipment, now()).await.remove(0);
    assert_eq!((order.id(), order.title.as_str()), ("equipment:hq:laser:wear".into(), "Laser cutter"));
    assert_eq!(order.age_hours, Some(480.0));
    assert!(order.order.finding.probability > 0.8, "{order:?}");
    let Evidence::Wear { age, failures, .. } = order.order.finding.evidence else { panic!("{order:?}") };
    assert_eq!((age, failures), (480.0, 5));
    // After an overhaul its hours count anew.
    let overhaul = PastLife { life: Life { age: 480.0, failed: false }, ended_at: now() };
    city.store().put_life("laser", "laser", &overhaul).await.unwrap();
    assert!(inspect(&city, Target::Equipment, now() + hours(1)).await.is_empty());
}

#[tokio::test]
async fn a_battery_at_its_floor_gets_an_order_at_once_and_the_board_knows_when_others_can_be_foretold() {
    let city = City::new().await;
    lot(&city).await;
    tell(&city, 0, None, |number| if number == 2 { 5 } else { 80 }).await;
    let place = || Target::Place("lot".parse().unwrap());
    let brief = Inspection { inspect: place(), at: now(), brief: true };
    city.trainer.inspect(&brief).await.unwrap();
    let orders = city.store().orders("").await.unwrap();
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(order.id(), "sensor:lot:A:2:battery");
    assert_eq!(order.order.finding.evidence, Evidence::LowBattery { percent: 5.0, floor: 10.0 });
    let watched = city.store().watched().await.unwrap();
    let (place_of, seen) = &watched[0];
    assert_eq!(place_of.as_ref().map(ToString::to_string).as_deref(), Some("lot"));
    assert_eq!((seen.things, seen.foretold, seen.too_little), (8, 0, 8));
    assert_eq!(seen.from, Some(now() + TimeDelta::days(7)));
    // Hours later nothing new is kept: trends are made of one reading a day.
    tell(&city, 0, None, |number| if number == 2 { 5 } else { 80 }).await;
    city.trainer.inspect(&Inspection { at: now() + hours(1), ..brief }).await.unwrap();
    let (lot, a) = ("lot".parse().unwrap(), "A".parse().unwrap());
    let kept = city.store().batteries(&lot, &a).await.unwrap();
    assert!(kept.values().all(|readings| readings.len() == 1), "{kept:?}");
    // What only the night's inspection finds stays when the hour's does not look for it.
    let night = inspect(&city, place(), now()).await;
    assert_eq!(night.len(), 2, "{night:?}");
    let again = Inspection { inspect: place(), at: now() + hours(2), brief: true };
    city.trainer.inspect(&again).await.unwrap();
    assert_eq!(city.store().orders("").await.unwrap().len(), 2);
    // A week of readings is enough.
    for day in 1..=7 {
        tell(&city, day, None, |number| if number == 2 { 5 } else { 80 }).await;
        inspect(&city, place(), now() + TimeDelta::days(day)).await;
    }
    let seen = city.store().watched().await.unwrap()[0].1;
    assert_eq!((seen.foretold, seen.too_little, seen.from), (8, 0, None));
    // Nobody knows how long equipment lives, and none is there.
    inspect(&city, Target::Equipment, now()).await;
    let watched = city.store().watched().await.unwrap();
    assert!(watched.iter().any(|(place, seen)| place.is_none() && seen.things == 0), "{watched:?}");
}
