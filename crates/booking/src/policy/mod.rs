//! The rules of a resource, as data.
//!
//! The fields are those that the best open booking systems have (LibreBooking, Robin; see the reference of the project).
//! Times are minutes.

mod check;
mod quota;
mod refund;

use serde::{Deserialize, Serialize};

pub use check::{Ask, Refusal, check};
pub use quota::{Limit, Period, Quota, Scope, Usage, usages};
pub use refund::{CancellationRule, Ending, Refund, refund};

use crate::PolicyId;
use crate::opening::WeeklySpan;

/// When and how people say that they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckInRule {
    /// Minutes before the start from which one may check in.
    #[serde(default = "CheckInRule::usual_minutes")]
    pub opens_minutes_before: u32,
    /// Minutes after the start within which one must; then the booking is a no-show. 10 by default, 10 to 720.
    #[serde(default = "CheckInRule::usual_minutes")]
    pub window_minutes: u32,
    /// Whether the code on the door is needed.
    #[serde(default)]
    pub needs_code: bool,
}

impl CheckInRule {
    const fn usual_minutes() -> u32 {
        10
    }
}

impl Default for CheckInRule {
    fn default() -> Self {
        let usual = Self::usual_minutes();
        Self { opens_minutes_before: usual, window_minutes: usual, needs_code: false }
    }
}

/// The rules of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// For people.
    pub name: String,
    /// Shortest booking.
    #[serde(default = "fifteen")]
    pub min_minutes: u32,
    /// Longest booking.
    #[serde(default = "day")]
    pub max_minutes: u32,
    /// Starts (by the local clock) and lengths are multiples of this.
    #[serde(default = "fifteen")]
    pub increment_minutes: u32,
    /// Kept free before each booking, to prepare.
    #[serde(default)]
    pub buffer_before_minutes: u32,
    /// Kept free after each booking, to clean.
    #[serde(default)]
    pub buffer_after_minutes: u32,
    /// Whether the buffers of neighbours add up. When they do not, the longer one counts.
    #[serde(default)]
    pub buffers_stack: bool,
    /// How long ahead a booking must be made.
    #[serde(default)]
    pub min_notice_add_minutes: u32,
    /// How long ahead it may still be changed.
    #[serde(default)]
    pub min_notice_update_minutes: u32,
    /// How long ahead it may still be cancelled.
    #[serde(default)]
    pub min_notice_delete_minutes: u32,
    /// How long ahead it may be made at most.
    #[serde(default = "year")]
    pub max_notice_minutes: u32,
    /// Whether a manager has to approve.
    #[serde(default)]
    pub requires_approval: bool,
    /// People at least.
    #[serde(default)]
    pub min_participants: u32,
    /// People at most; the capacity when there is none.
    #[serde(default)]
    pub max_participants: Option<u32>,
    /// Whether a booking may last over closed hours as long as it begins and ends in open ones.
    #[serde(default)]
    pub spans_closed_hours: bool,
    /// Credits per hour outside of peak hours, for those who pay with credits.
    #[serde(default)]
    pub credits_per_hour: u32,
    /// Credits per hour in peak hours.
    #[serde(default)]
    pub peak_credits_per_hour: u32,
    /// When the peak is, by the local clock.
    #[serde(default)]
    pub peak_hours: Vec<WeeklySpan>,
    /// Check-in; none when people need not say that they are there.
    #[serde(default)]
    pub check_in: Option<CheckInRule>,
    /// Minutes after the start after which a room whose sensor sees nobody is given back; never when absent.
    #[serde(default)]
    pub sensor_release_minutes: Option<u32>,
    /// Bookings at least this long are never no-shows and never released: nobody sits in a room for a whole day.
    #[serde(default = "eight_hours")]
    pub no_show_exempt_minutes: u32,
    /// How long a hold keeps the place.
    #[serde(default = "five")]
    pub hold_minutes: u32,
    /// How long an offer from the waitlist keeps the place.
    #[serde(default = "fifteen")]
    pub offer_minutes: u32,
    /// Whether there is a waitlist.
    #[serde(default = "yes")]
    pub waitlist: bool,
    /// Limits per person or group.
    #[serde(default)]
    pub quotas: Vec<Quota>,
    /// What comes back after a cancellation. All of it when there are no rules.
    #[serde(default)]
    pub cancellation: Vec<CancellationRule>,
}

const fn five() -> u32 {
    5
}

const fn fifteen() -> u32 {
    15
}

const fn eight_hours() -> u32 {
    8 * 60
}

const fn day() -> u32 {
    24 * 60
}

const fn year() -> u32 {
    366 * 24 * 60
}

