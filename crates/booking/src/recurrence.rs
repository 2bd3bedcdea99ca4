//! Series: a local start, a zone and an RRULE, made into instants.
//!
//! The rule is worked out on the local clock and only its results become instants, one by one: a meeting at nine stays at nine
//! whatever the clocks do. Nothing is ever added to an instant.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use rrule::{RRule, RRuleError, RRuleSet, Unvalidated};
use serde::{Deserialize, Serialize};

use crate::{Slot, to_utc};

/// Occurrences of a series at most; a year of weekdays and some.
pub const MOST_OCCURRENCES: u16 = 400;

/// An occurrence that was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// Its own local start.
    pub local_start: NaiveDateTime,
    /// Its own length.
    pub minutes: u32,
}

/// A recurring time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// First start, by the local clock.
    pub local_start: NaiveDateTime,
    /// Whose clock.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "Europe/Paris"))]
    pub timezone: Tz,
    /// Length of each occurrence.
    pub minutes: u32,
    /// RRULE of RFC 5545, with COUNT or UNTIL.
    #[cfg_attr(feature = "schema", schema(example = "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=20"))]
    pub rule: String,
    /// Local starts that are left out (EXDATE).
    #[serde(default)]
    pub except: BTreeSet<NaiveDateTime>,
    /// Occurrences that were moved, by the local start that the rule gives them.
    #[serde(default)]
    pub moved: BTreeMap<NaiveDateTime, Moved>,
}

/// One time of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Occurrence {
    /// The local start that the rule gives it: its identity (RECURRENCE-ID), whatever it was moved to.
    pub original: NaiveDateTime,
    /// When it really is.
    pub slot: Slot,
}

/// A rule that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum RecurrenceError {
    /// Not an RRULE.
    #[error("the rule is not a valid RRULE: {0}")]
    Rule(#[from] Box<RRuleError>),
    /// Neither COUNT nor UNTIL.
    #[error("the rule has no end: give COUNT or UNTIL")]
    Endless,
    /// More than [`MOST_OCCURRENCES`].
    #[error("the rule gives more than {MOST_OCCURRENCES} occurrences")]
    TooMany,
    /// Faster than daily: those are not bookings.
    #[error("the rule repeats more often than daily")]
    TooOften,
    /// No occurrence at all.
    #[error("the rule gives no occurrence")]
    Empty,
    /// A length of nothing.
    #[error("the occurrences must last a minute at least")]
    NoLength,
}

impl Recurrence {
    /// All occurrences in the order of their original starts, moved ones included, excepted ones left out.
    ///
    /// # Errors
    /// See [`RecurrenceError`].
    pub fn occurrences(&self) -> Result<Vec<Occurrence>, RecurrenceError> {
        if self.minutes == 0 {
            return Err(RecurrenceError::NoLength);
        }
        let starts = local_starts(self.local_start, self.timezone, &self.rule)?;
        let kept: Vec<_> = starts.into_iter().filter(|start| !self.except.contains(start)).collect();
        if kept.is_empty() {
            return Err(RecurrenceError::Empty);
        }
        Ok(kept.into_iter().map(|original| Occurrence { original, slot: self.slot_of(original) }).collect())
    }

    /// When the occurrence that the rule puts at `original` really is.
    #[must_use]
    pub fn slot_of(&self, original: NaiveDateTime) -> Slot {
        let usual = Moved { local_start: original, minutes: self.minutes };
        let Moved { local_start, minutes } = self.moved.get(&original).copied().unwrap_or(usual);
        Slot::lasting(to_utc(local_start, self.timezone), TimeDelta::minutes(i64::from(minutes)))
    }
}

/// The local starts of a rule.
fn local_starts(first: NaiveDateTime, zone: Tz, rule: &str) -> Result<Vec<NaiveDateTime>, RecurrenceError> {
    let set = rule_set(first, zone, rule)?;
    let rules = set.get_rrule();
    if rules.iter().any(|rule| rule.get_count().is_none() && rule.get_until().is_none()) {
        return Err(RecurrenceError::Endless);
    }
    let starts = collected(set)?;
    if starts.is_empty() { Err(RecurrenceError::Empty) } else { Ok(starts) }
}

/// The local starts within `range` of a rule that may be endless: that of somebody else's calendar.
///
/// # Errors
/// See [`RecurrenceError`]; the limit of occurrences is that of `range`.
pub fn local_starts_within(
    first: NaiveDateTime,
    zone: Tz,
    rule: &str,
    range: Slot,
) -> Result<Vec<NaiveDateTime>, RecurrenceError> {
    // A day more on both sides: what begins just before may last into the range.
    let day = TimeDelta::days(1);
    let local = |at: DateTime<Utc>| rrule::Tz::UTC.from_utc_datetime(&at.with_timezone(&zone).naive_local());
    let set = rule_set(first, zone, rule)?;
    collected(set.after(local(range.start - day)).before(local(range.end + day)))
}

