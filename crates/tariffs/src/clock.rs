//! Times of day and lengths of time as tariff files write them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A text that is neither a time of day nor a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// Not `HH:MM` from `00:00` to `24:00`.
    #[error("`{0}` is not a time of day from 00:00 to 24:00")]
    Clock(String),
    /// Not a length such as `90min`, `1h30`, `6h`, `7d`.
    #[error("`{0}` is not a length of time such as 15min, 1h30, 6h or 7d")]
    Length(String),
}

/// A wall-clock time of day, `00:00` to `24:00`, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockTime(u16);

impl ClockTime {
    /// The beginning of a day.
    pub const MIDNIGHT: Self = Self(0);
    /// The end of a day.
    pub const END: Self = Self(1440);

    /// Minutes after midnight, 0 to 1440.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }

    /// The instant at which the clocks of `zone` show this time on `date`.
    ///
    /// Of an hour that occurs twice (end of summer time) it is the first; an hour that does not exist (start of summer
    /// time) is moved forward by the gap. Both ends of a window follow the same rule, so that adjacent windows stay adjacent.
    pub(crate) fn on(self, date: NaiveDate, zone: Tz) -> DateTime<Utc> {
        let midnight = date.and_time(chrono::NaiveTime::MIN);
        instant(midnight + Duration::minutes(self.0.into()), zone)
    }
}

fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) => time.to_utc(),
        LocalResult::Ambiguous(first, _) => first.to_utc(),
        // Read with the offset before the gap, which moves the clock forward by the gap. Gaps are hours; three hours
        // earlier is before any of them.
        LocalResult::None => {
            let before = local - Duration::hours(3);
            zone.from_local_datetime(&before)
                .earliest()
                .map_or_else(|| local.and_utc(), |time| time.to_utc() + Duration::hours(3))
        }
    }
}

impl FromStr for ClockTime {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let wrong = || InvalidTime::Clock(text.to_owned());
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let two = |part: &str| (part.len() == 2).then(|| digits(part)).flatten();
        let (hours, minutes) = (two(hours).ok_or_else(wrong)?, two(minutes).ok_or_else(wrong)?);
        let total = hours * 60 + minutes;
        if minutes > 59 || total > 1440 {
            return Err(wrong());
        }
        u16::try_from(total).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A length of time in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(u32);

impl Length {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// A length in minutes.
    #[must_use]
    pub const fn of_minutes(minutes: u32) -> Self {
        Self(minutes)
    }

    /// Minutes.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.0
    }

    /// Seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::from(self.0) * 60
    }

    /// As chrono's type.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::minutes(self.0.into())
    }
}

impl FromStr for Length {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let parse = || {
            if let Some(days) = text.strip_suffix('d') {
                return digits(days)?.checked_mul(1440);
            }
            if let Some(minutes) = text.strip_suffix("min") {
                return digits(minutes);
            }
            let (hours, minutes) = text.split_once('h')?;
            let minutes = if minutes.is_empty() { 0 } else { digits(minutes).filter(|m| *m < 60)? };
            digits(hours)?.checked_mul(60)?.checked_add(minutes)
        };
        parse().map(Self).ok_or_else(|| InvalidTime::Length(text.to_owned()))
    }
}

/// `7d`, `6h`, `1h30`, `45min`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 60, self.0 % 60) {
            (0, minutes) => write!(f, "{minutes}min"),
            (hours, 0) if hours % 24 == 0 => write!(f, "{}d", hours / 24),
            (hours, 0) => write!(f, "{hours}h"),
            (hours, minutes) => write!(f, "{hours}h{minutes:02}"),
        }
    }
}

fn digits(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

macro_rules! text_serde {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidTime;

            fn try_from(text: String) -> Result<Self, InvalidTime> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )*};
}

text_serde!(ClockTime, Length);

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_day() {
        for good in ["00:00", "09:30", "24:00"] {
            assert_eq!(good.parse::<ClockTime>().unwrap().to_string(), good);
        }
        for bad in ["9:00", "24:01", "12:60", "-1:00", "12", "12:3", "ab:cd"] {
            assert!(bad.parse::<ClockTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn lengths() {
        let cases = [("15min", 15), ("1h30", 90), ("6h", 360), ("7d", 10_080), ("90min", 90), ("0min", 0), ("1h5", 65)];
        for (text, minutes) in cases {
            assert_eq!(text.parse::<Length>().unwrap().minutes(), minutes, "{text}");
        }
        for bad in ["15", "h", "1h60", "1.5h", "-1h", "min", "99999999d"] {
            assert!(bad.parse::<Length>().is_err(), "{bad}");
        }
    }

    #[test]
    fn clock_changes() {
        let on =
            |time: &str, date: &str| time.parse::<ClockTime>().unwrap().on(date.parse().unwrap(), Paris).to_rfc3339();
        // 2026-03-29: 02:30 does not exist and becomes 03:30 summer time.
        assert_eq!(on("02:30", "2026-03-29"), "2026-03-29T01:30:00+00:00");
        // 2026-10-25: 02:30 occurs twice, the first is summer time.
        assert_eq!(on("02:30", "2026-10-25"), "2026-10-25T00:30:00+00:00");
        assert_eq!(on("24:00", "2026-10-25"), on("00:00", "2026-10-26"));
    }

    proptest! {
        #[test]
        fn lengths_round_trip(minutes in 0..1_000_000u32) {
            let length = Length::of_minutes(minutes);
            prop_assert_eq!(length.to_string().parse(), Ok(length));
        }
    }
}
