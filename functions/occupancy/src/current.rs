//! The current state of places: one consistent read of the live state per place, joined with the register.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use parvis_kit::metrics::Metrics;
use parvis_kit::problem::Problem;
use parvis_kit::telemetry::chain;
use parvis_live::{LiveError, VersionedBlock};
use parvis_parking::{BlockIndex, SpaceNumber, SpaceState, ZoneId};
use parvis_places::{PlaceRecord, PlaceSummary, Source};

use crate::error::ApiResult;
use crate::series::Sources;
use crate::sql::SpaceSet;
use crate::state::App;

/// The function's name in metrics.
const FUNCTION: &str = "occupancy";
/// Live states of so many places are read at a time: enough to hide the round trips, few enough that the answers waiting
/// to be viewed stay small.
const CONCURRENT_READS: usize = 12;

/// A place and everything that its sensors said.
#[derive(Clone, Debug)]
pub struct PlaceNow {
    /// The register's part.
    pub record: Arc<PlaceRecord>,
    /// The live part.
    pub blocks: Vec<VersionedBlock>,
}

impl App {
    /// The current state of a place.
    ///
    /// # Errors
    /// 503 when the live state cannot be read.
    pub async fn now_of(&self, record: Arc<PlaceRecord>) -> ApiResult<PlaceNow> {
        let blocks = self.live().place_blocks(&record.place.id).await?;
        Ok(PlaceNow { record, blocks })
    }

    /// `view` of the current state of every place, in the order of their ids. A place whose state this version of the
    /// program cannot read is left out, logged and counted: it must not hide the others.
    ///
    /// Each place is a task of its own: unpacking and counting the blocks takes longer than reading them, and so uses
    /// all processors. A place's blocks are dropped as soon as they are viewed, so memory does not grow with the fleet.
    ///
    /// # Errors
    /// 503 when the register or the live state cannot be read.
    pub async fn every_place<T: Send + 'static>(
        &self,
        view: impl Fn(&Self, PlaceNow) -> T + Clone + Send + 'static,
    ) -> ApiResult<Vec<T>> {
        let listing = self.listing().await?;
        stream::iter(listing.iter().cloned())
            .map(|record| {
                let (app, view) = (self.clone(), view.clone());
                let task = tokio::spawn(async move {
                    let place = app.readable(record).await?;
                    Ok(place.map(|place| view(&app, place)))
                });
                async move { task.await.map_err(Problem::internal)? }
            })
            .buffered(CONCURRENT_READS)
            .try_filter_map(future::ok)
            .try_collect()
            .await
    }

    /// The current state of a place, or `None` when some of it is not of a form that this version of the program knows.
    async fn readable(&self, record: Arc<PlaceRecord>) -> Result<Option<PlaceNow>, LiveError> {
        match self.live().place_blocks(&record.place.id).await {
            Ok(blocks) => Ok(Some(PlaceNow { record, blocks })),
            Err(error @ LiveError::Image(_)) => {
                tracing::error!(place = %record.place.id, error = %chain(&error), "a place is left out of the list");
                Metrics::new(FUNCTION).count("ImagesUnreadable", 1, &[]);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl PlaceNow {
    /// The totals.
    #[must_use]
    pub fn summary(&self) -> PlaceSummary {
        self.record.summarise(self.blocks.iter().map(|block| (&block.key, &block.block)))
    }

    /// Every space that reports, with its zone.
    pub fn reporting(&self) -> impl Iterator<Item = (&ZoneId, SpaceNumber, &SpaceState)> {
        self.blocks.iter().flat_map(|block| {
            let spaces = block.block.as_spaces().into_iter().flat_map(|spaces| spaces.spaces());
            spaces.map(|(number, state)| (&block.key.zone, number, state))
        })
    }

    /// What the history of the place, or of one of its zones, is made of: the same spaces and counters as its totals, or
    /// as they would be if the place were not closed.
    #[must_use]
    pub fn sources(&self, only: Option<&ZoneId>) -> Sources {
        self.sources_of(|zone| only.map_or_else(|| self.record.has_part(zone), |only| only == zone))
    }

    /// What the history of the wanted zones is made of.
    #[must_use]
    pub fn sources_of(&self, wanted: impl Fn(&ZoneId) -> bool) -> Sources {
        let mut spaces: Vec<(&ZoneId, SpaceNumber)> = Vec::new();
        let mut counters = Vec::new();
        for zone in self.record.zones.iter().filter(|zone| wanted(&zone.id)) {
            match zone.source {
                Source::Spaces => {
                    let open = zone.spaces.iter().filter(|space| !space.closed);
                    spaces.extend(open.map(|space| (&zone.id, space.number)));
                }
                Source::Counter => counters.push(zone.id.to_string()),
            }
        }
        let reporting = self.reporting().filter(|(zone, number, _)| wanted(zone) && self.is_extra(zone, *number));
        spaces.extend(reporting.map(|(zone, number, _)| (zone, number)));
        let unregistered = self.blocks.iter().map(|block| &block.key);
        let unregistered = unregistered.filter(|key| key.index == BlockIndex::Counter && wanted(&key.zone));
        counters
            .extend(unregistered.filter(|key| self.is_counted_unregistered(&key.zone)).map(|key| key.zone.to_string()));
        Sources { spaces: SpaceSet::from_iter(spaces), counters }
    }

    /// Whether a reporting space counts although it is not registered.
    fn is_extra(&self, zone: &ZoneId, number: SpaceNumber) -> bool {
        self.record.zone(zone).is_none_or(|zone| zone.source == Source::Spaces && zone.space(number).is_none())
    }

    /// Whether a zone is known only by its counter. One that has spaces too is taken by its spaces, as in the totals.
    fn is_counted_unregistered(&self, zone: &ZoneId) -> bool {
        self.record.zone(zone).is_none() && !self.reporting().any(|(reporting, _, _)| reporting == zone)
    }
}
