//! Permits: several plates, one active at a time.

use chrono::{DateTime, Utc};
use parvis_parking::ZoneId;
use parvis_parking::plate::PlateHash;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::right::{AssignedRight, PermitKind, RightKind, Segment, Where};
use crate::series::SeriesId;

/// A permit of a household, a firm or a care worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// Made by whoever issued it.
    pub id: Uuid,
    /// Rises with every change.
    pub version: u32,
    /// Whose.
    pub kind: PermitKind,
    /// Where it holds.
    pub zones: Vec<ZoneId>,
    /// The plates that may be active.
    pub plates: Vec<PlateHash>,
    /// Which of them was active since when, in order of time.
    pub activations: Vec<Activation>,
    /// From.
    pub start: DateTime<Utc>,
    /// Until.
    pub end: DateTime<Utc>,
    /// The series it belongs to, if it came with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesId>,
    /// Login of who is to hear of it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What its holder calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A plate became the active one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// The plate.
    pub plate: PlateHash,
    /// Since when.
    pub from: DateTime<Utc>,
}

/// Why a permit was refused a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PermitError {
    /// The plate is not on the permit.
    #[error("the plate is not on this permit")]
    UnknownPlate,
    /// The permit does not hold at this time.
    #[error("the permit does not hold at this time")]
    NotInForce,
    /// A later activation exists already: the past cannot be changed.
    #[error("another plate was activated later")]
    InThePast,
}

impl Permit {
    /// The active plate at an instant.
    #[must_use]
    pub fn active(&self, at: DateTime<Utc>) -> Option<&PlateHash> {
        if !(Segment { start: self.start, end: self.end }).contains(at) {
            return None;
        }
        self.activations.iter().rev().find(|activation| activation.from <= at).map(|activation| &activation.plate)
    }

    /// Makes a plate the active one; the one before it stops at the same instant.
    ///
    /// Activating the active plate again changes nothing.
    ///
    /// # Errors
    /// [`PermitError`].
    pub fn activate(&mut self, plate: &PlateHash, at: DateTime<Utc>) -> Result<(), PermitError> {
        if !self.plates.contains(plate) {
            return Err(PermitError::UnknownPlate);
        }
        if !(Segment { start: self.start, end: self.end }).contains(at) {
            return Err(PermitError::NotInForce);
        }
        match self.activations.last() {
            Some(last) if last.plate == *plate => return Ok(()),
            Some(last) if last.from >= at => return Err(PermitError::InThePast),
            _ => {}
        }
        self.activations.push(Activation { plate: plate.clone(), from: at });
        self.version += 1;
        Ok(())
    }

    /// The permit as rights, one for each plate that was ever active: what is stored by plate.
    #[must_use]
    pub fn rights(&self) -> Vec<AssignedRight> {
        let rights = self.plates.iter().filter_map(|plate| {
            let segments: Vec<Segment> = self.segments_of(plate).collect();
            (!segments.is_empty()).then(|| AssignedRight {
                id: self.id,
                version: self.version,
                plate: plate.clone(),
                kind: RightKind::Permit { permit: self.kind },
                place: Where::Zones { zones: self.zones.clone() },
                segments,
                series: self.series.clone(),
            })
        });
        rights.collect()
    }

    fn segments_of<'a>(&'a self, plate: &'a PlateHash) -> impl Iterator<Item = Segment> + 'a {
        let ends = self.activations.iter().skip(1).map(|next| next.from).chain([self.end]);
        self.activations.iter().zip(ends).filter_map(move |(activation, end)| {
            let segment = Segment { start: activation.from.max(self.start), end: end.min(self.end) };
            (activation.plate == *plate && segment.start < segment.end).then_some(segment)
        })
    }
}
