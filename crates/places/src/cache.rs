//! The register as functions use it: some seconds old at most, and with the default place always there.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::DateTime;
use chrono_tz::Tz;
use futures::{StreamExt, TryStreamExt, stream};
use parvis_parking::{PlaceId, RefusalCode, SpaceNumber, Thresholds, ZoneId, Zones};

use crate::error::RegisterError;
use crate::model::{Enrolment, OpenStatus, Place, PlaceRecord};
use crate::store::PlacesStore;

/// How old a record may be.
pub const TTL: Duration = Duration::from_secs(10);
/// Above so many entries the outdated ones are dropped: topics can name any number of places that do not exist.
const SWEEP_ABOVE: usize = 4096;
const CONCURRENT_READS: usize = 16;

/// The place of topics without a place prefix.
///
/// It takes messages even before anybody registered it, so that a fresh deployment shows its first sensor at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultPlace {
    /// Its id.
    pub id: PlaceId,
    /// Its zone while it is not registered.
    pub timezone: Tz,
}

impl DefaultPlace {
    /// The record that stands for the default place while it is not registered: open to every sensor.
    ///
    /// Its version is 0, which no stored record has.
    #[must_use]
    pub fn record(&self) -> PlaceRecord {
        PlaceRecord {
            place: Place {
                id: self.id.clone(),
                name: self.id.to_string(),
                timezone: self.timezone,
                location: None,
                address: None,
                enrolment: Enrolment::Open,
                thresholds: Thresholds::default(),
                status: OpenStatus::Open,
                version: 0,
                created_at: DateTime::UNIX_EPOCH,
                modified_at: DateTime::UNIX_EPOCH,
            },
            zones: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    read_at: Instant,
    /// `None` is remembered too: a device of an unknown place must not cost a query per message.
    record: Option<Arc<PlaceRecord>>,
}

/// The register with a cache per sandbox.
#[derive(Debug, Clone)]
pub struct CachedPlaces {
    store: PlacesStore,
    default: DefaultPlace,
    ttl: Duration,
    entries: Arc<RwLock<HashMap<PlaceId, Entry>>>,
}

impl CachedPlaces {
    /// A cache over a register, with records at most [`TTL`] old.
    #[must_use]
    pub fn new(store: PlacesStore, default: DefaultPlace) -> Self {
        Self { store, default, ttl: TTL, entries: Arc::default() }
    }

    /// The same with another greatest age.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// The place of topics without a place prefix.
    #[must_use]
    pub fn default_place(&self) -> &DefaultPlace {
        &self.default
    }

    /// The register behind, for writing and for reads that must not be old.
    #[must_use]
    pub fn store(&self) -> &PlacesStore {
        &self.store
    }

    /// A place with its zones.
    ///
    /// # Errors
    /// [`RegisterError`] when the record is too old and cannot be read again.
    pub async fn get(&self, id: &PlaceId) -> Result<Option<Arc<PlaceRecord>>, RegisterError> {
        self.get_within(id, self.ttl).await
    }

    async fn get_within(&self, id: &PlaceId, age: Duration) -> Result<Option<Arc<PlaceRecord>>, RegisterError> {
        if let Some(entry) = self.fresh(id, age) {
            return Ok(entry.record);
        }
        let record = self.or_default(id, self.store.get(id).await?);
        self.remember(id.clone(), record.clone());
        Ok(record)
    }

    /// All places with their zones, by id; the default place is always among them. Not cached.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn list(&self) -> Result<Vec<Arc<PlaceRecord>>, RegisterError> {
        let mut records: Vec<_> = self.store.list_records().await?.into_iter().map(Arc::new).collect();
        if let Err(position) = records.binary_search_by(|record| record.place.id.cmp(&self.default.id)) {
            records.insert(position, Arc::new(self.default.record()));
        }
        for record in &records {
            self.remember(record.place.id.clone(), Some(record.clone()));
        }
        Ok(records)
    }

    /// What parsing needs to know of the given places.
    ///
    /// # Errors
    /// [`RegisterError`] when a record is too old and cannot be read again.
    pub async fn snapshot(&self, ids: BTreeSet<PlaceId>) -> Result<Snapshot, RegisterError> {
        self.snapshot_within(ids, self.ttl).await
    }

    /// The same, but no older than `age`: for a decision that cannot be taken back, such as a refusal.
    ///
    /// # Errors
    /// As [`CachedPlaces::snapshot`].
    pub async fn snapshot_within(&self, ids: BTreeSet<PlaceId>, age: Duration) -> Result<Snapshot, RegisterError> {
        let records: Vec<_> = stream::iter(ids)
            .map(|id| async move { Ok::<_, RegisterError>((self.get_within(&id, age).await?, id)) })
            .buffer_unordered(CONCURRENT_READS)
            .try_collect()
            .await?;
        Ok(Snapshot {
            default_place: self.default.id.clone(),
            records: records.into_iter().filter_map(|(record, id)| Some((id, record?))).collect(),
        })
    }

    /// Forgets a place after it was changed.
    pub fn forget(&self, id: &PlaceId) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn fresh(&self, id: &PlaceId, age: Duration) -> Option<Entry> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(id).filter(|entry| entry.read_at.elapsed() < age).cloned()
    }

    fn remember(&self, id: PlaceId, record: Option<Arc<PlaceRecord>>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= SWEEP_ABOVE {
            entries.retain(|_, entry| entry.read_at.elapsed() < self.ttl);
        }
        let read_at = Instant::now();
        entries.insert(id, Entry { read_at, record });
    }

    fn or_default(&self, id: &PlaceId, record: Option<PlaceRecord>) -> Option<Arc<PlaceRecord>> {
        record.or_else(|| (*id == self.default.id).then(|| self.default.record())).map(Arc::new)
    }
}

/// Some places of the register, at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    default_place: PlaceId,
    records: HashMap<PlaceId, Arc<PlaceRecord>>,
}

impl Snapshot {
    /// A snapshot of known records.
    #[must_use]
    pub fn new(default_place: PlaceId, records: impl IntoIterator<Item = Arc<PlaceRecord>>) -> Self {
        let records = records.into_iter().map(|record| (record.place.id.clone(), record));
        Self { default_place, records: records.collect() }
    }
}

impl Zones for Snapshot {
    fn default_place(&self) -> &PlaceId {
        &self.default_place
    }

    fn timezone(&self, place: &PlaceId) -> Option<Tz> {
        self.records.get(place).map(|record| record.place.timezone)
    }

    fn admit(&self, place: &PlaceId, zone: &ZoneId, space: Option<SpaceNumber>) -> Result<(), RefusalCode> {
        self.records.get(place).ok_or(RefusalCode::UnknownPlace)?.admit(zone, space)
    }

    fn capacity(&self, place: &PlaceId, zone: &ZoneId) -> Option<u32> {
        self.records.get(place)?.zone(zone)?.capacity
    }
}
