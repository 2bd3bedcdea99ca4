//! Until when a car park's sensors were heard.
//!
//! History tells arrivals and departures only: of a car park whose sensors have all fallen silent it says that nobody came. What was
//! last known then is no observation of what is now.

use chrono::{DateTime, Utc};
use parvis_forecasting::{Grid, Observation};
use parvis_forecasts::Subject;
use parvis_parking::Connectivity;
use parvis_places::Source;

use crate::work::{Trainer, WorkError};

impl Trainer {
    /// When the last of the sensors of a car park or zone was heard, if all of them that ever were have been silent for too long; none
    /// as long as one of them is heard, and where there are none. (`ingest` decides what is too long; of counters the history
    /// itself tells when they were read.)
    ///
    /// # Errors
    /// When the register or the live state cannot be read.
    pub(crate) async fn silent_since(&self, subject: &Subject) -> Result<Option<DateTime<Utc>>, WorkError> {
        let Some(place) = subject.place() else { return Ok(None) };
        let Some(record) = self.places.get(place).await? else { return Ok(None) };
        let only = subject.zone();
        let counted =
            |zone: &parvis_places::Zone| only.map_or_else(|| record.has_part(&zone.id), |only| *only == zone.id);
        if !record.zones.iter().any(|zone| counted(zone) && zone.source == Source::Spaces) {
            return Ok(None);
        }
        let blocks = match only {
            Some(zone) => self.live.zone_blocks(place, zone).await?,
            None => self.live.place_blocks(place).await?,
        };
        let mut last = None;
        for block in &blocks {
            let zone = record.zone(&block.key.zone).filter(|zone| counted(zone));
            let (Some(zone), Some(spaces)) = (zone, block.block.as_spaces()) else { continue };
            for (_, state) in
                spaces.spaces().filter(|(number, _)| zone.space(*number).is_some() && !zone.is_closed(*number))
            {
                if state.connectivity() != Connectivity::Lost {
                    return Ok(None);
                }
                last = last.max(Some(state.seen_at()));
            }
        }
        Ok(last)
    }
}

/// Leaves out what was noted of steps that ended after the sensors were last heard.
pub(crate) fn until(observations: &mut Vec<Observation>, grid: &Grid, heard: DateTime<Utc>) {
    let step = grid.index(heard);
    observations.retain(|observation| grid.index(observation.at) < step);
}
