//! What a policy refuses, with typed reasons.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Policy;
use crate::Slot;
use crate::opening::OpeningHours;

/// What is asked of one resource.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// When.
    pub slot: Slot,
    /// The present.
    pub now: DateTime<Utc>,
    /// People who come, the owner included.
    pub participants: u32,
    /// People the resource is made for; none when that does not matter (equipment).
    pub capacity: Option<u32>,
    /// People for whom there is room in what is asked for beside it: three desks are for three.
    pub beside: u32,
    /// When the resource can be used.
    pub opening: &'a OpeningHours,
    /// The site's clocks.
    pub zone: Tz,
    /// Whether a booking that exists is changed: another notice holds then.
    pub changes: bool,
}

/// Why a policy does not allow a booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// Shorter than allowed.
    #[error("at least {minutes} minutes")]
    TooShort {
        /// Shortest length.
        minutes: u32,
    },
    /// Longer than allowed.
    #[error("at most {minutes} minutes")]
    TooLong {
        /// Longest length.
        minutes: u32,
    },
    /// Start or length is not a multiple.
    #[error("starts and lengths are multiples of {minutes} minutes")]
    OffGrid {
        /// The multiple.
        minutes: u32,
    },
    /// In the past.
    #[error("the time has passed")]
    Past,
    /// Too short before the start.
    #[error("at least {minutes} minutes ahead")]
    TooLate {
        /// Notice wanted.
        minutes: u32,
    },
    /// Too long before the start.
    #[error("at most {minutes} minutes ahead")]
    TooEarly {
        /// Longest notice.
        minutes: u32,
    },
    /// Not open then.
    #[error("closed during part of that time")]
    Closed,
    /// Out of service.
    #[error("out of service")]
    OutOfService,
    /// Too many people.
    #[error("at most {people} people")]
    TooManyPeople {
        /// The most.
        people: u32,
    },
    /// Too few people.
    #[error("at least {people} people")]
    TooFewPeople {
        /// The least.
        people: u32,
    },
    /// A quota is used up.
    #[error("the quota of {limit} {unit} per {period} is used up")]
    QuotaReached {
        /// The quota's value.
        limit: i64,
        /// `bookings` or `minutes`.
        unit: String,
        /// `day`, `week`, `month` or `year`.
        period: String,
    },
    /// Not enough credits.
    #[error("{needed} credits are needed")]
    NotEnoughCredits {
        /// Credits wanted.
        needed: u32,
    },
}

/// Everything that `policy` has against `ask`; nothing when it is allowed. Quotas and credits need to be counted and are
/// checked where they are.
#[must_use]
pub fn check(policy: &Policy, ask: &Ask<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    length(policy, ask, &mut refusals);
    notice(policy, ask, &mut refusals);
    let open = if policy.spans_closed_hours {
        ask.opening.covers_ends(ask.slot, ask.zone)
    } else {
        ask.opening.covers(ask.slot, ask.zone)
    };
    if !open {
        refusals.push(Refusal::Closed);
    }
    let most = policy.room(ask.capacity).map(|people| people.saturating_add(ask.beside));
    if let Some(people) = most.filter(|most| ask.participants > *most) {
        refusals.push(Refusal::TooManyPeople { people });
    }
    if ask.participants < policy.min_participants {
        refusals.push(Refusal::TooFewPeople { people: policy.min_participants });
    }
    refusals
}

fn length(policy: &Policy, ask: &Ask<'_>, refusals: &mut Vec<Refusal>) {
    let length = ask.slot.length();
    if length < minutes(policy.min_minutes) {
        refusals.push(Refusal::TooShort { minutes: policy.min_minutes });
    }
    if length > minutes(policy.max_minutes) {
        refusals.push(Refusal::TooLong { minutes: policy.max_minutes });
    }
    let step = i64::from(policy.increment_minutes.max(1)) * 60;
    let local = ask.slot.start.with_timezone(&ask.zone).time();
    let on_grid = i64::from(local.num_seconds_from_midnight()) % step == 0 && local.nanosecond() == 0;
    // A whole local day is on the grid although a clock change makes it 23 or 25 hours: its end is.
    let end = ask.slot.end.with_timezone(&ask.zone).time();
    let ends_on_grid = i64::from(end.num_seconds_from_midnight()) % step == 0 && end.nanosecond() == 0;
    if !on_grid || !(ends_on_grid || length.num_seconds() % step == 0) {
        refusals.push(Refusal::OffGrid { minutes: policy.increment_minutes });
    }
}

