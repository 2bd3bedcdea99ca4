//! What the handlers share: the store and the clock.

use chrono::{DateTime, Utc};
use parvis_forecasts::ForecastStore;

/// The application; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    store: ForecastStore,
    clock: fn() -> DateTime<Utc>,
}

impl App {
    /// An application over its store. `clock` tells the present time.
    #[must_use]
    pub fn new(store: ForecastStore, clock: fn() -> DateTime<Utc>) -> Self {
        Self { store, clock }
    }

    /// The table of forecasts.
    #[must_use]
    pub fn store(&self) -> &ForecastStore {
        &self.store
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}
