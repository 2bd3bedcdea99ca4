//! The packed form of a block.
//!
//! An item of at most 1 KB costs one write unit, whatever changed in it, so every byte counts: times are differences in
//! variable-length integers (postcard's), most of them to the neighbouring time, and absent values take one bit.
//!
//! ```text
//! block   = format(1) body
//! spaces  = base:i64 present:u32(bitmap of slots) space* changes
//! space   = flags:u16 statuses:u16 time* [before] heard seen [lost] [confidence] [battery] [sequence*] [lag*]
//! changes = count ( kind<<5|slot  time )*
//! ```

mod counter;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Block;
use super::space::{KEPT_AT_MOST, Point, Run, SpaceState};
use super::spaces::SpaceBlock;
use crate::change::{Change, Changes};
use crate::ids::{BLOCK_SPACES, BlockIndex, SpaceNumber};
use crate::message::Status;

/// The first byte. A later format gets another one, and this one stays readable.
const FORMAT: u8 = 1;

/// Bytes that are not a block.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The first byte names a format of a newer version.
    #[error("block format {0} is unknown to this version")]
    UnknownFormat(u8),
    /// The bytes end early, or hold values out of range.
    #[error("the block is damaged: {0}")]
    Damaged(&'static str),
    /// The bytes do not follow the encoding.
    #[error("the block is damaged")]
    Encoding(#[from] postcard::Error),
}

pub(super) fn encode(block: &Block) -> Vec<u8> {
    let mut writer = Writer(Vec::with_capacity(1024));
    writer.put(&FORMAT);
    match block {
        Block::Spaces(block) => encode_spaces(block, &mut writer),
        Block::Counter(block) => counter::encode(block, &mut writer),
    }
    writer.0
}

pub(super) fn decode(index: BlockIndex, bytes: &[u8]) -> Result<Block, DecodeError> {
    let (format, body) = bytes.split_first().ok_or(DecodeError::Damaged("no bytes"))?;
    if *format != FORMAT {
        return Err(DecodeError::UnknownFormat(*format));
    }
    let mut reader = Reader(body);
    let block = match index {
        BlockIndex::Spaces(index) => Block::Spaces(decode_spaces(index, &mut reader)?),
        BlockIndex::Counter => Block::Counter(counter::decode(&mut reader)?),
    };
    if reader.0.is_empty() { Ok(block) } else { Err(DecodeError::Damaged("bytes left over")) }
}

/// Writes values one after another in postcard's encoding.
struct Writer(Vec<u8>);

impl Writer {
    fn put<T: Serialize>(&mut self, value: &T) {
        let bytes = std::mem::take(&mut self.0);
        // Integers, options and slices of them into memory: the encoder has no way to fail.
        self.0 = postcard::to_extend(value, bytes).unwrap_or_else(|_| unreachable!());
    }
}

/// Reads them back.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<T: DeserializeOwned>(&mut self) -> Result<T, DecodeError> {
        let (value, rest) = postcard::take_from_bytes(self.0)?;
        self.0 = rest;
        Ok(value)
    }
}

fn time(millis: i64) -> Result<DateTime<Utc>, DecodeError> {
    DateTime::from_timestamp_millis(millis).ok_or(DecodeError::Damaged("a time out of range"))
}

/// The difference of two times that come out of damaged bytes, without overflow.
fn minus(millis: i64, difference: i64) -> Result<i64, DecodeError> {
    millis.checked_sub(difference).ok_or(DecodeError::Damaged("a time out of range"))
}

fn scaled(difference: i64, unit: i64) -> Result<i64, DecodeError> {
    difference.checked_mul(unit).ok_or(DecodeError::Damaged("a time out of range"))
}

// ------------------------------------------------------------------------------------------------ spaces

/// The flags of a space; the five lowest bits are the number of its points. All fit 14 bits, and so two bytes.
mod flag {
    pub const COUNT: u16 = 0b1_1111;
    pub const BEFORE: u16 = 1 << 5;
    pub const BEFORE_OCCUPIED: u16 = 1 << 6;
    pub const LOST: u16 = 1 << 7;
    pub const SEQUENCES: u16 = 1 << 8;
    pub const CONFIDENCE: u16 = 1 << 9;
    pub const BATTERY: u16 = 1 << 10;
    /// The device's times are whole seconds, and written as such.
    pub const SECONDS: u16 = 1 << 11;
    /// Some reading was not received at once.
    pub const LAGS: u16 = 1 << 12;
}

const SECOND: i64 = 1000;

fn encode_spaces(block: &SpaceBlock, writer: &mut Writer) {
    // The newest device time, rounded up to a whole second so that whole seconds stay whole.
    let base = block
        .spaces
        .values()
        .map(|state| state.heard_at.timestamp_millis())
        .max()
        .map_or(0, |millis| millis.div_euclid(SECOND) * SECOND + SECOND);
    let present = block.spaces.keys().fold(0u32, |bits, space| bits | 1 << space.slot());
    writer.put(&base);
    writer.put(&present);
    for state in block.spaces.values() {
        encode_space(state, base, writer);
    }
    encode_changes(block.changes.as_slice(), base, writer);
}

