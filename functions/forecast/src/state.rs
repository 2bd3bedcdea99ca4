//! What the handlers share: the stores, the queue of jobs and the clock.

use chrono::{DateTime, Utc};
use parvis_forecasts::ForecastStore;
use parvis_places::PlacesStore;

use crate::plan::JobQueue;

/// The application; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    store: ForecastStore,
    places: PlacesStore,
    queue: JobQueue,
    clock: fn() -> DateTime<Utc>,
}

impl App {
    /// An application over its store, the register and the queue of jobs. `clock` tells the present time.
    #[must_use]
    pub fn new(store: ForecastStore, places: PlacesStore, queue: JobQueue, clock: fn() -> DateTime<Utc>) -> Self {
        Self { store, places, queue, clock }
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
