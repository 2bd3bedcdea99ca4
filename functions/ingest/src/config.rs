//! The function's configuration.

use chrono::Duration;
use parvis_kit::env::{self, EnvError};
use parvis_parking::plate::PlateKey;
use parvis_places::DefaultPlace;

/// What the template sets in the environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// `LIVE_TABLE`: the live state, owned here.
    pub live_table: String,
    /// `PLACES_TABLE`: the register, read only.
    pub places_table: String,
    /// `PLATES_TABLE`: plate observations, owned here.
    pub plates_table: String,
    /// `DEAD_LETTER_QUEUE_URL`: where refused messages go.
    pub dead_letter_queue_url: String,
    /// `COMMS_LOST_AFTER_SECONDS`: the silence after which a sensor counts as disconnected.
    pub comms_lost_after: Duration,
    /// `PLATE_HASH_KEY`: the secret under which plates are hashed.
    pub plate_key: PlateKey,
    /// `DEFAULT_PLACE` and `DEFAULT_TIMEZONE`.
    pub default_place: DefaultPlace,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a variable is missing or of the wrong form.
    pub fn from_env() -> Result<Self, EnvError> {
        let comms_lost_after: u32 = env::required_parsed("COMMS_LOST_AFTER_SECONDS")?;
        Ok(Self {
            live_table: env::required("LIVE_TABLE")?,
            places_table: env::required("PLACES_TABLE")?,
            plates_table: env::required("PLATES_TABLE")?,
            dead_letter_queue_url: env::required("DEAD_LETTER_QUEUE_URL")?,
            comms_lost_after: Duration::seconds(comms_lost_after.into()),
            plate_key: PlateKey::new(env::required("PLATE_HASH_KEY")?.as_bytes()),
            default_place: DefaultPlace {
                id: env::required_parsed("DEFAULT_PLACE")?,
                timezone: env::required_parsed("DEFAULT_TIMEZONE")?,
            },
        })
    }
}
