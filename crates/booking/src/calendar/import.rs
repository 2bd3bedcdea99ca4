//! The busy times of a calendar kept elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use icalendar::{Calendar, CalendarDateTime, Component, DatePerhapsTime, Event, EventStatus, Property};

use crate::recurrence::{RecurrenceError, local_starts_within};
use crate::{Slot, to_utc};

/// Busy times at most; more is no calendar of a room.
const MOST: usize = 5000;

/// A time at which a calendar says that its owner is busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyTime {
    /// Identity of the event.
    pub uid: String,
    /// When.
    pub slot: Slot,
}

/// A calendar that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not iCalendar.
    #[error("this is not an iCalendar file: {0}")]
    Syntax(String),
    /// A time in a zone that is not in the IANA database.
    #[error("event {uid}: unknown time zone {zone}")]
    Zone {
        /// The event.
        uid: String,
        /// The zone.
        zone: String,
    },
    /// A rule that cannot be followed.
    #[error("event {uid}: {error}")]
    Rule {
        /// The event.
        uid: String,
        /// What is wrong with it.
        error: RecurrenceError,
    },
    /// Too much.
    #[error("more than {MOST} busy times")]
    TooMany,
}

/// The busy times within `range`. Times without a zone and whole days are those of `zone`. Events that are cancelled or marked as
/// free (TRANSP:TRANSPARENT) are left out.
///
/// # Errors
/// See [`ImportError`]; nothing is read from a file of which a part cannot be.
pub fn read_busy(text: &str, zone: Tz, range: Slot) -> Result<Vec<BusyTime>, ImportError> {
    let calendar: Calendar = text.parse().map_err(ImportError::Syntax)?;
    if calendar.property_value("METHOD").is_some_and(|method| method.eq_ignore_ascii_case("CANCEL")) {
        return Ok(Vec::new());
    }
    let mut events: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in calendar.events() {
        events.entry(event.get_uid().unwrap_or_default().to_owned()).or_default().push(event);
    }
    let mut busy = Vec::new();
    for (uid, events) in events {
        for slot in slots(&uid, &events, zone, range)? {
            if slot.overlaps(&range) {
                busy.push(BusyTime { uid: uid.clone(), slot });
            }
        }
        if busy.len() > MOST {
            return Err(ImportError::TooMany);
        }
    }
    busy.sort_by(|a, b| (a.slot, &a.uid).cmp(&(b.slot, &b.uid)));
    Ok(busy)
}

/// A point of time as written: its local time and whose clock.
#[derive(Clone, Copy)]
struct Written {
    local: NaiveDateTime,
    zone: Tz,
    whole_day: bool,
}

impl Written {
    fn utc(self) -> DateTime<Utc> {
        to_utc(self.local, self.zone)
    }
}

fn written(value: DatePerhapsTime, uid: &str, zone: Tz) -> Result<Written, ImportError> {
    Ok(match value {
        DatePerhapsTime::Date(day) => Written { local: day.and_time(NaiveTime::MIN), zone, whole_day: true },
        DatePerhapsTime::DateTime(CalendarDateTime::Floating(local)) => Written { local, zone, whole_day: false },
        DatePerhapsTime::DateTime(CalendarDateTime::Utc(utc)) => {
            Written { local: utc.naive_utc(), zone: Tz::UTC, whole_day: false }
        }
        DatePerhapsTime::DateTime(CalendarDateTime::WithTimezone { date_time: local, tzid }) => {
            let zone = tzid.parse().map_err(|_| ImportError::Zone { uid: uid.to_owned(), zone: tzid })?;
            Written { local, zone, whole_day: false }
        }
    })
}

/// The times of one UID: a master with its rule, and occurrences that replace some of its own (RECURRENCE-ID).
fn slots(uid: &str, events: &[&Event], zone: Tz, range: Slot) -> Result<Vec<Slot>, ImportError> {
    let mut slots = Vec::new();
    let mut replaced = BTreeSet::new();
    for event in events {
        if let Some(property) = event.properties().get("RECURRENCE-ID")
            && let Some(original) = DatePerhapsTime::from_property(property)
        {
            replaced.insert(written(original, uid, zone)?.utc());
        }
    }
    for event in events {
        let Some(start) = event.get_start() else { continue };
        let start = written(start, uid, zone)?;
        let length = length(event, start, uid, zone)?;
        let is_master = !event.properties().contains_key("RECURRENCE-ID");
        let free = event.get_status() == Some(EventStatus::Cancelled)
            || event.property_value("TRANSP").is_some_and(|value| value.eq_ignore_ascii_case("TRANSPARENT"));
        if free {
            continue;
        }
        match event.property_value("RRULE") {
            Some(rule) if is_master => {
                let starts = repeated(event, start, rule, uid, zone, range)?;
                let kept = starts.into_iter().filter(|start| !replaced.contains(start));
                slots.extend(kept.map(|at| length.from(at, start.zone)));
            }
            _ => slots.push(length.from(start.utc(), start.zone)),
        }
    }
    Ok(slots)
}

/// How long an event lasts.
#[derive(Clone, Copy)]
enum Length {
    /// So much time.
    Exact(TimeDelta),
    /// So much on the calendar: a day of 23 or 25 hours is a day.
    Nominal(TimeDelta),
}

impl Length {
    fn from(self, start: DateTime<Utc>, zone: Tz) -> Slot {
        match self {
            Self::Exact(length) => Slot::lasting(start, length),
            Self::Nominal(length) => {
                let local = start.with_timezone(&zone).naive_local() + length;
                Slot::lasting(start, to_utc(local, zone) - start)
            }
        }
    }
}