fn decode_spaces(index: u16, reader: &mut Reader<'_>) -> Result<SpaceBlock, DecodeError> {
    let base: i64 = reader.take()?;
    let present: u32 = reader.take()?;
    let mut spaces = BTreeMap::new();
    for slot in (0..32).filter(|slot| present & (1 << slot) != 0) {
        let space = SpaceNumber::at(index, slot).ok_or(DecodeError::Damaged("a space number out of range"))?;
        spaces.insert(space, decode_space(base, reader)?);
    }
    let changes = decode_changes(index, base, reader)?;
    Ok(SpaceBlock { index, spaces, changes: Changes::from(changes) })
}

fn encode_space(state: &SpaceState, base: i64, writer: &mut Writer) {
    let times: Vec<i64> = state
        .points
        .iter()
        .rev()
        .map(|point| point.at)
        .chain(state.before.map(|run| run.since))
        .map(|at| at.timestamp_millis())
        .collect();
    let seconds = times.iter().all(|millis| millis % SECOND == 0);
    let sequences = state.points.iter().any(|point| point.sequence.is_some());

    let lags = state.points.iter().any(|point| point.lag != 0);

    writer.put(&flags(state, seconds, sequences, lags));
    writer.put(&statuses(&state.points));
    let unit = if seconds { SECOND } else { 1 };
    let mut newer = base;
    for millis in &times {
        writer.put(&((newer - millis) / unit));
        newer = *millis;
    }
    let heard = state.heard_at.timestamp_millis();
    let latest = state.at().map_or(base, |at| at.timestamp_millis());
    writer.put(&(heard - latest));
    let seen = state.seen_at.timestamp_millis();
    writer.put(&(seen - heard));
    if let Some(lost) = state.lost_since {
        writer.put(&(lost.timestamp_millis() - seen));
    }
    if let Some(confidence) = state.confidence {
        writer.put(&confidence);
    }
    if let Some(battery) = state.battery {
        writer.put(&battery);
    }
    if sequences {
        encode_sequences(&state.points, writer);
    }
    if lags {
        encode_lags(&state.points, writer);
    }
}

/// One bit per point, newest first; set is occupied.
fn statuses(points: &[Point]) -> u16 {
    let occupied = points.iter().rev().enumerate().filter(|(_, point)| point.status == Status::Occupied);
    occupied.fold(0, |bits, (position, _)| bits | 1 << position)
}

fn flags(state: &SpaceState, seconds: bool, sequences: bool, lags: bool) -> u16 {
    let when = |condition: bool, bit: u16| if condition { bit } else { 0 };
    let before_occupied = state.before.is_some_and(|run| run.status == Status::Occupied);
    // At most KEPT_AT_MOST points, so the count fits its bits.
    (state.points.len() as u16 & flag::COUNT)
        | when(state.before.is_some(), flag::BEFORE)
        | when(before_occupied, flag::BEFORE_OCCUPIED)
        | when(state.lost_since.is_some(), flag::LOST)
        | when(sequences, flag::SEQUENCES)
        | when(state.confidence.is_some(), flag::CONFIDENCE)
        | when(state.battery.is_some(), flag::BATTERY)
        | when(seconds, flag::SECONDS)
        | when(lags, flag::LAGS)
}

/// Sequences, newest first: the newest plus one (0 is none), then differences to the neighbour.
fn encode_sequences(points: &[Point], writer: &mut Writer) {
    let mut newer = 0;
    for point in points.iter().rev() {
        let number = point.sequence.map_or(0, |sequence| sequence.cast_signed() + 1);
        writer.put(&(newer - number));
        newer = number;
    }
}

/// Lags, newest first, as differences to the neighbour.
fn encode_lags(points: &[Point], writer: &mut Writer) {
    let mut newer = 0i64;
    for point in points.iter().rev() {
        writer.put(&newer.wrapping_sub(point.lag));
        newer = point.lag;
    }
}

