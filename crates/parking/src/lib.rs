//! Parking rules and state without AWS or HTTP.
//!
//! A device message enters through [`message::parse`], which returns a typed [`DeviceMessage`] or a typed
//! [`Refusal`]. Messages are merged into a [`Block`]: the packed live state of up to 32 spaces of one zone, or of the
//! zone's counter. Each merge also tells, as [`Change`]s, what it changed in the zone's history, so that history is a
//! pure function of the successive images of the blocks.
//!
//! Everything here is deterministic: time is always passed in.

pub mod alert;
pub mod block;
pub mod change;
mod fields;
pub mod ids;
pub mod message;
pub mod plate;
pub mod refusal;
pub mod tally;
pub mod timestamp;
pub mod topic;

pub use alert::{Level, Thresholds};
pub use block::{Block, CounterBlock, CounterState, DecodeError, MergeReport, Point, SpaceBlock, SpaceState};
pub use change::{Change, EventKind};
pub use ids::{BLOCK_SPACES, BlockIndex, BlockKey, InvalidId, PlaceId, SpaceNumber, ZoneId};
pub use message::{
    Connectivity, Count, CounterReading, DeviceMessage, Heartbeat, Percent, PlateObservation, RawMessage, SpaceReading,
    Spot, Status, VehicleClass, Zones,
};
pub use refusal::{Refusal, RefusalCode};
pub use tally::Tally;
