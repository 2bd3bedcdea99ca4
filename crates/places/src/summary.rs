//! Totals: the register joined with the live state.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use parvis_parking::{Block, BlockKey, CounterBlock, SpaceBlock, Tally, ZoneId};

use crate::model::{OpenStatus, PlaceRecord, Source, Zone};

/// The totals of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneSummary {
    /// The zone, registered or not.
    pub zone: ZoneId,
    /// How its occupancy is known.
    pub source: Source,
    /// Registered open spaces and reporting spaces together, or the counter's; also of a closed zone, in which vehicles
    /// may stand still. [`PlaceRecord::is_open`] tells whether they are on offer.
    pub tally: Tally,
    /// Receipt time of the latest news.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The totals of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceSummary {
    /// Its open zones together; nothing while the place is closed.
    pub tally: Tally,
    /// Its zones by id: the registered ones, and those that report.
    pub zones: Vec<ZoneSummary>,
    /// Receipt time of the latest news.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The blocks of one zone.
#[derive(Default)]
struct ZoneBlocks<'b> {
    spaces: Vec<&'b SpaceBlock>,
    counter: Option<&'b CounterBlock>,
}

impl PlaceRecord {
    /// The totals of the place, of the given blocks of its live state.
    #[must_use]
    pub fn summarise<'b>(&self, blocks: impl IntoIterator<Item = (&'b BlockKey, &'b Block)>) -> PlaceSummary {
        let mut by_zone: BTreeMap<&ZoneId, ZoneBlocks<'_>> = BTreeMap::new();
        for zone in &self.zones {
            by_zone.entry(&zone.id).or_default();
        }
        for (key, block) in blocks {
            let zone = by_zone.entry(&key.zone).or_default();
            match block {
                Block::Spaces(block) => zone.spaces.push(block),
                Block::Counter(block) => zone.counter = Some(block),
            }
        }
        let zones: Vec<ZoneSummary> =
            by_zone.into_iter().map(|(id, blocks)| blocks.summarise(id, self.zone(id))).collect();
        PlaceSummary {
            tally: zones.iter().filter(|summary| self.is_open(&summary.zone)).map(|summary| summary.tally).sum(),
            updated_at: zones.iter().filter_map(|zone| zone.updated_at).max(),
            zones,
        }
    }

    /// Whether a zone takes vehicles, and so counts in the totals: neither it nor the place is closed. A zone that is not
    /// registered is as open as the place.
    #[must_use]
    pub fn is_open(&self, zone: &ZoneId) -> bool {
        self.place.status == OpenStatus::Open && self.has_part(zone)
    }

    /// Whether a zone has part in what the place is, open or closed: it is not closed itself. The past of a closed place
    /// is that of these zones.
    #[must_use]
    pub fn has_part(&self, zone: &ZoneId) -> bool {
        self.zone(zone).is_none_or(|zone| zone.status == OpenStatus::Open)
    }
}

impl ZoneBlocks<'_> {
    fn summarise(&self, id: &ZoneId, zone: Option<&Zone>) -> ZoneSummary {
        let source = match zone {
            Some(zone) => zone.source,
            // Not registered: known by what it sends.
            None if self.spaces.is_empty() => Source::Counter,
            None => Source::Spaces,
        };
        let tally = match source {
            Source::Spaces => self.tally_spaces(zone),
            Source::Counter => self.tally_counter(zone),
        };
        ZoneSummary { zone: id.clone(), source, tally, updated_at: self.updated_at() }
    }

    fn tally_spaces(&self, zone: Option<&Zone>) -> Tally {
        let is_open = |number| zone.is_none_or(|zone| !zone.is_closed(number));
        let heard: Tally = self.spaces.iter().map(|block| block.tally_of(is_open)).sum();
        let numbers: BTreeSet<_> =
            self.spaces.iter().flat_map(|block| block.spaces().map(|(number, _)| number)).collect();
        let unheard = zone
            .into_iter()
            .flat_map(|zone| &zone.spaces)
            .filter(|space| !space.closed && !numbers.contains(&space.number))
            .count();
        // A zone has at most 9999 spaces.
        heard + Tally::unheard(u32::try_from(unheard).unwrap_or(u32::MAX))
    }

    fn tally_counter(&self, zone: Option<&Zone>) -> Tally {
        let registered = zone.and_then(|zone| zone.capacity);
        match self.counter.and_then(CounterBlock::state) {
            Some(state) => Tally::counted(state.occupied, registered.unwrap_or(state.capacity)),
            None => Tally::unheard(registered.unwrap_or(0)),
        }
    }

    fn updated_at(&self) -> Option<DateTime<Utc>> {
        let spaces = self.spaces.iter().flat_map(|block| block.spaces().map(|(_, state)| state.seen_at()));
        let counter = self.counter.and_then(CounterBlock::state).map(|state| state.seen_at);
        spaces.chain(counter).max()
    }
}

#[cfg(test)]
mod tests;
