//! Instants and ranges of time in requests.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_kit::problem::{FieldError, Problem};
use serde::Deserialize;

use crate::sql::Window;

/// An instant as a client writes it, not looked at yet: chrono reads years that neither arithmetic nor PostgreSQL takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// The years that requests may speak of. No sensor reported before; far enough beyond any reservation.
    const FIRST_YEAR: i32 = 1970;
    const LAST_YEAR: i32 = 2200;

    /// The instant so many milliseconds after 1970.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        // What no calendar holds is as far outside as can be.
        Self(DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// The instant so many microseconds after 1970.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// The instant, if it can be reckoned with: one of the years 1970 to 2200.
    #[must_use]
    pub fn get(self) -> Option<DateTime<Utc>> {
        (Self::FIRST_YEAR..=Self::LAST_YEAR).contains(&self.0.year()).then_some(self.0)
    }

    /// The same, for the parameter `field`.
    ///
    /// # Errors
    /// 422 outside the years 1970 to 2200.
    pub fn read(self, field: &str) -> Result<DateTime<Utc>, Problem> {
        self.get().ok_or_else(|| {
            let message = format!("must lie between the years {} and {}", Self::FIRST_YEAR, Self::LAST_YEAR);
            Problem::invalid(vec![FieldError::new(field, message)])
        })
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at)
    }
}

/// Reads an instant that may be absent.
///
/// # Errors
/// 422 outside the years 1970 to 2200.
pub fn optional(field: &str, instant: Option<Instant>) -> Result<Option<DateTime<Utc>>, Problem> {
    instant.map(|instant| instant.read(field)).transpose()
}

/// How long a range is without `from`, and how long it may be.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Length when only the end, or nothing, is given.
    pub default: TimeDelta,
    /// The longest allowed: what one answer can hold.
    pub longest: TimeDelta,
}

/// What a request calls the ends of a range.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Its beginning.
    pub from: &'static str,
    /// Its end.
    pub to: &'static str,
}

/// The names of our own API.
pub const FROM_TO: Names = Names { from: "from", to: "to" };

/// The window that `from` (inclusive) and `to` (exclusive, at most now) describe.
///
/// # Errors
/// 422 when it is empty, longer than allowed, or outside the years that an [`Instant`] may lie in; it names the parameter as the
/// request does.
pub fn window(
    names: Names,
    [from, to]: [Option<Instant>; 2],
    now: DateTime<Utc>,
    timezone: Tz,
    span: Span,
) -> Result<Window, Problem> {
    let (from, to) = (optional(names.from, from)?, optional(names.to, to)?);
    let refused = |message| Problem::invalid(vec![FieldError::new(names.from, message)]);
    // The future has no history: beyond now the last state would be drawn on as if it were known.
    let to = to.map_or(now, |to| to.min(now));
    let from = from.unwrap_or(to - span.default);
    if from >= to {
        return Err(refused(format!("must lie before `{}` and before now", names.to)));
    }
    if to - from > span.longest {
        let longest = in_words(span.longest);
        return Err(refused(format!("at most {longest} before `{}` at this step; ask for several ranges", names.to)));
    }
    Ok(Window { from, to, timezone })
}

fn in_words(length: TimeDelta) -> String {
    if length.num_days() > 0 { format!("{} days", length.num_days()) } else { format!("{} hours", length.num_hours()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { default: TimeDelta::hours(24), longest: TimeDelta::days(7) };

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn ask(from: Option<i64>, to: Option<i64>) -> Result<(i64, i64), Problem> {
        let ends = [from, to].map(|end| end.map(|hours| at(hours).into()));
        let window = window(FROM_TO, ends, at(1000), Tz::UTC, SPAN)?;
        let hours = |instant: DateTime<Utc>| (instant - at(0)).num_hours();
        Ok((hours(window.from), hours(window.to)))
    }

    #[test]
    fn what_is_not_said_is_the_latest_stretch() {
        assert_eq!(ask(None, None).unwrap(), (976, 1000));
        assert_eq!(ask(None, Some(500)).unwrap(), (476, 500));
        assert_eq!(ask(Some(990), None).unwrap(), (990, 1000));
    }

    #[test]
    fn the_future_is_cut_off() {
        assert_eq!(ask(Some(990), Some(2000)).unwrap(), (990, 1000));
        assert!(ask(Some(1500), Some(2000)).is_err());
    }

    #[test]
    fn empty_and_long_ranges_are_refused() {
        assert!(ask(Some(10), Some(10)).is_err());
        assert_eq!(ask(Some(0), Some(168)).unwrap(), (0, 168));
        assert!(ask(Some(0), Some(169)).is_err());
    }

    #[test]
    fn instants_that_cannot_be_reckoned_with_are_refused() {
        let read = |text: &str| serde_json::from_value::<Instant>(text.into()).unwrap().read("to");
        for text in ["1970-01-01T00:00:00Z", "2200-12-31T23:59:59.999Z", "2026-01-31T13:00:00+01:00"] {
            assert_eq!(read(text).unwrap(), text.parse::<DateTime<Utc>>().unwrap());
        }
        for text in
            ["1969-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59Z"]
        {
            assert_eq!(read(text).unwrap_err().status().as_u16(), 422, "{text}");
        }
        for number in [i64::MIN, -1, 7_289_654_400_000_000, i64::MAX] {
            assert!(Instant::from_millis(number).get().is_none() && Instant::from_micros(number).get().is_none());
        }
    }
}
