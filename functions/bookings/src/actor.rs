//! Who acts on a booking, and what they may do.

use std::collections::BTreeSet;

use parvis_booking::life::Action;
use parvis_kit::auth::{Caller, Role};

/// The clock, the schedule and the sensors: not a person.
pub const HOUSE: &str = "house";

/// Somebody who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The subject of the login, or [`HOUSE`].
    pub subject: String,
    /// Roles, none for the house.
    pub roles: BTreeSet<Role>,
}

impl Actor {
    /// The house itself.
    #[must_use]
    pub fn house() -> Self {
        Self { subject: HOUSE.to_owned(), roles: BTreeSet::new() }
    }

    /// Whether it is the house.
    #[must_use]
    pub fn is_house(&self) -> bool {
        self.subject == HOUSE && self.roles.is_empty()
    }

    /// Manages places and people.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.roles.contains(&Role::Admin) || self.roles.contains(&Role::Manager)
    }

    /// Helps on the ground.
    #[must_use]
    pub fn is_on_site(&self) -> bool {
        self.is_staff() || self.roles.contains(&Role::Agent)
    }

    /// The names of the groups that quotas are for.
    #[must_use]
    pub fn groups(&self) -> Vec<&'static str> {
        let name = |role: &Role| match role {
            Role::Admin => "admin",
            Role::Manager => "manager",
            Role::Agent => "agent",
            Role::Driver => "driver",
        };
        self.roles.iter().map(name).collect()
    }

    /// Whether they may do `action` to a booking; `mine` tells whether it is their own.
    #[must_use]
    pub fn may(&self, action: Action, mine: bool) -> bool {
        match action {
            Action::Confirm => mine,
            Action::Change | Action::Cancel => mine || self.is_staff(),
            Action::CheckIn | Action::Finish => mine || self.is_on_site() || self.is_house(),
            Action::Approve | Action::Reject => self.is_staff(),
            Action::MarkNoShow | Action::Release => self.is_on_site() || self.is_house(),
            Action::Expire | Action::Offer => self.is_house(),
            // Follows from others: the policy decides whether a confirmation is one.
            Action::Request => false,
        }
    }
}

impl From<Caller> for Actor {
    fn from(caller: Caller) -> Self {
        Self { subject: caller.subject, roles: caller.roles }
    }
}
