//! Configuration from the environment.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_forecasts::ForecastStore;
use parvis_kit::env::{EnvError, optional, parsed, required, required_parsed};
use parvis_kit::event_store::EventStore;
use parvis_kit::lambda::BoxError;
use parvis_parking::plate::PlateKey;
use parvis_stripe::{Stripe, StripeError};

use crate::state::{App, Parts, Settings};
use crate::store::{ParkedPlates, PaymentsStore, Told};

/// The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The settings of the AWS clients are wrong.
    #[error("the AWS clients cannot be made")]
    Aws(#[from] BoxError),
    /// The provider's client cannot be made.
    #[error(transparent)]
    Stripe(#[from] StripeError),
}

/// The application, and the forecasts that it looks at, as the environment describes them. Connections are opened when first used.
///
/// # Errors
/// When a setting is missing or wrong.
pub async fn from_env() -> Result<(App, ForecastStore), ConfigError> {
    let aws = parvis_kit::aws::config().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let forecasts = ForecastStore::new(dynamodb.clone(), required("FORECASTS_TABLE")?);
    let told = Told {
        events: EventStore::new(dynamodb.clone(), required("EVENTS_TABLE")?),
        timezone: required_parsed::<Tz>("DEFAULT_TIMEZONE")?,
    };
    let parts = Parts {
        store: PaymentsStore::new(dynamodb.clone(), required("PAYMENTS_TABLE")?, told),
        plates: ParkedPlates::new(dynamodb, required("PARKED_PLATES_TABLE")?),
        provider: Arc::new(Stripe::new(&required("STRIPE_ENDPOINT")?, required("STRIPE_SECRET_KEY")?)?),
        plate_key: PlateKey::new(required("PLATE_HASH_KEY")?.as_bytes()),
        settings: Settings {
            publishable_key: optional("STRIPE_PUBLISHABLE_KEY").unwrap_or_default(),
            webhook_secret: required("STRIPE_WEBHOOK_SECRET")?,
            plate_retention: TimeDelta::hours(parsed("PLATE_RETENTION_HOURS", 24)?),
        },
    };
    Ok((App::new(parts, Arc::new(Utc::now)), forecasts))
}
