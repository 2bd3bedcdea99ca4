//! Tells the world what changed: summaries, live updates of open pages, alerts and bookings, over MQTT.
//!
//! Three streams come here. Those of the live state and of the register say which places changed; what is told about them is computed from their
//! blocks as they are now, so a batch that comes again, or late, never tells something old. A threshold that is crossed becomes an
//! event, in one transaction with the memory of the level. The stream of events then brings the alert back here, to
//! be published: so a crash in between loses nothing. What happens to bookings comes on the same stream.

mod alerts;
mod bookings;
mod config;
mod levels;
mod live;
mod lost;
mod messages;
mod place;
mod publish;
mod touched;

use aws_lambda_events::{
    dynamodb::{Event, EventRecord},
    streams::DynamoDbEventResponse,
};
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;
use parvis_kit::{aws, batch, event_store::EventStore, lambda, telemetry};
use parvis_live::LiveStore;
use parvis_places::{CachedPlaces, PlacesStore};

pub use config::Config;
pub use publish::{IotPublisher, Message, Publish, PublishFailed};

use levels::LevelStore;

/// The function's name in metrics.
const FUNCTION: &str = "announce";

/// The function's stores and its way out.
#[derive(Clone, Debug)]
pub struct Announce<P> {
    live: LiveStore,
    places: CachedPlaces,
    levels: LevelStore,
    events: EventStore,
    events_table: String,
    places_table: String,
    publisher: P,
}

impl<P: Publish> Announce<P> {
    /// The function over its tables.
    pub fn new(dynamodb: &Client, config: Config, publisher: P) -> Self {
        let Config { live_table, places_table, alerts_table, events_table, default_place } = config;
        let events = EventStore::new(dynamodb.clone(), events_table.clone());
        Self {
            live: LiveStore::new(dynamodb.clone(), live_table),
            places: CachedPlaces::new(PlacesStore::new(dynamodb.clone(), places_table.clone()), default_place),
            levels: LevelStore::new(dynamodb.clone(), alerts_table, events.clone()),
            events,
            events_table,
            places_table,
            publisher,
        }
    }

    /// Opens the connections during the start of the sandbox.
    pub async fn warm(&self) {
        if let Err(error) = self.places.get(&self.places.default_place().id).await {
            tracing::warn!(error = %telemetry::chain(&error), "the register cannot be reached yet");
        }
    }

    /// Handles a batch of one of the streams. Records of the events table are published, those of the register say which
    /// places were changed by people, all others are images of the live state.
    pub async fn handle(&self, records: &[EventRecord], now: DateTime<Utc>) -> DynamoDbEventResponse {
        match records.first().and_then(batch::table_of) {
            Some(table) if table == self.events_table => alerts::handle(&self.publisher, records).await,
            Some(table) if table == self.places_table => self.handle_register(records, now).await,
            _ => self.handle_live(records, now).await,
        }
    }
}

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let aws = aws::config().await?;
    let announce = Announce::new(&Client::new(&aws), config, IotPublisher::new(&aws));
    announce.warm().await;
    lambda::run(move |event: LambdaEvent<Event>| {
        let announce = announce.clone();
        async move { Ok(announce.handle(&event.payload.records, Utc::now()).await) }
    })
    .await
}
