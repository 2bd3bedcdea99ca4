//! What the handlers share: the stores, the queue of jobs and the clock.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasts::ForecastStore;
use parvis_places::{Place, PlacesStore, RegisterError};

use crate::plan::JobQueue;

/// How old the list of all places may be.
const LISTING_AGE: TimeDelta = TimeDelta::minutes(1);

/// All places of the register, by id.
pub type Listing = Arc<[Place]>;

/// A listing, and when it was read.
type Kept = (DateTime<Utc>, Listing);

/// The application; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    store: ForecastStore,
    places: PlacesStore,
    queue: JobQueue,
    clock: fn() -> DateTime<Utc>,
    listing: Arc<RwLock<Option<Kept>>>,
}

impl App {
    /// An application over its store, the register and the queue of jobs. `clock` tells the present time.
    #[must_use]
    pub fn new(store: ForecastStore, places: PlacesStore, queue: JobQueue, clock: fn() -> DateTime<Utc>) -> Self {
        Self { store, places, queue, clock, listing: Arc::default() }
    }

    /// The table of forecasts.
    #[must_use]
    pub fn store(&self) -> &ForecastStore {
        &self.store
    }

    /// The register of places.
    #[must_use]
    pub fn places(&self) -> &PlacesStore {
        &self.places
    }

    /// All places of the register, a minute old at most: what everybody may ask must not read all of it each time.
    ///
    /// # Errors
    /// When the register cannot be read.
    pub async fn listing(&self) -> Result<Listing, RegisterError> {
        let now = self.now();
        let kept = self.listing.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, listing)) = kept.filter(|(read_at, _)| *read_at + LISTING_AGE > now) {
            return Ok(listing);
        }
        let listing: Listing = self.places.list().await?.into();
        *self.listing.write().unwrap_or_else(PoisonError::into_inner) = Some((now, listing.clone()));
        Ok(listing)
    }

    /// The queue of jobs.
    #[must_use]
    pub fn queue(&self) -> &JobQueue {
        &self.queue
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}
