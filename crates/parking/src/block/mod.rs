//! Blocks: the packed live state, and the merge of messages into it.

mod counter;
mod space;
mod spaces;
mod wire;

use crate::change::Change;
use crate::ids::BlockIndex;
use crate::message::DeviceMessage;
use crate::tally::Tally;

pub use counter::{CounterBlock, CounterState};
pub use space::{KEPT, KEPT_AT_MOST, ON_ITS_WAY, Point, SpaceState};
pub use spaces::SpaceBlock;
pub use wire::DecodeError;

/// A part of a zone's live state, small enough for one write unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Up to 32 spaces.
    Spaces(SpaceBlock),
    /// The zone's counter.
    Counter(CounterBlock),
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The newest; it is now the live state.
    Accepted,
    /// Late, but within the reorder window: history was corrected.
    Corrected,
    /// Known already.
    Duplicate,
    /// Older than everything kept, and nothing else.
    Late,
    /// Older than everything kept, but received after everything else: the sensor lives, whatever its clock shows.
    LateButHeard,
}

/// What became of the messages merged in one go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// Became the live state.
    pub accepted: u32,
    /// Came late and were put into their place in history.
    pub corrected: u32,
    /// Known already, changed nothing.
    pub duplicates: u32,
    /// Too old to be placed.
    pub late: u32,
    /// Of those, the ones that ended or prevented a silence of their sensor.
    pub heard: u32,
}

impl MergeReport {
    /// Whether the block must be written.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.accepted + self.corrected + self.heard > 0
    }

    fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Corrected => self.corrected += 1,
            Outcome::Duplicate => self.duplicates += 1,
            Outcome::Late => self.late += 1,
            Outcome::LateButHeard => {
                self.late += 1;
                self.heard += 1;
            }
        }
    }
}

impl std::ops::AddAssign for MergeReport {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.corrected += other.corrected;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.heard += other.heard;
    }
}

impl Block {
    /// A block of which nothing is known.
    #[must_use]
    pub fn empty(index: BlockIndex) -> Self {
        match index {
            BlockIndex::Spaces(index) => Self::Spaces(SpaceBlock::empty(index)),
            BlockIndex::Counter => Self::Counter(CounterBlock::empty()),
        }
    }

    /// Merges messages of this block and replaces [`Block::changes`].
    ///
    /// They are taken in the order of device time, whatever order the queue delivered them in: within one batch nothing
    /// is late. Messages of other blocks are ignored: who groups them by [`DeviceMessage::block_key`] passes none.
    pub fn merge<'m>(&mut self, messages: impl IntoIterator<Item = &'m DeviceMessage>) -> MergeReport {
        let mut messages: Vec<_> = messages.into_iter().collect();
        messages.sort_by_key(|message| message.order());
        match self {
            Self::Spaces(block) => block.merge(messages),
            Self::Counter(block) => block.merge(messages.into_iter().filter_map(|message| match message {
                DeviceMessage::Counter(reading) => Some(reading),
                _ => None,
            })),
        }
    }

    /// What the last write changed in history.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Spaces(block) => block.changes(),
            Self::Counter(block) => block.changes(),
        }
    }

    /// The summary of what this block has heard of. The register may know of more spaces.
    #[must_use]
    pub fn tally(&self) -> Tally {
        match self {
            Self::Spaces(block) => block.tally(),
            Self::Counter(block) => block.tally(),
        }
    }

    /// The spaces, if the block holds spaces.
    #[must_use]
    pub fn as_spaces(&self) -> Option<&SpaceBlock> {
        match self {
            Self::Spaces(block) => Some(block),
            Self::Counter(_) => None,
        }
    }

    /// The counter, if the block holds a counter.
    #[must_use]
    pub fn as_counter(&self) -> Option<&CounterBlock> {
        match self {
            Self::Counter(block) => Some(block),
            Self::Spaces(_) => None,
        }
    }

    /// Packs the block, its changes included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Unpacks a block.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are of an unknown format or damaged.
    pub fn decode(index: BlockIndex, bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode(index, bytes)
    }
}
