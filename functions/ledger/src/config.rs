//! Configuration from the environment.

use std::sync::Arc;

use chrono::Utc;
use chrono_tz::Tz;
use parvis_kit::env::{EnvError, optional, required, required_parsed};
use parvis_kit::lambda::BoxError;
use parvis_kit::postgres::{Database, DatabaseError};
use parvis_ledger_rules::{Chart, InvalidAccount};
use parvis_places::PlacesStore;

use crate::FUNCTION;
use crate::movements::MovementReader;
use crate::state::{App, House};
use crate::zones::ZoneNames;

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
    /// Who sells, or the accounts, are not written as they should.
    #[error("{0} cannot be read: {1}")]
    Json(&'static str, serde_json::Error),
    /// An account number is not one.
    #[error(transparent)]
    Account(#[from] InvalidAccount),
}

/// The application as the environment describes it. Connections are opened when first used.
///
/// # Errors
/// When a setting is missing or wrong.
pub async fn app_from_env() -> Result<App, ConfigError> {
    let aws = parvis_kit::aws::config().await?;
    let seller = required("LEDGER_SELLER")?;
    let chart = match optional("LEDGER_CHART") {
        Some(text) => serde_json::from_str(&text).map_err(|error| ConfigError::Json("LEDGER_CHART", error))?,
        None => Chart::private_operator()?,
    };
    let house = House {
        seller: serde_json::from_str(&seller).map_err(|error| ConfigError::Json("LEDGER_SELLER", error))?,
        chart,
        customers: match optional("LEDGER_CUSTOMERS") {
            Some(text) => serde_json::from_str(&text).map_err(|error| ConfigError::Json("LEDGER_CUSTOMERS", error))?,
            None => Default::default(),
        },
        timezone: required_parsed::<Tz>("DEFAULT_TIMEZONE")?,
    };
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let movements = MovementReader::new(dynamodb.clone(), required("PAYMENTS_TABLE")?);
    let zones = ZoneNames::new(PlacesStore::new(dynamodb, required("PLACES_TABLE")?));
    Ok(App::new(Database::from_env(&aws, FUNCTION)?, movements, zones, house, Arc::new(Utc::now)))
}