fn notice(policy: &Policy, ask: &Ask<'_>, refusals: &mut Vec<Refusal>) {
    let wanted = if ask.changes { policy.min_notice_update_minutes } else { policy.min_notice_add_minutes };
    if ask.slot.end <= ask.now {
        refusals.push(Refusal::Past);
        return;
    }
    let ahead = ask.slot.start - ask.now;
    // A place that is free now may be taken now, for the increment that has begun, unless notice is wanted.
    let late = if wanted == 0 { ahead < -minutes(policy.increment_minutes) } else { ahead < minutes(wanted) };
    if late {
        refusals.push(if wanted == 0 { Refusal::Past } else { Refusal::TooLate { minutes: wanted } });
    }
    if ahead > minutes(policy.max_notice_minutes) {
        refusals.push(Refusal::TooEarly { minutes: policy.max_notice_minutes });
    }
}

fn minutes(minutes: u32) -> TimeDelta {
    TimeDelta::minutes(i64::from(minutes))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;
    use crate::to_utc;

    fn paris(text: &str) -> DateTime<Utc> {
        to_utc(format!("{text}:00").parse().unwrap(), Paris)
    }

    fn ask<'a>(opening: &'a OpeningHours, from: &str, until: &str) -> Ask<'a> {
        Ask {
            slot: Slot::new(paris(from), paris(until)).unwrap(),
            now: paris("2026-07-13T07:58"),
            participants: 4,
            capacity: Some(6),
            beside: 0,
            opening,
            zone: Paris,
            changes: false,
        }
    }

    fn policy() -> Policy {
        Policy { max_minutes: 240, max_notice_minutes: 7 * 24 * 60, ..Policy::usual("p".parse().unwrap()) }
    }

    #[test]
    fn a_plain_wish_is_allowed() {
        let always = OpeningHours::default();
        assert_eq!(check(&policy(), &ask(&always, "2026-07-13T10:00", "2026-07-13T11:30")), []);
    }

    #[test]
    fn all_reasons_come_at_once() {
        let always = OpeningHours::default();
        let mut ask = ask(&always, "2026-07-25T10:05", "2026-07-25T15:05");
        ask.participants = 7;
        let expected = [
            Refusal::TooLong { minutes: 240 },
            Refusal::OffGrid { minutes: 15 },
            Refusal::TooEarly { minutes: 10_080 },
            Refusal::TooManyPeople { people: 6 },
        ];
        assert_eq!(check(&policy(), &ask), expected);
    }

    #[test]
    fn places_that_are_asked_for_together_have_room_together() {
        let always = OpeningHours::default();
        let desks = Ask { capacity: Some(1), beside: 2, ..ask(&always, "2026-07-13T10:00", "2026-07-13T11:30") };
        assert_eq!(check(&policy(), &Ask { participants: 3, ..desks }), []);
        assert_eq!(check(&policy(), &desks), [Refusal::TooManyPeople { people: 3 }]);
    }

    #[test]
    fn a_free_room_can_be_taken_for_the_quarter_that_has_begun() {
        let always = OpeningHours::default();
        assert_eq!(check(&policy(), &ask(&always, "2026-07-13T07:45", "2026-07-13T08:30")), []);
        let earlier = ask(&always, "2026-07-13T07:30", "2026-07-13T08:30");
        assert_eq!(check(&policy(), &earlier), [Refusal::Past]);
        let strict = Policy { min_notice_add_minutes: 60, ..policy() };
        let soon = ask(&always, "2026-07-13T08:30", "2026-07-13T09:00");
        assert_eq!(check(&strict, &soon), [Refusal::TooLate { minutes: 60 }]);
    }

    #[test]
    fn a_day_of_a_clock_change_is_on_the_grid() {
        let always = OpeningHours::default();
        let daily = Policy { increment_minutes: 1440, min_minutes: 1380, max_minutes: 1500, ..policy() };
        let mut change = ask(&always, "2026-10-25T00:00", "2026-10-26T00:00");
        change.now = paris("2026-10-24T12:00");
        assert_eq!(check(&daily, &change), [], "25 hours");
        change.slot = Slot::new(paris("2027-03-28T00:00"), paris("2027-03-29T00:00")).unwrap();
        change.now = paris("2027-03-27T12:00");
        assert_eq!(check(&daily, &change), [], "23 hours");
    }
}
