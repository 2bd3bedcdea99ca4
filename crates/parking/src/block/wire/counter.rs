//! The packed form of a counter. It has few values: its form is the struct's.

use serde::{Deserialize, Serialize};

use super::{DecodeError, Reader, Writer, bounded, minus, time};
use crate::block::counter::{CounterBlock, CounterState, Flow};
use crate::change::{Change, Changes};
use crate::message::Percent;

/// A counter as it is packed; times are differences to the newest reading's.
#[derive(Serialize, Deserialize)]
struct PackedCounter {
    state: Option<PackedState>,
    /// Before the state's time, newest last, in milliseconds.
    recent: Vec<i64>,
    flow: Option<Flow>,
    changes: Vec<PackedCount>,
}

#[derive(Serialize, Deserialize)]
struct PackedState {
    at: i64,
    count: PackedValues,
    since_before: i64,
    seen_after: i64,
}

#[derive(Serialize, Deserialize)]
struct PackedCount {
    at: i64,
    count: PackedValues,
}

#[derive(Serialize, Deserialize)]
struct PackedValues {
    occupied: u32,
    capacity: u32,
    percent: Option<u16>,
}

impl PackedValues {
    fn percent(&self) -> Result<Option<Percent>, DecodeError> {
        self.percent
            .map(|hundredths| {
                Percent::from_hundredths(hundredths).ok_or(DecodeError::Damaged("a percentage above 100"))
            })
            .transpose()
    }
}

pub(super) fn encode(block: &CounterBlock, writer: &mut Writer) {
    let base = block.state.map_or(0, |state| state.at.timestamp_millis());
    let changes = block.changes.as_slice().iter().filter_map(|change| match *change {
        Change::Counted { at, occupied, capacity, percent } => Some(PackedCount {
            at: base - at.timestamp_millis(),
            count: PackedValues { occupied, capacity, percent: percent.map(Percent::hundredths) },
        }),
        // A counter has no spaces.
        _ => None,
    });
    writer.put(&PackedCounter {
        state: block.state.map(|state| PackedState {
            at: base,
            count: PackedValues {
                occupied: state.occupied,
                capacity: state.capacity,
                percent: state.percent.map(Percent::hundredths),
            },
            since_before: base - state.since.timestamp_millis(),
            seen_after: state.seen_at.timestamp_millis() - base,
        }),
        recent: block.recent.iter().map(|at| base - at.timestamp_millis()).collect(),
        flow: block.flow,
        changes: changes.collect(),
    });
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<CounterBlock, DecodeError> {
    let packed: PackedCounter = reader.take()?;
    let base = packed.state.as_ref().map_or(0, |state| state.at);
    let before = |difference: i64| time(minus(base, difference)?);
    let state = packed
        .state
        .map(|state| {
            Ok::<_, DecodeError>(CounterState {
                at: time(state.at)?,
                occupied: state.count.occupied,
                capacity: state.count.capacity,
                percent: state.count.percent()?,
                since: before(state.since_before)?,
                seen_at: before(-bounded(state.seen_after)?)?,
            })
        })
        .transpose()?;
    let changes = packed
        .changes
        .into_iter()
        .map(|change| {
            Ok(Change::Counted {
                at: before(change.at)?,
                occupied: change.count.occupied,
                capacity: change.count.capacity,
                percent: change.count.percent()?,
            })
        })
        .collect::<Result<Vec<_>, DecodeError>>()?;
    Ok(CounterBlock {
        state,
        recent: packed.recent.into_iter().map(before).collect::<Result<_, _>>()?,
        flow: packed.flow,
        changes: Changes::from(changes),
    })
}
