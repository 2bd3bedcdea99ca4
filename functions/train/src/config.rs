//! Configuration from the environment.

use parvis_forecasts::ForecastStore;
use parvis_kit::{env, event_store::EventStore, postgres::Database};
use parvis_live::LiveStore;
use parvis_places::PlacesStore;

use crate::{FUNCTION, Trainer};

/// At or below so many percent a battery gets a work order at once, whatever its trend.
const BATTERY_FLOOR: u8 = 10;

/// The trainer as the environment describes it. Connections are opened when first used: a fed series needs no database.
pub(crate) async fn trainer_from_env() -> Result<Trainer, lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    Ok(Trainer {
        places: PlacesStore::new(dynamodb.clone(), env::required("PLACES_TABLE")?),
        events: EventStore::new(dynamodb.clone(), env::required("EVENTS_TABLE")?),
        live: LiveStore::new(dynamodb.clone(), env::required("LIVE_TABLE")?),
        store: ForecastStore::new(dynamodb, env::required("FORECASTS_TABLE")?),
        database: Database::from_env(&aws, FUNCTION)?,
        battery_floor: f64::from(env::parsed::<u8>("BATTERY_FLOOR_PERCENT", BATTERY_FLOOR)?),
    })
}
