//! Bookings of parking spaces: what their context tells of them, and for which plate they are.
//!
//! The plate is named here and not there, so that it is in one context only, and never in an event.

use chrono::{DateTime, Utc};
use parvis_events::CloudEvent;
use parvis_events::booking::{BookedSpace, BookingChanged};
use parvis_kit::problem::Problem;
use parvis_parking::plate::PlateHash;
use parvis_parking::{SpaceNumber, ZoneId};
use parvis_rights::{BookingFacts, RightChange, Segment, Space, SpaceBooking};
use uuid::Uuid;

use crate::error::ApiResult;
use crate::state::App;
use crate::store::StoreError;

/// How often a step is decided again because somebody else has written in between.
const ATTEMPTS: usize = 4;
/// The states, as bookings call them, in which a place is its owner's.
const CERTAIN: [&str; 2] = ["booked", "arrived"];
/// Those in which it is nobody's any more.
const OVER: [&str; 4] = ["fulfilled", "cancelled", "noshow", "released"];

impl App {
    /// Takes in what has become of a booking; false when that is known, or no matter of parking. May be repeated, in any order.
    ///
    /// # Errors
    /// When the table is away.
    pub async fn booking_told(&self, id: Uuid, facts: &BookingFacts, at: DateTime<Utc>) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let (known, booking, change) = match self.store().booking(id).await? {
                None if facts.spaces.is_empty() => return Ok(false),
                // What is over, or was erased with its owner's data, is brought back by nothing that is told of it.
                None if self.store().forgotten_booking(id).await?.is_some_and(|version| facts.version <= version) => {
                    return Ok(false);
                }
                None if facts.over => {
                    return self
                        .store()
                        .leave_forgotten(id, facts.version, facts.slot.end.max(at))
                        .await
                        .map(|()| true);
                }
                None => (None, SpaceBooking::new(id, facts.clone(), at), RightChange::default()),
                Some((mut booking, revision)) => match booking.told(facts.clone(), at) {
                    Some(change) => (Some(revision), booking, change),
                    None => return Ok(false),
                },
            };
            match self.store().save_booking(known, &booking, &change).await {
                Err(StoreError::Conflict) => {}
                other => return other.map(|()| true),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Says for which plate a booking is from now on; `None` for none.
    ///
    /// # Errors
    /// 404 when it is not a booking that `may`, 409 when its time is over; failures of the table.
    pub async fn name_plate(
        &self,
        id: Uuid,
        plate: Option<PlateHash>,
        may: impl Fn(&SpaceBooking) -> bool,
    ) -> ApiResult<SpaceBooking> {
        for _ in 0..ATTEMPTS {
            let found = self.store().booking(id).await?.filter(|(booking, _)| may(booking));
            let (mut booking, revision) = found.ok_or_else(|| Problem::not_found("booking of a parking space"))?;
            let now = self.now();
            if plate.is_some() && booking.facts.slot.end <= now {
                return Err(Problem::conflict("The booking is over.").into());
            }
            let Some(change) = booking.name_plate(plate.clone(), now) else { return Ok(booking) };
            match self.store().save_booking(Some(revision), &booking, &change).await {
                Ok(()) => return Ok(booking),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

/// What an event says of a booking, with its id; `None` when it has no id of ours.
#[must_use]
pub fn booking_facts(event: &CloudEvent<BookingChanged>) -> Option<(Uuid, BookingFacts)> {
    let data = &event.data;
    let facts = BookingFacts {
        owner: data.owner.clone(),
        spaces: data.spaces.iter().filter_map(space).collect(),
        slot: Segment { start: data.slot.start, end: data.slot.end },
        certain: CERTAIN.contains(&data.state.as_str()),
        over: OVER.contains(&data.state.as_str()),
        version: data.version,
    };
    Some((data.booking.parse().ok()?, facts))
}

/// A space by the names that parking has for it; the catalogue of bookings takes any.
fn space(told: &BookedSpace) -> Option<Space> {
    let space = told.zone.parse::<ZoneId>().ok().zip(SpaceNumber::try_from(told.space).ok());
    if space.is_none() {
        tracing::warn!(zone = told.zone, space = told.space, "a booked space that parking cannot know gives no right");
    }
    space.map(|(zone, number)| Space { zone, number })
}
