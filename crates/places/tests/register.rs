//! The register in a real table, and its cache.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::time::Duration;

use anyhow::Result;
use parvis_parking::{SpaceNumber, Zones};
use parvis_places::{
    CachedPlaces, DefaultPlace, Enrolment, OpenStatus, Place, PlacesStore, RegisterError, Source, Space, Zone,
};

async fn store() -> Result<PlacesStore> {
    Ok(PlacesStore::new(parvis_test_tables::start(&["places"]).await?, "places"))
}

fn default_place() -> DefaultPlace {
    DefaultPlace { id: "default".parse().unwrap(), timezone: chrono_tz::Europe::Paris }
}

fn place(id: &str, version: u64) -> Place {
    let named = DefaultPlace { id: id.parse().unwrap(), timezone: chrono_tz::UTC };
    Place { version, enrolment: Enrolment::Closed, ..named.record().place }
}

fn zone(id: &str, version: u64, spaces: u32) -> Zone {
    Zone {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        source: Source::Spaces,
        capacity: None,
        spaces: (1..=spaces).map(|n| Space::numbered(SpaceNumber::try_from(n).unwrap())).collect(),
        status: OpenStatus::Open,
        thresholds: None,
        version,
    }
}

#[tokio::test]
async fn places_are_read_with_their_zones() -> Result<()> {
    let store = store().await?;
    let (a, b) = (place("a", 1), place("b", 1));
    store.put_place(&b).await?;
    store.put_place(&a).await?;
    store.put_zone(&a.id, &zone("z2", 1, 3)).await?;
    store.put_zone(&a.id, &zone("z1", 1, 2)).await?;

    assert_eq!(store.list().await?, [a.clone(), b.clone()]);
    let record = store.get(&a.id).await?.unwrap();
    assert_eq!(record.place, a);
    assert_eq!(record.zones, [zone("z1", 1, 2), zone("z2", 1, 3)]);
    assert_eq!(store.get(&"c".parse()?).await?, None);
    let records = store.list_records().await?;
    assert_eq!(records.iter().map(|record| record.zones.len()).collect::<Vec<_>>(), [2, 0]);
    Ok(())
}

#[tokio::test]
async fn a_place_is_created_with_all_its_zones_or_not_at_all() -> Result<()> {
    let store = store().await?;
    let a = place("a", 1);
    // What a deletion that was cut off, or overtaken by a change, leaves behind.
    store.put_zone(&a.id, &zone("old", 1, 1)).await?;
    store.put_zone(&a.id, &zone("z001", 1, 9)).await?;
    let zones: Vec<_> = (1..=150).map(|n| zone(&format!("z{n:03}"), 1, 2)).collect();
    store.create_place(&a, &zones).await?;
    assert_eq!(store.get(&a.id).await?.unwrap().zones, zones);

    // A second place of this id changes nothing of the first.
    let second = store.create_place(&Place { name: "second".into(), ..a.clone() }, &[zone("z001", 1, 7)]).await;
    assert!(matches!(second, Err(RegisterError::VersionConflict)));
    assert_eq!(store.get(&a.id).await?.unwrap().zones, zones);

    // An invalid zone (an item above DynamoDB's 400 KB) makes the whole creation fail.
    let huge = Zone { name: "x".repeat(500_000), ..zone("huge", 1, 1) };
    let b = place("b", 1);
    assert!(store.create_place(&b, &[zone("small", 1, 1), huge]).await.is_err());
    assert_eq!(store.get(&b.id).await?, None);
    store.create_place(&b, &[zone("other", 1, 1)]).await?;
    assert_eq!(store.get(&b.id).await?.unwrap().zones, [zone("other", 1, 1)]);
    Ok(())
}

#[tokio::test]
async fn every_change_is_conditional_on_the_version() -> Result<()> {
    let store = store().await?;
    let conflict = |result| matches!(result, Err(RegisterError::VersionConflict));
    let a = place("a", 1);
    store.put_place(&a).await?;
    assert!(conflict(store.put_place(&a).await), "created twice");
    store.put_place(&place("a", 2)).await?;
    assert!(conflict(store.put_place(&place("a", 2)).await), "changed twice");
    assert!(conflict(store.put_place(&place("new", 2)).await), "changed before it was created");

    store.put_zone(&a.id, &zone("z", 1, 1)).await?;
    assert!(conflict(store.put_zone(&a.id, &zone("z", 1, 1)).await));
    assert!(conflict(store.delete_zone(&a.id, &"z".parse()?, 2).await));
    assert!(conflict(store.delete_place(&a.id, 1).await));

    store.delete_place(&a.id, 2).await?;
    assert_eq!(store.get(&a.id).await?, None);
    // Its zones went with it: a place of the same id begins without any.
    store.put_place(&a).await?;
    assert!(store.get(&a.id).await?.unwrap().zones.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_default_place_is_there_before_it_is_registered() -> Result<()> {
    let store = store().await?;
    let places = CachedPlaces::new(store.clone(), default_place()).with_ttl(Duration::ZERO);
    let id = default_place().id;
    let record = places.get(&id).await?.unwrap();
    assert_eq!((record.place.version, record.place.enrolment), (0, Enrolment::Open));
    assert_eq!(places.list().await?.len(), 1);

    store.put_place(&place("default", 1)).await?;
    store.put_place(&place("another", 1)).await?;
    assert_eq!(places.get(&id).await?.unwrap().place.version, 1);
    let ids: Vec<_> = places.list().await?.iter().map(|record| record.place.id.to_string()).collect();
    assert_eq!(ids, ["another", "default"]);
    Ok(())
}

#[tokio::test]
async fn records_are_remembered_until_they_are_too_old_or_forgotten() -> Result<()> {
    let store = store().await?;
    let places = CachedPlaces::new(store.clone(), default_place());
    let id = "a".parse()?;
    assert!(places.get(&id).await?.is_none());
    store.put_place(&place("a", 1)).await?;
    assert!(places.get(&id).await?.is_none(), "that it was unknown is remembered");
    let certain = places.snapshot_within([id.clone()].into(), Duration::ZERO).await?;
    assert_eq!(certain.timezone(&id), Some(chrono_tz::UTC));
    assert!(places.get(&id).await?.is_some());

    store.put_place(&place("a", 2)).await?;
    assert_eq!(places.get(&id).await?.unwrap().place.version, 1);
    places.forget(&id);
    assert_eq!(places.get(&id).await?.unwrap().place.version, 2);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_answers_what_parsing_asks() -> Result<()> {
    let store = store().await?;
    let a = place("a", 1);
    store.put_place(&a).await?;
    store.put_zone(&a.id, &Zone { capacity: Some(120), ..zone("z", 1, 1) }).await?;
    let places = CachedPlaces::new(store, default_place());
    let unknown = "unknown".parse()?;
    let ids = [a.id.clone(), unknown, default_place().id];
    let snapshot = places.snapshot(ids.clone().into()).await?;
    assert_eq!(ids.map(|id| snapshot.timezone(&id)), [Some(chrono_tz::UTC), None, Some(chrono_tz::Europe::Paris)]);
    assert_eq!(snapshot.capacity(&a.id, &"z".parse()?), Some(120));
    assert!(snapshot.admit(&a.id, &"z".parse()?, SpaceNumber::try_from(1).ok()).is_ok());
    assert!(snapshot.admit(&a.id, &"z".parse()?, SpaceNumber::try_from(2).ok()).is_err());
    assert!(snapshot.admit(&default_place().id, &"any".parse()?, SpaceNumber::try_from(2).ok()).is_ok());
    Ok(())
}
