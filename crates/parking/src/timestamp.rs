//! Device timestamps: with an offset, naive in the place's zone, or milliseconds since the epoch.

use chrono::{DateTime, Duration, DurationRound, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use crate::refusal::{Refusal, RefusalCode};

/// How far a device's clock may run ahead of the receipt.
pub const CLOCK_AHEAD: Duration = Duration::minutes(5);

/// Earlier times are misread units (seconds taken for milliseconds) or clocks that were never set: 2000-01-01T00:00:00Z.
const EARLIEST_MILLIS: i64 = 946_684_800_000;

/// Naive forms that devices and files use.
const NAIVE_FORMS: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// A timestamp text, before it is decided which instant it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// With an offset or `Z`.
    Instant(DateTime<Utc>),
    /// Local time of a zone that the text does not name.
    Local(NaiveDateTime),
}

impl Written {
    /// Takes a text apart; `None` if it is in none of the accepted forms.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::Instant(time.to_utc()));
        }
        NAIVE_FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(Self::Local)
    }

    /// The instants that it can mean in `zone`, the earlier one first: two different ones in the hour that occurs twice, the
    /// same one twice otherwise. An hour that does not exist is moved forward by the gap.
    #[must_use]
    pub fn candidates(self, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        match self {
            Self::Instant(time) => Some((time, time)),
            Self::Local(naive) => local_candidates(naive, zone),
        }
    }
}

/// Reads a timestamp text, to the millisecond.
///
/// An offset or `Z` is honoured. A text without one is local time in `zone`: an hour that occurs twice (end of summer
/// time) is read as the later one unless that would lie in the future of `received_at`, and an hour that does not exist
/// (start of summer time) is moved forward by the gap.
///
/// # Errors
/// [`RefusalCode::BadTimestamp`], or [`RefusalCode::ClockAhead`] when the time is more than [`CLOCK_AHEAD`] after the
/// receipt.
pub fn read(text: &str, zone: Tz, received_at: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let written =
        Written::parse(text).ok_or_else(|| bad("neither an ISO 8601 date and time nor epoch milliseconds"))?;
    let (earlier, later) = written.candidates(zone).ok_or_else(|| bad("no such time in the zone of the place"))?;
    // "In the future" leaves devices the same tolerance here as everywhere.
    check(if later <= latest(received_at) { later } else { earlier }, received_at)
}

/// Reads milliseconds since the epoch.
///
/// # Errors
/// As [`read`].
pub fn from_millis(millis: i64, received_at: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let time = DateTime::from_timestamp_millis(millis).ok_or_else(|| bad("outside the range of times"))?;
    check(time, received_at)
}

fn bad(detail: &str) -> Refusal {
    Refusal::new(RefusalCode::BadTimestamp, detail)
}

fn local_candidates(naive: NaiveDateTime, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    match zone.from_local_datetime(&naive) {
        LocalResult::Single(time) => Some((time.to_utc(), time.to_utc())),
        LocalResult::Ambiguous(earlier, later) => Some((earlier.to_utc(), later.to_utc())),
        LocalResult::None => {
            // The offset that was valid before the gap maps the missing hour to the one after it. Zones have skipped
            // up to a whole day, hence the search.
            let before = (1..=26).find_map(|hours| {
                let earlier = naive.checked_sub_signed(Duration::hours(hours))?;
                zone.from_local_datetime(&earlier).latest()
            })?;
            let skipped = naive.signed_duration_since(before.naive_local());
            let time = before.to_utc().checked_add_signed(skipped)?;
            Some((time, time))
        }
    }
}

/// The latest device time that is accepted of a message received then.
fn latest(received_at: DateTime<Utc>) -> DateTime<Utc> {
    received_at.checked_add_signed(CLOCK_AHEAD).unwrap_or(received_at)
}

