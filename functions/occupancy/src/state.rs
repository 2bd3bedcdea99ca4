//! What the handlers share: stores, caches and the clock.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use parvis_kit::event_store::EventStore;
use parvis_kit::postgres::Database;
use parvis_kit::problem::Problem;
use parvis_live::LiveStore;
use parvis_parking::PlaceId;
use parvis_places::{CachedPlaces, PlaceRecord};

use crate::config::Rules;
use crate::error::ApiResult;
use crate::shared_stuck::SharedStuck;
use crate::stuck_cache::StuckCache;

/// How old the list of all places may be, as old as a single place may.
const LISTING_TTL: Duration = Duration::from_secs(10);

/// The stores that the function works with.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The register of places.
    pub places: CachedPlaces,
    /// The live state.
    pub live: LiveStore,
    /// Events between contexts, for the alerts.
    pub events: EventStore,
    /// The history.
    pub database: Database,
}

/// All places of the register, by id.
pub type Listing = Arc<[Arc<PlaceRecord>]>;

/// The state of the application; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stores: Stores,
    rules: Rules,
    clock: fn() -> DateTime<Utc>,
    listing: RwLock<Option<(Instant, Listing)>>,
    stuck: Arc<StuckCache>,
    shared_stuck: SharedStuck,
}

impl App {
    /// An application over its stores. `clock` tells the present time.
    #[must_use]
    pub fn new(stores: Stores, rules: Rules, clock: fn() -> DateTime<Utc>) -> Self {
        Self(Arc::new(Inner {
            stores,
            rules,
            clock,
            listing: RwLock::default(),
            stuck: Arc::default(),
            shared_stuck: SharedStuck::default(),
        }))
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0.clock)()
    }

    /// The rules of findings.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// The history.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.stores.database
    }

    /// The table of events.
    #[must_use]
    pub fn events(&self) -> &EventStore {
        &self.0.stores.events
    }

    /// The live state.
    #[must_use]
    pub fn live(&self) -> &LiveStore {
        &self.0.stores.live
    }

    /// The register.
    #[must_use]
    pub fn places(&self) -> &CachedPlaces {
        &self.0.stores.places
    }

    /// What all sandboxes know of stuck sensors.
    #[must_use]
    pub fn shared_stuck(&self) -> &SharedStuck {
        &self.0.shared_stuck
    }

    /// What is known of stuck sensors.
    #[must_use]
    pub fn stuck(&self) -> &Arc<StuckCache> {
        &self.0.stuck
    }

    /// The place of requests that name none.
    #[must_use]
    pub fn default_place(&self) -> &PlaceId {
        &self.0.stores.places.default_place().id
    }

    /// A place of the register.
    ///
    /// # Errors
    /// 404 when there is none of this id.
    pub async fn place(&self, id: &PlaceId) -> ApiResult<Arc<PlaceRecord>> {
        Ok(self.places().get(id).await?.ok_or_else(|| Problem::not_found("place"))?)
    }

    /// All places of the register, some seconds old at most.
    ///
    /// # Errors
    /// 503 when the register cannot be read.
    pub async fn listing(&self) -> ApiResult<Listing> {
        if let Some(listing) = self.fresh_listing() {
            return Ok(listing);
        }
        let listing: Listing = self.places().list().await?.into();
        let mut kept = self.0.listing.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), listing.clone()));
        Ok(listing)
    }

    fn fresh_listing(&self) -> Option<Listing> {
        let kept = self.0.listing.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(read_at, _)| read_at.elapsed() < LISTING_TTL).map(|(_, listing)| listing.clone())
    }

    /// Forgets what is cached of a place, after it was changed here.
    pub fn forget(&self, place: &PlaceId) {
        self.places().forget(place);
        *self.0.listing.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
