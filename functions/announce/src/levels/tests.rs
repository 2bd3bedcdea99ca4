use chrono_tz::Tz;
use parvis_places::{DefaultPlace, Source, ZoneSummary};
use proptest::prelude::*;

use super::*;

fn record() -> PlaceRecord {
    DefaultPlace { id: "default".parse().unwrap(), timezone: Tz::Europe__Paris }.record()
}

fn now() -> DateTime<Utc> {
    "2026-06-09T10:13:20Z".parse().unwrap()
}

/// A place of one zone of 100 spaces.
fn summary(occupied: u32) -> PlaceSummary {
    let tally = Tally::counted(occupied, 100);
    let zone = ZoneSummary { zone: "A".parse().unwrap(), source: Source::Spaces, tally, updated_at: Some(now()) };
    PlaceSummary { tally, zones: vec![zone], updated_at: Some(now()) }
}

/// The alerts of the whole place while its occupancy goes through `occupied`.
fn walk(occupied: &[u32]) -> Vec<(String, AlertLevel)> {
    let record = record();
    let mut levels = Levels::default();
    let mut told = Vec::new();
    for occupied in occupied {
        let (after, alerts) = levels.next(&record, &summary(*occupied), now());
        levels = after;
        let of_place = alerts.into_iter().filter(|event| event.data.zone.is_none());
        told.extend(of_place.map(|event| (event.kind.rsplit('.').next().unwrap().to_owned(), event.data.level)));
    }
    told
}

#[test]
fn each_threshold_is_told_once_on_the_way_up_and_once_on_the_way_back() {
    use AlertLevel::{Busy, Saturated};
    let told = walk(&[60, 70, 72, 85, 90, 84, 80, 79, 66, 64, 10]);
    let expected = [("raised", Busy), ("raised", Saturated), ("cleared", Saturated), ("cleared", Busy)];
    assert_eq!(told, expected.map(|(kind, level)| (kind.to_owned(), level)));
}

#[test]
fn a_jump_crosses_both_thresholds() {
    use AlertLevel::{Busy, Saturated};
    let told = walk(&[10, 100, 0]);
    let expected = [("raised", Busy), ("raised", Saturated), ("cleared", Saturated), ("cleared", Busy)];
    assert_eq!(told, expected.map(|(kind, level)| (kind.to_owned(), level)));
}

#[test]
fn crossings_of_one_moment_are_listed_as_they_happened() {
    let mut record = record();
    let mut levels = Levels::default();
    let mut told = Vec::new();
    // Other places make other hashes: an order by chance would show.
    for place in 0..20 {
        record.place.id = format!("p{place}").parse().unwrap();
        for occupied in [100, 0, 90, 72] {
            let (after, alerts) = levels.next(&record, &summary(occupied), now());
            levels = after;
            told.extend(alerts);
        }
    }
    assert!(told.len() > 200);
    let ids: Vec<_> = told.iter().map(|event| &event.id).collect();
    assert!(ids.is_sorted(), "the newest id is not the newest crossing: {ids:?}");
}

#[test]
fn a_tremble_around_a_threshold_is_told_once() {
    assert_eq!(walk(&[70, 69, 70, 68, 71, 66, 70]).len(), 1);
}

#[test]
fn place_and_zone_have_alerts_of_their_own() {
    let (_, alerts) = Levels::default().next(&record(), &summary(75), now());
    let areas: Vec<_> = alerts.iter().map(|event| event.data.zone.as_deref()).collect();
    assert_eq!(areas, [None, Some("A")]);
    assert_ne!(alerts[0].id, alerts[1].id);
    assert_eq!(alerts[0].subject, "place/default");
}

#[test]
fn a_place_that_closes_ends_its_alerts() {
    let mut record = record();
    let (levels, _) = Levels::default().next(&record, &summary(90), now());
    record.place.status = OpenStatus::Closed;
    let (levels, alerts) = levels.next(&record, &summary(90), now());
    assert!(alerts.iter().all(|event| event.kind == alert::CLEARED));
    assert_eq!(alerts.len(), 4);
    assert_eq!(levels.of(None), Level::Normal);
}

#[test]
fn more_crossings_than_a_transaction_holds_follow_in_the_next_one() {
    let mut full = summary(100);
    let zone = full.zones[0].clone();
    full.zones =
        (0..200).map(|number| ZoneSummary { zone: format!("Z{number}").parse().unwrap(), ..zone.clone() }).collect();
    let (mut levels, mut told, mut transactions) = (Levels::default(), 0, 0);
    loop {
        let (after, alerts) = levels.next(&record(), &full, now());
        if alerts.is_empty() {
            break;
        }
        assert!(alerts.len() < 100, "DynamoDB takes 100 items, and one is the levels");
        told += alerts.len();
        transactions += 1;
        levels = after;
    }
    assert_eq!(told, 2 * 201);
    assert_eq!(transactions, 5);
}

#[tokio::test]
async fn who_decides_on_an_old_state_is_told_so_and_tells_nothing() {
    let client = parvis_test_tables::start(&["Alerts", "Events"]).await.unwrap();
    let events = EventStore::new(client.clone(), "Events");
    let store = LevelStore::new(client, "Alerts".to_owned(), events.clone());
    let place = "default".parse().unwrap();
    for occupied in [100, 0] {
        let old = store.get(&place).await.unwrap();
        let told = store.settle(old.clone(), &record(), &summary(occupied), now()).await.unwrap();
        assert_eq!(told.len(), 4);

        // Another summary at another time, so that nothing but the version tells the two apart.
        let mut later = summary(75);
        later.updated_at = Some(now() + chrono::TimeDelta::seconds(1));
        later.zones[0].updated_at = later.updated_at;
        let refused = store.settle(old, &record(), &later, now()).await;
        assert!(matches!(refused, Err(LevelError::Conflict)), "{refused:?}");
    }
    let in_table: Vec<CloudEvent> = events.newest("place/default", 100, None).await.unwrap();
    assert_eq!(in_table.len(), 8);
}

proptest! {
    #[test]
    fn raised_and_cleared_alternate_for_each_level(occupied in prop::collection::vec(0..=100_u32, 1..60)) {
        let told = walk(&occupied);
        for level in [AlertLevel::Busy, AlertLevel::Saturated] {
            let kinds: Vec<&str> =
                told.iter().filter(|(_, told)| *told == level).map(|(kind, _)| kind.as_str()).collect();
            for (index, kind) in kinds.iter().enumerate() {
                prop_assert_eq!(*kind, if index % 2 == 0 { "raised" } else { "cleared" });
            }
        }
    }
}
