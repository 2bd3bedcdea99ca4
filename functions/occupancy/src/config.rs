//! Configuration from the environment.

use chrono::{TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_kit::env::{EnvError, parsed, required, required_parsed};
use parvis_kit::event_store::EventStore;
use parvis_kit::lambda::BoxError;
use parvis_kit::postgres::{Database, DatabaseError};
use parvis_live::LiveStore;
use parvis_parking::PlaceId;
use parvis_places::{CachedPlaces, DefaultPlace, PlacesStore};

use crate::sql::{StuckCounterRule, StuckSpaceRule};
use crate::state::{App, Stores};

/// The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The settings of the AWS clients are wrong.
    #[error("the AWS clients cannot be made")]
    Aws(#[from] BoxError),
    /// The database's settings do not make up a login.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// When something counts as a finding for maintenance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Counters that never change.
    pub stuck_counter: StuckCounterRule,
    /// Sensors of single spaces that never change.
    pub stuck_space: StuckSpaceRule,
    /// A battery at or below so many percent is low.
    pub low_battery_percent: u8,
    /// A counter not heard for so long is silent. (Single spaces: `ingest` decides, by `COMMS_LOST_AFTER_SECONDS`.)
    pub counter_silent_after: TimeDelta,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            stuck_counter: StuckCounterRule::default(),
            stuck_space: StuckSpaceRule::default(),
            low_battery_percent: 20,
            counter_silent_after: TimeDelta::hours(3),
        }
    }
}

impl Rules {
    /// The rules that the environment sets, each with a default.
    ///
    /// # Errors
    /// When a variable is not a number.
    pub fn from_env() -> Result<Self, EnvError> {
        let default = Self::default();
        let hours = |name, default: TimeDelta| parsed(name, default.num_hours()).map(TimeDelta::hours);
        let after = hours("STUCK_AFTER_HOURS", default.stuck_counter.after)?;
        Ok(Self {
            stuck_counter: StuckCounterRule {
                after,
                after_at_limit: hours("STUCK_AT_LIMIT_AFTER_HOURS", default.stuck_counter.after_at_limit)?.max(after),
                ..default.stuck_counter
            },
            stuck_space: StuckSpaceRule { after, ..default.stuck_space },
            low_battery_percent: parsed("LOW_BATTERY_PERCENT", default.low_battery_percent)?,
            counter_silent_after: hours("COUNTER_SILENT_AFTER_HOURS", default.counter_silent_after)?,
        })
    }
}

/// The application as the environment describes it. Connections are opened when first used.
///
/// # Errors
/// When a setting is missing or wrong.
pub async fn app_from_env() -> Result<App, ConfigError> {
    let aws = parvis_kit::aws::config().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let default = DefaultPlace {
        id: required_parsed::<PlaceId>("DEFAULT_PLACE")?,
        timezone: required_parsed::<Tz>("DEFAULT_TIMEZONE")?,
    };
    let stores = Stores {
        places: CachedPlaces::new(PlacesStore::new(dynamodb.clone(), required("PLACES_TABLE")?), default),
        live: LiveStore::new(dynamodb.clone(), required("LIVE_TABLE")?),
        events: EventStore::new(dynamodb, required("EVENTS_TABLE")?),
        database: Database::from_env(&aws, "occupancy")?,
    };
    Ok(App::new(stores, Rules::from_env()?, Utc::now))
}
