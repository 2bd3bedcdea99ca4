//! Configuration from the environment.

use chrono::Utc;
use chrono_tz::Tz;
use parvis_kit::env;
use parvis_mailroom::{LetterQueue, NoticeStore, webhook_private_hosts, writer_from_env};
use parvis_parking::PlaceId;
use parvis_places::{CachedPlaces, DefaultPlace, PlacesStore};

use crate::devices::Devices;
use crate::state::{App, Stores};

/// The application as the environment describes it.
pub(crate) async fn from_env() -> Result<App, lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let store = NoticeStore::new(dynamodb.clone(), env::required("NOTIFY_TABLE")?);
    let default = DefaultPlace {
        id: env::required_parsed::<PlaceId>("DEFAULT_PLACE")?,
        timezone: env::required_parsed::<Tz>("DEFAULT_TIMEZONE")?,
    };
    let places = CachedPlaces::new(PlacesStore::new(dynamodb, env::required("PLACES_TABLE")?), default);
    let queue = LetterQueue::new(aws_sdk_sqs::Client::new(&aws), env::required("LETTER_QUEUE_URL")?);
    let sns = aws_sdk_sns::Client::new(&aws);
    let devices = Devices::new(sns, env::optional("PUSH_FCM_APPLICATION"), env::optional("PUSH_APNS_APPLICATION"));
    let stores = Stores { notices: store, queue, places };
    Ok(App::new(stores, writer_from_env()?, devices, webhook_private_hosts(), Utc::now, rand::random))
}
