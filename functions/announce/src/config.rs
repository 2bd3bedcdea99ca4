//! The function's configuration.

use parvis_kit::env::{self, EnvError};
use parvis_places::DefaultPlace;

/// What the template sets in the environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `LIVE_TABLE`: the live state, read only.
    pub live_table: String,
    /// `PLACES_TABLE`: the register, read only.
    pub places_table: String,
    /// `ALERTS_TABLE`: the levels of places and zones, owned here.
    pub alerts_table: String,
    /// `EVENTS_TABLE`: events between contexts, written here.
    pub events_table: String,
    /// `DEFAULT_PLACE` and `DEFAULT_TIMEZONE`: the place of `parking/summary`.
    pub default_place: DefaultPlace,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a variable is missing or of the wrong form.
    pub fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            live_table: env::required("LIVE_TABLE")?,
            places_table: env::required("PLACES_TABLE")?,
            alerts_table: env::required("ALERTS_TABLE")?,
            events_table: env::required("EVENTS_TABLE")?,
            default_place: DefaultPlace {
                id: env::required_parsed("DEFAULT_PLACE")?,
                timezone: env::required_parsed("DEFAULT_TIMEZONE")?,
            },
        })
    }
}
