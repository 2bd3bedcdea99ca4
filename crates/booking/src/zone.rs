//! Local times as instants, on days of clock changes too.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::Slot;

/// Steps in which the start of a gap is looked for: clock changes happen at whole quarters of an hour.
const STEP: TimeDelta = TimeDelta::minutes(15);
/// No gap was longer than a day (Samoa left out 30 December 2011).
const STEPS: usize = 100;

/// The instant at which the clocks of `zone` show `local`.
///
/// The rules of RFC 5545, section 3.3.5: a time that comes twice is its first coming; a time that is left out is counted
/// with the offset before the gap, so 02:30 on the day when 02:00 becomes 03:00 is 03:30.
#[must_use]
pub fn to_utc(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    if let Some(instant) = zone.from_local_datetime(&local).earliest() {
        return instant.with_timezone(&Utc);
    }
    let mut before = local;
    for _ in 0..STEPS {
        before -= STEP;
        if let Some(instant) = zone.from_local_datetime(&before).latest() {
            return (instant + (local - before)).with_timezone(&Utc);
        }
    }
    // Out of chrono's range; a date that nobody books.
    local.and_utc()
}

/// The day of the place's calendar: 23, 24 or 25 hours, from its first instant to the next day's.
#[must_use]
pub fn local_day(day: NaiveDate, zone: Tz) -> Slot {
    let start = to_utc(day.and_time(NaiveTime::MIN), zone);
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    Slot::lasting(start, to_utc(next.and_time(NaiveTime::MIN), zone) - start)
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::New_York, Australia::Lord_Howe, Europe::Paris, Pacific::Apia};

    use super::*;

    fn utc(local: &str, zone: Tz) -> String {
        to_utc(local.parse().unwrap(), zone).to_rfc3339()
    }

    #[test]
    fn a_time_that_comes_twice_is_its_first_coming() {
        assert_eq!(utc("2026-10-25T02:30:00", Paris), "2026-10-25T00:30:00+00:00");
        assert_eq!(utc("2026-11-01T01:30:00", New_York), "2026-11-01T05:30:00+00:00");
        assert_eq!(utc("2026-04-05T01:45:00", Lord_Howe), "2026-04-04T14:45:00+00:00");
    }

    #[test]
    fn a_time_left_out_goes_on_from_before_the_gap() {
        // 02:30 does not exist: half an hour after 01:59:59 it is 03:30.
        assert_eq!(utc("2026-03-29T02:30:00", Paris), "2026-03-29T01:30:00+00:00");
        assert_eq!(utc("2026-03-08T02:30:00", New_York), "2026-03-08T07:30:00+00:00");
        // Lord Howe's clocks move by half an hour.
        assert_eq!(utc("2026-10-04T02:15:00", Lord_Howe), "2026-10-03T15:45:00+00:00");
        assert_eq!(utc("2011-12-30T12:00:00", Apia), "2011-12-30T22:00:00+00:00");
    }

    #[test]
    fn days_of_clock_changes_are_shorter_or_longer() {
        let hours = |day: &str, zone| local_day(day.parse().unwrap(), zone).length().num_minutes();
        assert_eq!(hours("2026-03-29", Paris), 23 * 60);
        assert_eq!(hours("2026-10-25", Paris), 25 * 60);
        assert_eq!(hours("2026-11-01", New_York), 25 * 60);
        assert_eq!(hours("2026-04-05", Lord_Howe), 24 * 60 + 30);
        assert_eq!(hours("2026-10-04", Lord_Howe), 23 * 60 + 30);
    }
}
