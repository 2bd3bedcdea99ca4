//! Configuration from the environment.

use chrono::Utc;
use parvis_booking::pricing::QuoteKey;
use parvis_forecasts::ForecastStore;
use parvis_kit::env::{EnvError, optional, required};
use parvis_kit::event_store::EventStore;
use parvis_kit::lambda::BoxError;
use parvis_kit::postgres::{Database, DatabaseError};
use parvis_live::LiveStore;

use crate::FUNCTION;
use crate::state::App;
use crate::store::Store;

/// The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The SDK cannot be set up.
    #[error("the AWS SDK cannot be configured")]
    Aws(#[source] BoxError),
    /// The database's settings do not make up a login.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The secret is too short to keep anybody out.
    #[error("BOOKINGS_KEY must have at least 16 bytes")]
    ShortKey,
}

/// The application, and the forecasts that it looks at, as the environment describes them. Connections are opened when first used.
///
/// # Errors
/// When a setting is missing or wrong.
pub async fn from_env() -> Result<(App, ForecastStore), ConfigError> {
    let aws = parvis_kit::aws::config().await.map_err(ConfigError::Aws)?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let events = EventStore::new(dynamodb.clone(), required("EVENTS_TABLE")?);
    let live = LiveStore::new(dynamodb.clone(), required("LIVE_TABLE")?);
    let forecasts = ForecastStore::new(dynamodb, required("FORECASTS_TABLE")?);
    let key = QuoteKey::new(required("BOOKINGS_KEY")?).ok_or(ConfigError::ShortKey)?;
    let store = Store::new(Database::from_env(&aws, FUNCTION)?);
    Ok((App::new(store, events, live, key, optional("INVITATIONS_FROM"), Utc::now), forecasts))
}
