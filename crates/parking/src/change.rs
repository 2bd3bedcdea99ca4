//! What a write of the live state changed in history.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::SpaceNumber;
use crate::message::{Percent, Status};

/// One edit of a zone's history.
///
/// The truth about a space is its readings in the order of device time, beginning free; a transition is a reading whose
/// status differs from the one before. A late reading can prove a recorded transition wrong (the space was already
/// occupied), which is what [`Change::Remove`] says. Applying the changes of all images of a block in the stream's order
/// gives exactly that truth; applying an image again changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// The space went to `status` at `at`.
    Add {
        /// The space.
        space: SpaceNumber,
        /// Device time.
        at: DateTime<Utc>,
        /// The new state.
        status: Status,
    },
    /// There was no transition to `status` at `at` after all.
    Remove {
        /// The space.
        space: SpaceNumber,
        /// Device time.
        at: DateTime<Utc>,
        /// The state to which it did not go.
        status: Status,
    },
    /// The sensor has been silent for too long.
    CommsLost {
        /// The space.
        space: SpaceNumber,
        /// When the silence became too long.
        at: DateTime<Utc>,
    },
    /// The sensor was heard again.
    CommsRestored {
        /// The space.
        space: SpaceNumber,
        /// When it was heard.
        at: DateTime<Utc>,
    },
    /// A counter was read. Late readings too; the first one recorded for a time holds.
    Counted {
        /// Device time.
        at: DateTime<Utc>,
        /// Vehicles inside.
        occupied: u32,
        /// Spaces at that time.
        capacity: u32,
        /// The percentage that the counter sent, if it sent one: exact, where `occupied` is rounded to whole vehicles.
        percent: Option<Percent>,
    },
}

/// The kinds of events of a space, named as CDS names curb events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum EventKind {
    /// A vehicle arrived.
    ParkStart,
    /// A vehicle left.
    ParkEnd,
    /// The sensor fell silent.
    CommsLost,
    /// The sensor was heard again.
    CommsRestored,
}

impl EventKind {
    /// As CDS, the database and the API write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ParkStart => "park_start",
            Self::ParkEnd => "park_end",
            Self::CommsLost => "comms_lost",
            Self::CommsRestored => "comms_restored",
        }
    }
}

impl From<Status> for EventKind {
    /// The event of a transition to a status.
    fn from(status: Status) -> Self {
        match status {
            Status::Occupied => Self::ParkStart,
            Status::Free => Self::ParkEnd,
        }
    }
}

/// The net changes of one write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    pub(crate) fn as_slice(&self) -> &[Change] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn push(&mut self, change: Change) {
        self.0.push(change);
    }

    pub(crate) fn add(&mut self, space: SpaceNumber, at: DateTime<Utc>, status: Status) {
        self.unless_undone(Change::Remove { space, at, status }, Change::Add { space, at, status });
    }

    pub(crate) fn remove(&mut self, space: SpaceNumber, at: DateTime<Utc>, status: Status) {
        self.unless_undone(Change::Add { space, at, status }, Change::Remove { space, at, status });
    }

    /// A change and its opposite within one write are no change.
    fn unless_undone(&mut self, opposite: Change, change: Change) {
        if let Some(position) = self.0.iter().position(|c| *c == opposite) {
            self.0.remove(position);
        } else {
            self.0.push(change);
        }
    }
}

impl From<Vec<Change>> for Changes {
    fn from(changes: Vec<Change>) -> Self {
        Self(changes)
    }
}
