//! The life of a booking: one table of transitions, and everything that is not in it refused.
//!
//! The words are those of FHIR Appointment (pending, booked, arrived, fulfilled, cancelled, noshow, waitlist) and three of
//! ours: `held` while somebody makes up their mind, `released` when a place is given back without a person's doing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a booking is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Kept until a deadline for somebody who has not decided yet, or to whom a waitlist offers it.
    Held,
    /// Waits for the approval that its policy wants.
    Pending,
    /// Certain.
    Booked,
    /// Somebody has checked in.
    Arrived,
    /// Over, and used as far as anybody knows.
    Fulfilled,
    /// Given up by a person, or not approved.
    Cancelled,
    /// Nobody came.
    Noshow,
    /// Waits for a place.
    Waitlist,
    /// Given back by the clock or a sensor: a hold that lapsed, a room found empty, a wait that came to nothing.
    Released,
}

impl State {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Held,
        Self::Pending,
        Self::Booked,
        Self::Arrived,
        Self::Fulfilled,
        Self::Cancelled,
        Self::Noshow,
        Self::Waitlist,
        Self::Released,
    ];

    /// The states that keep others out of a place: those in the exclusion constraint of the database.
    pub const LIVE: [Self; 4] = [Self::Held, Self::Pending, Self::Booked, Self::Arrived];

    /// The state's name in the database, in events and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Booked => "booked",
            Self::Arrived => "arrived",
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::Noshow => "noshow",
            Self::Waitlist => "waitlist",
            Self::Released => "released",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the booking keeps others out.
    #[must_use]
    pub fn is_live(self) -> bool {
        Self::LIVE.contains(&self)
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !TABLE.iter().any(|(from, _, _)| *from == self)
    }

    /// The state after `action`.
    ///
    /// # Errors
    /// When the action is not for this state.
    pub fn after(self, action: Action) -> Result<Self, Refused> {
        let row = TABLE.iter().find(|(from, by, _)| *from == self && *by == action);
        row.map(|(_, _, to)| *to).ok_or(Refused { state: self, action })
    }

    /// What can be done in this state.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        TABLE.iter().filter(move |(from, _, _)| *from == self).map(|(_, action, _)| *action)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can happen to a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The holder wants it.
    Confirm,
    /// The holder wants it, and somebody has to approve.
    Request,
    /// A deadline has passed: of a hold, of an approval, of the wished time itself.
    Expire,
    /// Approved.
    Approve,
    /// Not approved.
    Reject,
    /// Other times, places or people.
    Change,
    /// Given up by its owner or a manager.
    Cancel,
    /// Somebody is there.
    CheckIn,
    /// Nobody came within the window.
    MarkNoShow,
    /// The place was found empty and goes back to the others.
    Release,
    /// It is over.
    Finish,
    /// A waiting person is offered the place.
    Offer,
}

impl Action {
    /// The action's name in refusals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Request => "request",
            Self::Expire => "expire",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Change => "change",
            Self::Cancel => "cancel",
            Self::CheckIn => "check_in",
            Self::MarkNoShow => "mark_no_show",
            Self::Release => "release",
            Self::Finish => "finish",
            Self::Offer => "offer",
        }
    }
}

/// An action that is not for a booking in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("a booking that is {state} cannot take the action {}", action.as_str())]
pub struct Refused {
    /// Where the booking is.
    pub state: State,
    /// What was asked.
    pub action: Action,
}

/// Every transition there is.
pub const TABLE: &[(State, Action, State)] = &[
    (State::Waitlist, Action::Offer, State::Held),
    (State::Waitlist, Action::Change, State::Waitlist),
    (State::Waitlist, Action::Cancel, State::Cancelled),
    (State::Waitlist, Action::Expire, State::Released),
    (State::Held, Action::Confirm, State::Booked),
    (State::Held, Action::Request, State::Pending),
    (State::Held, Action::Cancel, State::Cancelled),
    (State::Held, Action::Expire, State::Released),
    (State::Pending, Action::Approve, State::Booked),
    (State::Pending, Action::Reject, State::Cancelled),
    (State::Pending, Action::Change, State::Pending),
    (State::Pending, Action::Cancel, State::Cancelled),
    (State::Pending, Action::Expire, State::Released),
    (State::Booked, Action::Change, State::Booked),
    // A change that needs a new approval.
    (State::Booked, Action::Request, State::Pending),
    (State::Booked, Action::Cancel, State::Cancelled),
    (State::Booked, Action::CheckIn, State::Arrived),
    (State::Booked, Action::MarkNoShow, State::Noshow),
    (State::Booked, Action::Release, State::Released),
    (State::Booked, Action::Finish, State::Fulfilled),
    (State::Arrived, Action::Change, State::Arrived),
    (State::Arrived, Action::Finish, State::Fulfilled),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_and_an_action_lead_to_one_state() {
        for (index, (from, action, _)) in TABLE.iter().enumerate() {
            let same = TABLE.iter().skip(index + 1).find(|(other, by, _)| other == from && by == action);
            assert!(same.is_none(), "{from} {action:?}");
        }
    }

    #[test]
    fn every_life_ends_and_every_state_is_reached() {
        let finals: Vec<State> = State::ALL.into_iter().filter(|state| state.is_final()).collect();
        assert_eq!(finals, [State::Fulfilled, State::Cancelled, State::Noshow, State::Released]);
        for state in State::ALL {
            let born = matches!(state, State::Held | State::Waitlist);
            assert!(born || TABLE.iter().any(|(_, _, to)| *to == state), "{state}");
            assert!(!state.is_live() || !state.is_final(), "{state} would block a place forever");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_with_its_reason() {
        let refused = State::Cancelled.after(Action::CheckIn).unwrap_err();
        assert_eq!(refused.to_string(), "a booking that is cancelled cannot take the action check_in");
        assert!(State::Arrived.after(Action::MarkNoShow).is_err(), "somebody was there");
        assert!(State::Held.after(Action::CheckIn).is_err(), "a hold is not a booking yet");
    }

    #[test]
    fn names_are_those_of_the_api() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(State::from_name(state.as_str()), Some(state));
        }
    }
}