fn check(time: DateTime<Utc>, received_at: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let time = time.duration_trunc(Duration::milliseconds(1)).map_err(|_| bad("outside the range of times"))?;
    if time.timestamp_millis() < EARLIEST_MILLIS {
        return Err(bad("before the year 2000"));
    }
    if time > latest(received_at) {
        let ahead = (time - received_at).num_seconds();
        return Err(Refusal::new(
            RefusalCode::ClockAhead,
            format!("{ahead} s ahead of the receipt; at most 300 s are accepted"),
        ));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn paris(text: &str, received_at: &str) -> Result<DateTime<Utc>, RefusalCode> {
        read(text, Paris, utc(received_at)).map_err(|r| r.code)
    }

    #[test]
    fn reads_every_accepted_form() {
        let now = "2026-01-20T12:00:00Z";
        for (text, expected) in [
            ("2026-01-18T10:00:00", "2026-01-18T09:00:00Z"),
            ("2026-07-18T10:00:00", "2026-07-18T08:00:00Z"),
            ("2025-12-28T21:57", "2025-12-28T20:57:00Z"),
            ("2026-01-18 10:00:00.5", "2026-01-18T09:00:00.500Z"),
            ("2026-01-18T10:00:00.123456", "2026-01-18T09:00:00.123Z"),
            ("2026-01-18T10:00:00Z", "2026-01-18T10:00:00Z"),
            ("2026-01-18T10:00:00+05:30", "2026-01-18T04:30:00Z"),
        ] {
            let received_at = if text.contains("-07-") { "2026-07-20T12:00:00Z" } else { now };
            assert_eq!(paris(text, received_at), Ok(utc(expected)), "{text}");
        }
        assert_eq!(from_millis(1_768_730_400_000, utc(now)).unwrap(), utc("2026-01-18T10:00:00Z"));
    }

    #[test]
    fn the_repeated_hour_is_the_latest_one_that_has_happened() {
        // 2025-10-26: 02:30 is 00:30Z and, an hour later, 01:30Z.
        let text = "2025-10-26T02:30:00";
        assert_eq!(paris(text, "2025-10-26T00:30:01Z"), Ok(utc("2025-10-26T00:30:00Z")));
        assert_eq!(paris(text, "2025-10-26T01:20:00Z"), Ok(utc("2025-10-26T00:30:00Z")));
        assert_eq!(paris(text, "2025-10-26T01:26:00Z"), Ok(utc("2025-10-26T01:30:00Z")));
        assert_eq!(paris(text, "2025-10-26T01:30:01Z"), Ok(utc("2025-10-26T01:30:00Z")));
    }

    #[test]
    fn the_missing_hour_is_moved_forward() {
        // 2025-03-30: from 02:00 the clocks show 03:00.
        let text = "2025-03-30T02:30:00";
        assert_eq!(paris(text, "2025-04-01T00:00:00Z"), Ok(utc("2025-03-30T01:30:00Z")));
        // Samoa skipped the whole of 2011-12-30.
        let apia = read("2011-12-30T12:00:00", chrono_tz::Pacific::Apia, utc("2012-01-02T00:00:00Z"));
        assert_eq!(apia.unwrap(), utc("2011-12-30T22:00:00Z"));
    }

    #[test]
    fn clocks_may_be_five_minutes_ahead() {
        let now = "2026-01-18T10:00:00Z";
        assert!(paris("2026-01-18T11:05:00", now).is_ok());
        assert_eq!(paris("2026-01-18T11:05:00.001", now), Err(RefusalCode::ClockAhead));
    }

    #[test]
    fn the_end_of_time_is_a_receipt_like_any_other() {
        let end = DateTime::<Utc>::MAX_UTC;
        assert!(read("2026-01-18T10:00:00Z", Paris, end).is_ok());
        assert!(read("2025-10-26T02:30:00", Paris, end).is_ok());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let now = "2026-01-18T10:00:00Z";
        for text in ["", "yesterday", "2026-13-01T00:00:00", "2026-01-18", "1999-12-31T23:00:00Z"] {
            assert_eq!(paris(text, now), Err(RefusalCode::BadTimestamp), "{text}");
        }
        // Epoch seconds taken for milliseconds would be January 1970.
        assert_eq!(from_millis(1_768_730_400, utc(now)).unwrap_err().code, RefusalCode::BadTimestamp);
        assert!(from_millis(i64::MAX, utc(now)).is_err());
    }
}
