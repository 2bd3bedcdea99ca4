//! A block of up to 32 spaces of one zone.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::space::SpaceState;
use super::{MergeReport, Outcome};
use crate::change::{Change, Changes};
use crate::ids::SpaceNumber;
use crate::message::DeviceMessage;
use crate::tally::Tally;

/// The live state of up to 32 neighbouring spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceBlock {
    pub(super) index: u16,
    pub(super) spaces: BTreeMap<SpaceNumber, SpaceState>,
    pub(super) changes: Changes,
}

impl SpaceBlock {
    /// A block of spaces `32 * index + 1` and following, of which nothing is known.
    #[must_use]
    pub fn empty(index: u16) -> Self {
        Self { index, spaces: BTreeMap::new(), changes: Changes::default() }
    }

    /// Merges readings and heartbeats one after the other, and replaces [`SpaceBlock::changes`].
    ///
    /// Messages of other blocks, and of other kinds, are ignored.
    pub(super) fn merge<'m>(&mut self, messages: impl IntoIterator<Item = &'m DeviceMessage>) -> MergeReport {
        self.changes.clear();
        let mut report = MergeReport::default();
        for message in messages {
            if let Some(outcome) = self.merge_one(message) {
                report.note(outcome);
            }
        }
        report
    }

    fn merge_one(&mut self, message: &DeviceMessage) -> Option<Outcome> {
        let Self { index, spaces, changes } = self;
        match message {
            DeviceMessage::Space(reading) if reading.space.block() == *index => {
                Some(match spaces.get_mut(&reading.space) {
                    Some(state) => state.read(reading, changes),
                    None => {
                        spaces.insert(reading.space, SpaceState::of_reading(reading, changes));
                        Outcome::Accepted
                    }
                })
            }
            DeviceMessage::Heartbeat(heartbeat) if heartbeat.space.block() == *index => {
                Some(match spaces.get_mut(&heartbeat.space) {
                    Some(state) => state.beat(heartbeat, changes),
                    None => {
                        spaces.insert(heartbeat.space, SpaceState::of_heartbeat(heartbeat));
                        Outcome::Accepted
                    }
                })
            }
            _ => None,
        }
    }

    /// Marks sensors which have been silent for longer than `limit`, and replaces [`SpaceBlock::changes`]; returns how
    /// many are news.
    pub fn mark_silent(&mut self, now: DateTime<Utc>, limit: Duration) -> usize {
        self.changes.clear();
        let Self { spaces, changes, .. } = self;
        spaces
            .iter_mut()
            .map(|(space, state)| state.mark_silent(*space, now, limit, changes))
            .filter(|lost| *lost)
            .count()
    }

    /// What the last write changed in history.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        self.changes.as_slice()
    }

    /// The spaces heard of, by number.
    pub fn spaces(&self) -> impl Iterator<Item = (SpaceNumber, &SpaceState)> {
        self.spaces.iter().map(|(space, state)| (*space, state))
    }

    /// One space.
    #[must_use]
    pub fn get(&self, space: SpaceNumber) -> Option<&SpaceState> {
        self.spaces.get(&space)
    }

    /// The summary of the spaces heard of.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally_of(|_| true)
    }

    /// The summary of the spaces heard of that pass a filter, such as "not closed".
    ///
    /// A space whose sensor is lost counts with its last known status: a sensor that reports only changes is silent
    /// while a car stays, and says nothing wrong.
    #[must_use]
    pub fn tally_of(&self, filter: impl Fn(SpaceNumber) -> bool) -> Tally {
        let mut tally = Tally::default();
        for (space, state) in self.spaces() {
            if filter(space) {
                tally.count(state.status());
            }
        }
        tally
    }
}
