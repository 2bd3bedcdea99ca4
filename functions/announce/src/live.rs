//! The handlers of the streams of the live state and of the register: what changed in places is told.

use std::collections::BTreeMap;

use aws_lambda_events::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use parvis_kit::{batch, event_store::EventStoreError, metrics::Metrics, telemetry::chain};
use parvis_parking::PlaceId;

use crate::{
    Announce, FUNCTION, lost,
    publish::Publish,
    touched::{TouchedPlace, registered, touched},
};

/// Places told at the same time.
const CONCURRENCY: usize = 8;

impl<P: Publish> Announce<P> {
    /// Tells what a batch of images changed. When a place fails, the batch comes again from the place's first record on; what was
    /// told about others is then told again, which harms nobody.
    pub(crate) async fn handle_live(&self, records: &[EventRecord], now: DateTime<Utc>) -> DynamoDbEventResponse {
        let mut metrics = Metrics::new(FUNCTION);
        let (places, unreadable) = touched(records);
        metrics.count("ImagesUnreadable", unreadable, &[]);
        let lost = self.tell_lost(records, now).await;
        let response = self.tell_all(records, &places, metrics, now).await;
        match lost {
            Ok(()) => response,
            Err(error) => {
                tracing::error!(error = %chain(&error), "lost sensors are told later");
                batch::stream_response(records.first())
            }
        }
    }

    /// Puts an event for each sensor that is newly disconnected; the same again changes nothing.
    async fn tell_lost(&self, records: &[EventRecord], now: DateTime<Utc>) -> Result<(), EventStoreError> {
        let events = lost::events(records, now);
        let puts: Vec<_> = events.iter().map(|event| self.events.put(event)).collect();
        stream::iter(puts).buffer_unordered(CONCURRENCY).try_collect().await
    }

    /// Tells places whose entries in the register changed: closing a zone, or another threshold, changes totals and levels
    /// without any sensor saying so.
    pub(crate) async fn handle_register(&self, records: &[EventRecord], now: DateTime<Utc>) -> DynamoDbEventResponse {
        let places = registered(records);
        for place in places.keys() {
            self.places.forget(place);
        }
        self.tell_all(records, &places, Metrics::new(FUNCTION), now).await
    }

    async fn tell_all(
        &self,
        records: &[EventRecord],
        places: &BTreeMap<PlaceId, TouchedPlace>,
        mut metrics: Metrics,
        now: DateTime<Utc>,
    ) -> DynamoDbEventResponse {
        let results: Vec<_> = stream::iter(places)
            .map(|(place, touched)| async move { (place, touched, self.tell(place, touched, now).await) })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let mut first_failed = None;
        for (place, touched, result) in results {
            match result {
                Ok(told) => {
                    metrics.count("MessagesPublished", told.messages, &[]).count("Alerts", told.alerts, &[]);
                }
                Err(error) => {
                    let permanent = error.is_permanent();
                    tracing::error!(error = %chain(&error), %place, permanent, "a place could not be told");
                    metrics.count("PlacesFailed", 1, &[]);
                    if !permanent {
                        let earliest = first_failed.unwrap_or(touched.first_record);
                        first_failed = Some(touched.first_record.min(earliest));
                    }
                }
            }
        }
        if let Some(oldest) = records.first() {
            let lag = now - oldest.change.approximate_creation_date_time;
            metrics.milliseconds("AnnounceLag", lag.num_milliseconds().max(0) as f64, &[]);
        }
        batch::stream_response(first_failed.and_then(|index| records.get(index)))
    }
}