const fn yes() -> bool {
    true
}

impl Policy {
    /// The rules when nobody has said any.
    #[must_use]
    pub fn usual(id: PolicyId) -> Self {
        Self {
            id,
            name: String::new(),
            min_minutes: fifteen(),
            max_minutes: day(),
            increment_minutes: fifteen(),
            buffer_before_minutes: 0,
            buffer_after_minutes: 0,
            buffers_stack: false,
            min_notice_add_minutes: 0,
            min_notice_update_minutes: 0,
            min_notice_delete_minutes: 0,
            max_notice_minutes: year(),
            requires_approval: false,
            min_participants: 0,
            max_participants: None,
            spans_closed_hours: false,
            credits_per_hour: 0,
            peak_credits_per_hour: 0,
            peak_hours: Vec::new(),
            check_in: None,
            sensor_release_minutes: None,
            no_show_exempt_minutes: eight_hours(),
            hold_minutes: five(),
            offer_minutes: fifteen(),
            waitlist: true,
            quotas: Vec::new(),
            cancellation: Vec::new(),
        }
    }

    /// The minutes to keep free before and after each booking, so that excluding overlaps leaves the gap that the policy wants:
    /// the sum of both buffers when they stack, else the longer of the two.
    #[must_use]
    pub fn padding(&self) -> (u32, u32) {
        let (before, after) = (self.buffer_before_minutes, self.buffer_after_minutes);
        if self.buffers_stack { (before, after) } else { (0, before.max(after)) }
    }

    /// People who can be in a resource that is made for `capacity`: fewer, where the policy says so.
    #[must_use]
    pub fn room(&self, capacity: Option<u32>) -> Option<u32> {
        self.max_participants.into_iter().chain(capacity).min()
    }

    /// What is wrong with it, as pairs of field and message.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut wrong = |bad: bool, field, message: &str| {
            if bad {
                faults.push((field, message.to_owned()));
            }
        };
        wrong(self.name.trim().is_empty(), "/name", "must not be empty");
        wrong(self.min_minutes == 0, "/min_minutes", "must be above 0");
        wrong(self.max_minutes < self.min_minutes, "/max_minutes", "must not be below min_minutes");
        wrong(self.max_minutes > year(), "/max_minutes", "must not be above a year");
        let increment = self.increment_minutes;
        wrong(increment == 0 || !day().is_multiple_of(increment), "/increment_minutes", "must divide a day");
        wrong(self.hold_minutes == 0 || self.hold_minutes > day(), "/hold_minutes", "must be 1 to 1440");
        wrong(self.offer_minutes == 0 || self.offer_minutes > 7 * day(), "/offer_minutes", "must be 1 to 10080");
        let window = self.check_in.map_or(10, |rule| rule.window_minutes);
        wrong(!(10..=720).contains(&window), "/check_in/window_minutes", "must be 10 to 720");
        wrong(self.sensor_release_minutes == Some(0), "/sensor_release_minutes", "must be above 0");
        let percents = self.cancellation.iter().any(|rule| rule.refund_percent > 100);
        wrong(percents, "/cancellation", "refund_percent must be 0 to 100");
        wrong(self.quotas.iter().any(|quota| quota.limit.value() == 0), "/quotas", "a limit must be above 0");
        wrong(self.quotas.len() > 20, "/quotas", "at most 20");
        faults
    }

    /// Whether a booking of so many minutes can become a no-show or be released.
    #[must_use]
    pub fn watches_attendance(&self, minutes: i64) -> bool {
        minutes < i64::from(self.no_show_exempt_minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_of_one_line_has_the_usual_rules() {
        let read: Policy = serde_json::from_str(r#"{"id":"usual","name":"Usual"}"#).unwrap();
        let usual = Policy { name: "Usual".to_owned(), ..Policy::usual("usual".parse().unwrap()) };
        assert_eq!(read, usual);
        assert_eq!(read.faults(), []);
    }

    #[test]
    fn buffers_stack_or_the_longer_counts() {
        let mut policy = Policy::usual("p".parse().unwrap());
        policy.buffer_before_minutes = 10;
        policy.buffer_after_minutes = 15;
        assert_eq!(policy.padding(), (0, 15), "15 minutes between neighbours");
        policy.buffers_stack = true;
        assert_eq!(policy.padding(), (10, 15), "25 minutes between neighbours");
    }

    #[test]
    fn nonsense_is_named() {
        let policy = Policy { increment_minutes: 7, max_minutes: 5, ..Policy::usual("p".parse().unwrap()) };
        let fields: Vec<&str> = policy.faults().iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["/name", "/max_minutes", "/increment_minutes"]);
    }
}