fn length(event: &Event, start: Written, uid: &str, zone: Tz) -> Result<Length, ImportError> {
    if let Some(end) = event.get_end() {
        let end = written(end, uid, zone)?;
        let nominal = start.whole_day && end.whole_day;
        return Ok(if nominal {
            Length::Nominal(end.local - start.local)
        } else {
            Length::Exact(end.utc() - start.utc())
        });
    }
    // Without an end, a whole day lasts a day, and a point of time lasts no time (RFC 5545, section 3.6.1).
    Ok(match event.property_value("DURATION").and_then(duration) {
        Some(duration) => Length::Exact(duration),
        None if start.whole_day => Length::Nominal(TimeDelta::days(1)),
        None => Length::Exact(TimeDelta::zero()),
    })
}

/// `P1DT2H30M`, `PT45M`, `P2W`.
fn duration(text: &str) -> Option<TimeDelta> {
    let mut total = TimeDelta::zero();
    let mut digits = String::new();
    for c in text.strip_prefix('P')?.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            'T' => continue,
            'W' => TimeDelta::weeks(1),
            'D' => TimeDelta::days(1),
            'H' => TimeDelta::hours(1),
            'M' => TimeDelta::minutes(1),
            'S' => TimeDelta::seconds(1),
            _ => return None,
        };
        total += unit * digits.parse().ok()?;
        digits.clear();
    }
    Some(total)
}

/// The starts that the rule gives around `range`, exceptions left out.
fn repeated(
    event: &Event,
    start: Written,
    rule: &str,
    uid: &str,
    zone: Tz,
    range: Slot,
) -> Result<Vec<DateTime<Utc>>, ImportError> {
    let mut except = BTreeSet::new();
    for property in event.multi_properties().get("EXDATE").into_iter().flatten() {
        for value in property.value().split(',') {
            if let Some(date) = DatePerhapsTime::from_property(&with_value(property, value)) {
                let instant = written(date, uid, zone)?.utc();
                except.insert(instant.with_timezone(&start.zone).naive_local());
            }
        }
    }
    let starts = match local_starts_within(start.local, start.zone, rule, range) {
        Ok(starts) => starts,
        Err(error) => return Err(ImportError::Rule { uid: uid.to_owned(), error }),
    };
    let kept = starts.into_iter().filter(|local| !except.contains(local));
    Ok(kept.map(|local| to_utc(local, start.zone)).collect())
}

/// The property with one of its values; its parameters (TZID, VALUE) hold for each of them.
fn with_value(property: &Property, value: &str) -> Property {
    let mut one = Property::new(property.key(), value);
    for parameter in property.params().values() {
        one.add_parameter(parameter.key(), parameter.value());
    }
    one.done()
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;

    fn busy(events: &str) -> Result<Vec<String>, ImportError> {
        let range =
            Slot::new("2026-10-01T00:00:00Z".parse().unwrap(), "2026-11-15T00:00:00Z".parse().unwrap()).unwrap();
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{events}END:VCALENDAR\r\n");
        let found = read_busy(&text.replace('\n', "\r\n").replace("\r\r\n", "\r\n"), Paris, range)?;
        let text = |busy: &BusyTime| format!("{} {}", busy.slot.start.format("%m-%dT%H:%MZ"), busy.slot.minutes());
        Ok(found.iter().map(text).collect())
    }

    #[test]
    fn a_series_with_its_exceptions_and_a_moved_occurrence() {
        let found = busy(
            "BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Paris:20261006T090000\nDTEND;TZID=Europe/Paris:20261006T100000\n\
             RRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Paris:20261013T090000,20261020T090000\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;TZID=Europe/Paris:20261027T090000\n\
             DTSTART;TZID=Europe/Paris:20261028T140000\nDURATION:PT1H30M\nEND:VEVENT\n",
        );
        // Nine in Paris is 07:00Z before the clock change and 08:00Z after; an endless rule ends with the range.
        let expected = ["10-06T07:00Z 60", "10-28T13:00Z 90", "11-03T08:00Z 60", "11-10T08:00Z 60"];
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn whole_days_are_local_and_free_or_cancelled_times_do_not_count() {
        let found = busy(
            "BEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:20261025\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:b\nDTSTART:20261007T080000Z\nDTEND:20261007T090000Z\nTRANSP:TRANSPARENT\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:c\nDTSTART:20261008T080000Z\nDTEND:20261008T090000Z\nSTATUS:CANCELLED\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:d\nDTSTART:20270101T080000Z\nDTEND:20270101T090000Z\nEND:VEVENT\n",
        );
        assert_eq!(found.unwrap(), ["10-24T22:00Z 1500"], "a day of 25 hours");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let range = Slot::lasting(DateTime::UNIX_EPOCH, TimeDelta::days(1));
        assert!(matches!(read_busy("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", Paris, range), Err(ImportError::Syntax(_))));
        let zone = busy("BEGIN:VEVENT\nUID:z\nDTSTART;TZID=Mars/Base:20261007T080000\nEND:VEVENT\n").unwrap_err();
        assert_eq!(zone.to_string(), "event z: unknown time zone Mars/Base");
        let rule = busy("BEGIN:VEVENT\nUID:r\nDTSTART:20261007T080000Z\nRRULE:FREQ=SOMETIMES\nEND:VEVENT\n");
        assert!(matches!(rule.unwrap_err(), ImportError::Rule { .. }));
    }
}
