//! What is done for one place that changed.

use chrono::{DateTime, Utc};
use parvis_live::LiveError;
use parvis_parking::PlaceId;
use parvis_places::RegisterError;

use crate::{
    Announce,
    levels::LevelError,
    messages::{View, place_topic, zone_topic},
    publish::{Message, Publish, PublishFailed},
    touched::TouchedPlace,
};

/// Attempts when somebody else changes the levels at the same time.
const ATTEMPTS: usize = 4;

/// Why a place could not be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Level(#[from] LevelError),
    #[error(transparent)]
    Publish(#[from] PublishFailed),
    #[error("a message cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl PlaceError {
    /// Whether no retry would help: the state is not one that this version of the program can read.
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self, Self::Live(LiveError::Image(_)) | Self::Json(_))
    }
}

/// What was told about a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) messages: u64,
    pub(crate) alerts: u64,
}

impl<P: Publish> Announce<P> {
    /// Publishes what changed, and settles the levels when totals changed.
    pub(crate) async fn tell(
        &self,
        place: &PlaceId,
        touched: &TouchedPlace,
        now: DateTime<Utc>,
    ) -> Result<Told, PlaceError> {
        let mut attempt = 1;
        loop {
            match self.try_tell(place, touched, now).await {
                Err(PlaceError::Level(LevelError::Conflict)) if attempt < ATTEMPTS => attempt += 1,
                told => return told,
            }
        }
    }

    async fn try_tell(&self, place: &PlaceId, touched: &TouchedPlace, now: DateTime<Utc>) -> Result<Told, PlaceError> {
        let Some(record) = self.places.get(place).await? else {
            return self.take_back(place, touched).await;
        };
        // The levels before the blocks: see `LevelStore::settle`.
        let levels = if touched.totals() { Some(self.levels.get(place).await?) } else { None };
        let blocks = self.live.place_blocks(place).await?;
        let summary = record.summarise(blocks.iter().map(|block| (&block.key, &block.block)));
        let view = View {
            place,
            timezone: record.place.timezone,
            is_default: *place == self.places.default_place().id,
            blocks: &blocks,
            summary: &summary,
            now,
        };
        let messages = view.messages(touched)?;
        let count = messages.len() as u64;
        self.publisher.publish_all(messages).await?;
        let alerts = match levels {
            Some(levels) => self.levels.settle(levels, &record, &summary, now).await?.len() as u64,
            None => 0,
        };
        Ok(Told { messages: count, alerts })
    }

    /// The place is not, or no longer, in the register: what was retained about it goes when its deletion is heard of.
    async fn take_back(&self, place: &PlaceId, touched: &TouchedPlace) -> Result<Told, PlaceError> {
        if !touched.registered {
            return Ok(Told::default());
        }
        let zones = touched.zones.keys().map(|zone| zone_topic(place, zone));
        let messages: Vec<_> = zones.chain([place_topic(place)]).map(Message::cleared).collect();
        let count = messages.len() as u64;
        self.publisher.publish_all(messages).await?;
        Ok(Told { messages: count, alerts: 0 })
    }
}
