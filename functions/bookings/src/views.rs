//! What clients see of bookings.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use parvis_booking::booking::{Charge, CheckIn, Guest};
use parvis_booking::life::{Action, State};
use parvis_booking::policy::Refund;
use parvis_booking::resource::Item;
use parvis_booking::{ResourceId, SiteId, Slot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::PolicyRefusal;
use crate::store::bookings::Record;

/// A turn in the waitlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Turn {
    /// 1 is next.
    pub position: u32,
    /// How many wait for the same at that time.
    pub waiting: u32,
}

/// A resource that was given, as it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Given {
    /// Its id.
    pub id: ResourceId,
    /// For people.
    pub name: String,
    /// Floor, as people call it.
    pub floor: Option<String>,
}

/// A booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BookingView {
    /// Its id.
    pub id: Uuid,
    /// Where it is in its life.
    pub state: State,
    /// Whether it is the caller's.
    pub mine: bool,
    /// Whose it is; told to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where.
    pub site: SiteId,
    /// IANA zone of the site's clocks.
    #[schema(value_type = String, example = "Europe/Paris")]
    pub timezone: Tz,
    /// What was wished.
    pub items: Vec<Item>,
    /// What was given, in the order of the items.
    pub resources: Vec<Given>,
    /// When.
    pub slot: Slot,
    /// What it is about.
    pub title: String,
    /// People who come.
    pub participants: u32,
    /// Who is invited.
    pub guests: Vec<Guest>,
    /// What it costs.
    pub charge: Charge,
    /// What came back when it ended.
    pub refund: Option<Refund>,
    /// Until when it is held.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who arrived.
    pub check_in: Option<CheckIn>,
    /// From when on one can check in; null where nobody has to.
    pub check_in_opens_at: Option<DateTime<Utc>>,
    /// The series that it belongs to.
    pub series: Option<Uuid>,
    /// The local start that the series gave it.
    pub occurrence: Option<NaiveDateTime>,
    /// Whether it came from the waitlist: a hold is an offer then.
    pub waited: bool,
    /// The turn, while it waits.
    pub waitlist: Option<Turn>,
    /// What the caller may do now.
    pub actions: Vec<Action>,
    /// Counts its changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub modified_at: DateTime<Utc>,
}

impl BookingView {
    /// The booking as `actor` may see it; `named` says how resources are called.
    #[must_use]
    pub fn new(record: Record, actor: &Actor, turn: Option<Turn>, named: &BTreeMap<ResourceId, Given>) -> Self {
        let check_in_opens_at = record.check_in_opens_at();
        let Record { booking, refund, .. } = record;
        let mine = booking.owner == actor.subject;
        let actions = booking.state.actions().filter(|action| actor.may(*action, mine)).collect();
        Self {
            id: booking.id,
            state: booking.state,
            mine,
            owner: actor.is_staff().then_some(booking.owner),
            site: booking.site,
            timezone: booking.zone,
            items: booking.items,
            resources: booking.resources.iter().filter_map(|id| named.get(id).cloned()).collect(),
            slot: booking.slot,
            title: booking.title,
            participants: booking.participants,
            guests: booking.guests,
            charge: booking.charge,
            refund,
            expires_at: booking.expires_at,
            check_in: booking.check_in,
            check_in_opens_at,
            series: booking.series,
            occurrence: booking.occurrence,
            waited: booking.waited,
            waitlist: turn,
            actions,
            version: booking.version,
            created_at: booking.created_at,
            modified_at: booking.modified_at,
        }
    }
}

/// What became, or would become, of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It can be had.
    Free,
    /// It is booked.
    Booked,
    /// Somebody else has it.
    Taken,
    /// The policy does not allow it.
    Refused,
}

/// An occurrence of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OccurrenceView {
    /// The local start that the rule gives it.
    pub original: NaiveDateTime,
    /// When it is.
    pub slot: Slot,
    /// What became of it.
    pub outcome: Outcome,
    /// Its booking.
    pub booking: Option<Uuid>,
    /// Why the policy does not allow it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<PolicyRefusal>,
}
