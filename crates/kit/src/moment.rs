//! Instants and days in query parameters.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

/// The years that a request may speak of: chrono reads others, with which neither arithmetic nor PostgreSQL can work.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2200;
/// Clocks are put forward at whole quarters of an hour.
const QUARTER: TimeDelta = TimeDelta::minutes(15);
/// The longest time that clocks have left out from a midnight on is a day (Samoa, 30 December 2011).
const QUARTERS: i32 = 100;

/// One end of a range as a client says it: an instant (`2026-11-22T08:00:00Z`), or a day of the place's calendar (`2026-11-22`). A day
/// stands for all of it: as the beginning of a range its first instant, as the end its last, so that one day is a range from that day to
/// that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Moment {
    /// A day.
    Day(NaiveDate),
    /// An instant.
    At(DateTime<Utc>),
}

/// A text that is no [`Moment`]; what it says is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It cannot be read.
    #[error("`{0}` is neither a day (2026-11-22) nor an instant (2026-11-22T08:00:00Z)")]
    Form(String),
    /// It lies too far away.
    #[error("`{0}` is not between the years 1970 and 2200")]
    Year(String),
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || (text.len() == "2026-11-22".len()).then(|| text.parse().ok()).flatten().map(Self::Day);
        let at = || text.parse().ok().map(Self::At);
        let moment = day().or_else(at).ok_or_else(|| MomentError::Form(text.to_owned()))?;
        let year = match moment {
            Self::Day(day) => day.year(),
            Self::At(at) => at.year(),
        };
        if YEARS.contains(&year) { Ok(moment) } else { Err(MomentError::Year(text.to_owned())) }
    }
}

impl TryFrom<String> for Moment {
    type Error = MomentError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Moment {
    /// Whether it takes a time zone to know what it means.
    #[must_use]
    pub const fn is_day(self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// The first instant of a range that begins with it.
    #[must_use]
    pub fn begin(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Day(day) => start_of_day(day, zone),
            Self::At(at) => at,
        }
    }

    /// The first instant after a range that ends with it.
    #[must_use]
    pub fn end(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Day(day) => start_of_day(day.checked_add_days(Days::new(1)).unwrap_or(day), zone),
            Self::At(at) => at,
        }
    }

    /// The day of the place's calendar that it is or lies in.
    #[must_use]
    pub fn day(self, zone: Tz) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::At(at) => at.with_timezone(&zone).date_naive(),
        }
    }
}

/// The first instant of a day of the place's calendar; where clocks leave its midnight out, the instant at which they go on.
#[must_use]
pub fn start_of_day(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let shown = (0..QUARTERS).find_map(|quarter| zone.from_local_datetime(&(midnight + QUARTER * quarter)).earliest());
    shown.map_or_else(|| midnight.and_utc(), |start| start.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Africa::Cairo, Europe::Paris, Pacific::Apia};

    use super::*;

    fn read(text: &str) -> Moment {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_all_of_it() {
        let day = read("2026-11-22");
        assert_eq!((day.begin(Paris), day.end(Paris)), (utc("2026-11-21T23:00:00Z"), utc("2026-11-22T23:00:00Z")));
        let short = read("2026-03-29");
        assert_eq!(short.end(Paris) - short.begin(Paris), TimeDelta::hours(23));
        assert!(day.is_day() && day.day(Paris) == "2026-11-22".parse().unwrap());
    }

    #[test]
    fn an_instant_is_what_it_is() {
        let at = read("2026-11-22T00:30:00+01:00");
        assert_eq!((at.begin(Paris), at.end(Apia)), (utc("2026-11-21T23:30:00Z"), utc("2026-11-21T23:30:00Z")));
        assert!(!at.is_day());
        assert_eq!((at.day(Paris), at.day(Tz::UTC)), ("2026-11-22".parse().unwrap(), "2026-11-21".parse().unwrap()));
    }

    #[test]
    fn a_midnight_that_does_not_come_is_when_clocks_go_on() {
        // Egypt puts its clocks forward at midnight; Samoa left out a whole day.
        assert_eq!(read("2026-04-24").begin(Cairo), utc("2026-04-23T22:00:00Z"));
        assert_eq!(read("2011-12-30").begin(Apia), utc("2011-12-30T10:00:00Z"));
    }

    #[test]
    fn what_is_neither_is_refused_in_words() {
        for text in ["", "yesterday", "2026-11", "2026-13-01", "2026-02-30", "22/11/2026", "2026-11-22T08:00:00"] {
            assert_eq!(text.parse::<Moment>(), Err(MomentError::Form(text.to_owned())));
        }
        for text in ["1969-12-31", "2201-01-01", "1969-12-31T23:59:59Z", "+262142-12-31T23:59:59Z"] {
            assert_eq!(text.parse::<Moment>(), Err(MomentError::Year(text.to_owned())));
        }
        let error = serde_json::from_str::<Moment>("\"soon\"").unwrap_err().to_string();
        assert_eq!(error, "`soon` is neither a day (2026-11-22) nor an instant (2026-11-22T08:00:00Z)");
    }
}
