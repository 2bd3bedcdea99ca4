//! Configuration from the environment.

use chrono::Utc;
use parvis_forecasts::ForecastStore;
use parvis_kit::env;
use parvis_places::PlacesStore;

use crate::{
    plan::{JobQueue, Planner},
    state::App,
};

/// The application and the planner as the environment describes them.
pub(crate) async fn from_env() -> Result<(App, Planner), lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let store = ForecastStore::new(dynamodb.clone(), env::required("FORECASTS_TABLE")?);
    let queue = JobQueue::new(aws_sdk_sqs::Client::new(&aws), env::required("FORECAST_QUEUE_URL")?);
    let places = PlacesStore::new(dynamodb, env::required("PLACES_TABLE")?);
    Ok((App::new(store.clone(), places.clone(), queue.clone(), Utc::now), Planner { places, store, queue }))
}