fn decode_space(base: i64, reader: &mut Reader<'_>) -> Result<SpaceState, DecodeError> {
    let flags: u16 = reader.take()?;
    let has = |bit: u16| flags & bit != 0;
    let count = usize::from(flags & flag::COUNT);
    if count > KEPT_AT_MOST {
        return Err(DecodeError::Damaged("too many readings of a space"));
    }
    let statuses: u16 = reader.take()?;
    let status = |occupied: bool| if occupied { Status::Occupied } else { Status::Free };
    let unit = if has(flag::SECONDS) { SECOND } else { 1 };

    let mut newer = base;
    let mut next_time = |reader: &mut Reader<'_>| -> Result<DateTime<Utc>, DecodeError> {
        newer = minus(newer, scaled(reader.take()?, unit)?)?;
        time(newer)
    };
    let mut points = Vec::with_capacity(count + 1);
    for position in 0..count {
        let status = status(statuses & 1 << position != 0);
        points.push(Point { at: next_time(reader)?, sequence: None, status, lag: 0 });
    }
    let before = has(flag::BEFORE)
        .then(|| next_time(reader))
        .transpose()?
        .map(|since| Run { status: status(has(flag::BEFORE_OCCUPIED)), since });

    let latest = points.first().map_or(base, |point| point.at.timestamp_millis());
    let heard = minus(latest, -bounded(reader.take()?)?)?;
    let seen = minus(heard, -bounded(reader.take()?)?)?;
    let lost: Option<i64> = has(flag::LOST).then(|| reader.take()).transpose()?;
    let confidence = has(flag::CONFIDENCE).then(|| reader.take()).transpose()?;
    let battery = has(flag::BATTERY).then(|| reader.take()).transpose()?;
    if has(flag::SEQUENCES) {
        decode_sequences(&mut points, reader)?;
    }
    if has(flag::LAGS) {
        decode_lags(&mut points, reader)?;
    }
    points.reverse();
    Ok(SpaceState {
        before,
        points,
        heard_at: time(heard)?,
        seen_at: time(seen)?,
        confidence,
        battery,
        lost_since: lost.map(|lost| time(minus(seen, -bounded(lost)?)?)).transpose()?,
    })
}

/// A difference that can be negated.
fn bounded(difference: i64) -> Result<i64, DecodeError> {
    if difference == i64::MIN { Err(DecodeError::Damaged("a time out of range")) } else { Ok(difference) }
}

fn decode_sequences(points: &mut [Point], reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mut number = 0;
    for point in points {
        number = minus(number, reader.take()?)?;
        point.sequence = match number {
            0 => None,
            number => Some(u64::try_from(number - 1).map_err(|_| DecodeError::Damaged("a negative sequence"))?),
        };
    }
    Ok(())
}

fn decode_lags(points: &mut [Point], reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mut newer = 0i64;
    for point in points {
        newer = newer.wrapping_sub(reader.take()?);
        point.lag = newer;
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------------ changes of spaces

/// The kind of a change, in the upper three bits of its first byte; the lower five are the slot.
mod kind {
    pub const ADD_FREE: u8 = 0;
    pub const ADD_OCCUPIED: u8 = 1;
    pub const REMOVE_FREE: u8 = 2;
    pub const REMOVE_OCCUPIED: u8 = 3;
    pub const COMMS_LOST: u8 = 4;
    pub const COMMS_RESTORED: u8 = 5;
}

fn encode_changes(changes: &[Change], base: i64, writer: &mut Writer) {
    let packed: Vec<(u8, i64)> = changes
        .iter()
        .filter_map(|change| {
            let (kind, space, at) = match *change {
                Change::Add { space, at, status: Status::Free } => (kind::ADD_FREE, space, at),
                Change::Add { space, at, status: Status::Occupied } => (kind::ADD_OCCUPIED, space, at),
                Change::Remove { space, at, status: Status::Free } => (kind::REMOVE_FREE, space, at),
                Change::Remove { space, at, status: Status::Occupied } => (kind::REMOVE_OCCUPIED, space, at),
                Change::CommsLost { space, at } => (kind::COMMS_LOST, space, at),
                Change::CommsRestored { space, at } => (kind::COMMS_RESTORED, space, at),
                // A block of spaces counts nothing.
                Change::Counted { .. } => return None,
            };
            Some((kind << 5 | space.slot(), base - at.timestamp_millis()))
        })
        .collect();
    writer.put(&packed);
}

fn decode_changes(index: u16, base: i64, reader: &mut Reader<'_>) -> Result<Vec<Change>, DecodeError> {
    let packed: Vec<(u8, i64)> = reader.take()?;
    packed
        .into_iter()
        .map(|(head, before_base)| {
            let space = SpaceNumber::at(index, head % BLOCK_SPACES as u8)
                .ok_or(DecodeError::Damaged("a space number out of range"))?;
            let at = time(minus(base, before_base)?)?;
            Ok(match head >> 5 {
                kind::ADD_FREE => Change::Add { space, at, status: Status::Free },
                kind::ADD_OCCUPIED => Change::Add { space, at, status: Status::Occupied },
                kind::REMOVE_FREE => Change::Remove { space, at, status: Status::Free },
                kind::REMOVE_OCCUPIED => Change::Remove { space, at, status: Status::Occupied },
                kind::COMMS_LOST => Change::CommsLost { space, at },
                kind::COMMS_RESTORED => Change::CommsRestored { space, at },
                _ => return Err(DecodeError::Damaged("an unknown change")),
            })
        })
        .collect()
}
