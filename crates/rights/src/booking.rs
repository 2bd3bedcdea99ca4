//! Bookings of parking spaces: what their context says of them, the plate that they are for, and the right that follows of both.

use chrono::{DateTime, Utc};
use parvis_parking::plate::PlateHash;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::right::{AssignedRight, RightKind, Segment, Space, Where};

/// A booking as its own context tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingFacts {
    /// Whose, by the issuer's subject.
    pub owner: String,
    /// The parking spaces that it gives; none when it gives something else.
    pub spaces: Vec<Space>,
    /// When.
    pub slot: Segment,
    /// Whether they are the owner's then: it is neither asked for only, nor over.
    pub certain: bool,
    /// Whether it has come to its end and will never be anybody's again.
    #[serde(default)]
    pub over: bool,
    /// Counts its changes: the greater one is the newer, in whatever order they arrive.
    pub version: i32,
}

/// A booking of parking spaces with its plate.
///
/// The right of the plate begins no sooner than it was known, and what it was is not unmade: who was checked meanwhile was checked against
/// what held then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceBooking {
    /// The booking.
    pub id: Uuid,
    /// The newest that its context has told.
    pub facts: BookingFacts,
    /// The keyed hash of the plate that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<PlateHash>,
    /// The right that it gives, now or when it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<AssignedRight>,
    /// When it was last changed; nothing happens before that.
    pub changed_at: DateTime<Utc>,
}

/// What a step does to the rights that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RightChange {
    /// The right that was.
    pub gone: Option<AssignedRight>,
    /// What is kept in its place: the part of it that is past, and the right that is now.
    pub kept: Vec<AssignedRight>,
}

impl SpaceBooking {
    /// A booking that nothing was known of; it has no plate and so gives no right.
    #[must_use]
    pub fn new(id: Uuid, facts: BookingFacts, at: DateTime<Utc>) -> Self {
        Self { id, facts, plate: None, right: None, changed_at: at }
    }

    /// Takes in what its context says has happened at `at`. `None` when that is known, or older than what is known.
    pub fn told(&mut self, facts: BookingFacts, at: DateTime<Utc>) -> Option<RightChange> {
        if facts.version <= self.facts.version {
            return None;
        }
        self.facts = facts;
        Some(self.follow(at))
    }

    /// Says for which plate it is from `at` on, or that it is for none. `None` when that is known.
    pub fn name_plate(&mut self, plate: Option<PlateHash>, at: DateTime<Utc>) -> Option<RightChange> {
        if plate == self.plate {
            return None;
        }
        self.plate = plate;
        Some(self.follow(at))
    }

    /// The right follows what is known since `at`.
    fn follow(&mut self, at: DateTime<Utc>) -> RightChange {
        let at = at.max(self.changed_at);
        self.changed_at = at;
        let before = self.right.take();
        let place = Where::Spaces { spaces: self.facts.spaces.clone() };
        let gives = self.facts.certain && !self.facts.spaces.is_empty();
        let plate = self.plate.clone().filter(|_| gives);
        let same = |right: &&AssignedRight| plate.as_ref() == Some(&right.plate) && right.place == place;
        let slot = self.facts.slot;
        // A right that has begun goes on only into a time that has begun, too: nobody has booked what lies between.
        let reaches = |bounds: &Segment| bounds.end >= at && (bounds.start > at || slot.start <= at);
        let goes_on = before.as_ref().filter(same).and_then(AssignedRight::bounds).filter(reaches);
        let segment = match goes_on.filter(|bounds| bounds.start <= at) {
            Some(begun) => Segment { start: begun.start, end: slot.end.max(at) },
            None => Segment { start: slot.start.max(at), end: slot.end },
        };
        let version = before.as_ref().map_or(1, |right| right.version + 1);
        self.right = plate.filter(|_| segment.start < segment.end).map(|plate| AssignedRight {
            id: self.id,
            version,
            plate,
            kind: RightKind::Booking,
            place,
            segments: vec![segment],
            series: None,
        });
        // What goes on and still holds is written over; of anything else the past stays.
        let over = goes_on.is_some() && self.right.is_some();
        let past = before.as_ref().filter(|_| !over).and_then(|right| right.cut(at));
        RightChange { kept: past.into_iter().chain(self.right.clone()).collect(), gone: before }
    }
}
