//! Bookings of parking spaces: what their context tells of them, and for which plate they are.
//!
//! The plate is named here and not there, so that it is in one context only, and never in an event.

use axum::http::StatusCode;
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
use crate::store::{LeftOfBooking, StoreError};

/// How often a step is decided again because somebody else has written in between.
const ATTEMPTS: usize = 4;
/// The states, as bookings call them, in which a place is its owner's.
const CERTAIN: [&str; 2] = ["booked", "arrived"];
/// Those in which it is nobody's any more.
const OVER: [&str; 4] = ["fulfilled", "cancelled", "noshow", "released"];

impl App {
    /// Takes in what has become of a booking; false when that is known, or no matter of parking. May be repeated, in any order: of what
    /// gives no space, or is over, is kept up to which version it is known, so that what is told late gives no right.
    ///
    /// # Errors
    /// When the table is away.
    pub async fn booking_told(&self, id: Uuid, facts: &BookingFacts, at: DateTime<Utc>) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let (known, booking, change) = match self.store().booking(id).await? {
                // What is over, or was erased with its owner's data, is brought back by nothing that is told of it.
                None if self.store().left_of_booking(id).await?.is_some_and(|left| facts.version <= left.version) => {
                    return Ok(false);
                }
                None if facts.over || facts.spaces.is_empty() => {
                    let left = match facts.over {
                        true => LeftOfBooking { version: facts.version, of: None },
                        false => LeftOfBooking::without_space(id, facts.version, &facts.owner),
                    };
                    self.store().leave_of_booking(id, left, facts.slot.end.max(at)).await?;
                    return Ok(!facts.spaces.is_empty());
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

    /// A booking of parking spaces that is the business of whoever asks, with its revision.
    ///
    /// # Errors
    /// 404 when there is none, 409 when it is known to have given no parking space; failures of the table.
    pub async fn space_booking(&self, id: Uuid, asks: &Asks) -> ApiResult<(SpaceBooking, u64)> {
        let found = self.store().booking(id).await?.filter(|(booking, _)| asks.may(&booking.facts.owner));
        if let Some(found) = found {
            return Ok(found);
        }
        let left = self.store().left_of_booking(id).await?.filter(|left| left.of.is_some());
        if left.is_some_and(|left| asks.staff || left.is_of(id, &asks.subject)) {
            return Err(without_space().into());
        }
        Err(Problem::not_found("booking of a parking space").into())
    }

    /// Says for which plate a booking is from now on; `None` for none.
    ///
    /// # Errors
    /// As [`App::space_booking`]; 409 when it gives no space any more, or its time is over.
    pub async fn name_plate(&self, id: Uuid, plate: Option<PlateHash>, asks: &Asks) -> ApiResult<SpaceBooking> {
        for _ in 0..ATTEMPTS {
            let (mut booking, revision) = self.space_booking(id, asks).await?;
            let now = self.now();
            if plate.is_some() && booking.facts.spaces.is_empty() {
                return Err(without_space().into());
            }
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

/// Who asks about a booking: its owner and the staff may.
#[derive(Debug, Clone)]
pub struct Asks {
    /// By the issuer's subject.
    pub subject: String,
    /// Whether any booking is their business.
    pub staff: bool,
}

impl Asks {
    fn may(&self, owner: &str) -> bool {
        self.staff || self.subject == owner
    }
}

fn without_space() -> Problem {
    let title = "The booking has no parking space";
    Problem::new(StatusCode::CONFLICT, "no-parking-space", title)
        .detail("None of its places is tied to a space of a parking zone, so no plate can be named for it.")
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