fn rule_set(first: NaiveDateTime, zone: Tz, rule: &str) -> Result<RRuleSet, RecurrenceError> {
    let boxed = |error: RRuleError| RecurrenceError::Rule(Box::new(error));
    let rule = rule.trim().strip_prefix("RRULE:").unwrap_or(rule.trim());
    let rule: RRule<Unvalidated> = floating_until(rule, zone).parse().map_err(boxed)?;
    if rule.get_freq() > rrule::Frequency::Daily {
        return Err(RecurrenceError::TooOften);
    }
    // The local clock is put through the rule as if it were UTC, which has no clock changes.
    rule.build(rrule::Tz::UTC.from_utc_datetime(&first)).map_err(boxed)
}

fn collected(set: RRuleSet) -> Result<Vec<NaiveDateTime>, RecurrenceError> {
    let found = set.all(MOST_OCCURRENCES + 1);
    if found.dates.len() > usize::from(MOST_OCCURRENCES) {
        return Err(RecurrenceError::TooMany);
    }
    Ok(found.dates.into_iter().map(|date| date.naive_utc()).collect())
}

/// The rule with its UNTIL on the local clock, marked `Z` as the rest of the calculation is.
///
/// RFC 5545 wants UNTIL in UTC when the start has a zone; a date or a time without `Z`, which many write, is local already. A date
/// alone means the end of that day.
fn floating_until(rule: &str, zone: Tz) -> String {
    let parts = rule.split(';').map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if !name.eq_ignore_ascii_case("UNTIL") {
            return part.to_owned();
        }
        let local = if let Ok(utc) = NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%SZ") {
            let utc: DateTime<Utc> = utc.and_utc();
            Some(utc.with_timezone(&zone).naive_local())
        } else if let Ok(local) = NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S") {
            Some(local)
        } else {
            let day = chrono::NaiveDate::parse_from_str(value, "%Y%m%d").ok();
            day.and_then(|day| day.and_hms_opt(23, 59, 59))
        };
        local.map_or_else(|| part.to_owned(), |local| format!("UNTIL={}", local.format("%Y%m%dT%H%M%SZ")))
    });
    parts.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;

    fn series(start: &str, rule: &str) -> Recurrence {
        Recurrence {
            local_start: start.parse().unwrap(),
            timezone: Paris,
            minutes: 60,
            rule: rule.to_owned(),
            except: BTreeSet::new(),
            moved: BTreeMap::new(),
        }
    }

    fn starts(series: &Recurrence) -> Vec<String> {
        let found = series.occurrences().unwrap();
        found.iter().map(|one| one.slot.start.format("%m-%dT%H:%MZ").to_string()).collect()
    }

    #[test]
    fn nine_stays_nine_over_the_clock_change() {
        let weekly = series("2026-10-19T09:00:00", "FREQ=WEEKLY;COUNT=3");
        assert_eq!(starts(&weekly), ["10-19T07:00Z", "10-26T08:00Z", "11-02T08:00Z"]);
    }

    #[test]
    fn until_may_be_utc_local_or_a_day() {
        let count = |until: &str| {
            let daily = series("2026-07-01T09:00:00", &format!("FREQ=DAILY;UNTIL={until}"));
            daily.occurrences().unwrap().len()
        };
        assert_eq!(count("20260703T070000Z"), 3, "nine in Paris is seven in UTC");
        assert_eq!(count("20260703T065959Z"), 2);
        assert_eq!(count("20260703T090000"), 3);
        assert_eq!(count("20260703"), 3);
    }

    #[test]
    fn occurrences_are_left_out_and_moved() {
        let mut weekly = series("2026-07-07T14:00:00", "RRULE:FREQ=WEEKLY;COUNT=4");
        weekly.except.insert("2026-07-14T14:00:00".parse().unwrap());
        let moved = Moved { local_start: "2026-07-22T09:00:00".parse().unwrap(), minutes: 30 };
        weekly.moved.insert("2026-07-21T14:00:00".parse().unwrap(), moved);
        assert_eq!(starts(&weekly), ["07-07T12:00Z", "07-22T07:00Z", "07-28T12:00Z"]);
        let occurrences = weekly.occurrences().unwrap();
        assert_eq!(occurrences[1].original.to_string(), "2026-07-21 14:00:00");
        assert_eq!(occurrences[1].slot.minutes(), 30);
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let refused = |rule: &str| series("2026-07-07T14:00:00", rule).occurrences().unwrap_err();
        assert!(matches!(refused("FREQ=WEEKLY"), RecurrenceError::Endless));
        assert!(matches!(refused("FREQ=DAILY;COUNT=5000"), RecurrenceError::TooMany));
        assert!(matches!(refused("FREQ=SECONDLY;COUNT=5"), RecurrenceError::TooOften));
        assert!(matches!(refused("every tuesday"), RecurrenceError::Rule(_) | RecurrenceError::Endless));
        assert!(matches!(refused("FREQ=DAILY;UNTIL=20200101"), RecurrenceError::Rule(_) | RecurrenceError::Empty));
    }
}
