//! Public holidays as configuration: fixed days, days relative to Easter, and single dates.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Duration, NaiveDate};
use serde::{Deserialize, Serialize};

/// A text that is not a rule for a holiday.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a holiday such as 07-14, easter+39 or 2026-06-21")]
pub struct InvalidHoliday(String);

/// When a holiday falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HolidayRule {
    /// The same day every year, `MM-DD`.
    Yearly {
        /// Month.
        month: u32,
        /// Day of the month.
        day: u32,
    },
    /// Days after Easter Sunday, `easter+1`, `easter-2`, `easter`.
    Easter(i64),
    /// One date, `YYYY-MM-DD`.
    Once(NaiveDate),
}

impl HolidayRule {
    /// True when the rule gives this date.
    #[must_use]
    pub fn is_on(self, date: NaiveDate) -> bool {
        match self {
            Self::Yearly { month, day } => (date.month(), date.day()) == (month, day),
            Self::Easter(offset) => easter(date.year()) + Duration::days(offset) == date,
            Self::Once(once) => once == date,
        }
    }
}

impl FromStr for HolidayRule {
    type Err = InvalidHoliday;

    fn from_str(text: &str) -> Result<Self, InvalidHoliday> {
        let wrong = || InvalidHoliday(text.to_owned());
        if let Some(offset) = text.strip_prefix("easter") {
            let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().map_err(|_| wrong())? };
            // Beyond this a rule could leave the year that its Easter is looked up in.
            return if offset.abs() <= 70 { Ok(Self::Easter(offset)) } else { Err(wrong()) };
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Once(date));
        }
        // A leap year, so that February 29th can be named.
        let date = NaiveDate::parse_from_str(&format!("2024-{text}"), "%Y-%m-%d").map_err(|_| wrong())?;
        Ok(Self::Yearly { month: date.month(), day: date.day() })
    }
}

impl fmt::Display for HolidayRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yearly { month, day } => write!(f, "{month:02}-{day:02}"),
            Self::Easter(0) => f.write_str("easter"),
            Self::Easter(offset) => write!(f, "easter{offset:+}"),
            Self::Once(date) => date.fmt(f),
        }
    }
}

impl TryFrom<String> for HolidayRule {
    type Error = InvalidHoliday;

    fn try_from(text: String) -> Result<Self, InvalidHoliday> {
        text.parse()
    }
}

impl From<HolidayRule> for String {
    fn from(rule: HolidayRule) -> String {
        rule.to_string()
    }
}

/// A holiday of a calendar, with the years in which it is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// When it falls.
    pub day: HolidayRule,
    /// What it is called.
    pub name: String,
    /// First date on which the rule holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// First date on which it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

impl Holiday {
    /// True when the holiday falls on this date.
    #[must_use]
    pub fn is_on(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| date >= from) && self.until.is_none_or(|until| date < until) && self.day.is_on(date)
    }
}

/// Easter Sunday of a year of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8).
#[must_use]
pub fn easter(year: i32) -> NaiveDate {
    let (a, b, c) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15).rem_euclid(30);
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k).rem_euclid(7);
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    // March or April, and a day of it, for every year.
    NaiveDate::from_ymd_opt(year, month.unsigned_abs(), day.unsigned_abs()).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_sundays() {
        // Published dates (US Naval Observatory's table), with the extremes of the two centuries.
        for date in ["2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2008-03-23", "2038-04-25", "1961-04-02"] {
            let date: NaiveDate = date.parse().unwrap();
            assert_eq!(easter(date.year()), date);
        }
    }

    #[test]
    fn rules_are_read_and_written() {
        for text in ["07-14", "02-29", "easter", "easter+39", "easter-2", "2026-06-21"] {
            assert_eq!(text.parse::<HolidayRule>().unwrap().to_string(), text);
        }
        for bad in ["13-01", "02-30", "easter+x", "easter+400", "14 July", ""] {
            assert!(bad.parse::<HolidayRule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ascension_2026_and_a_holiday_that_ended() {
        let ascension: HolidayRule = "easter+39".parse().unwrap();
        assert!(ascension.is_on("2026-05-14".parse().unwrap()));
        let until = Some("2027-01-01".parse().unwrap());
        let holiday = Holiday { day: "05-08".parse().unwrap(), name: "Victoire 1945".into(), from: None, until };
        assert!(holiday.is_on("2026-05-08".parse().unwrap()) && !holiday.is_on("2027-05-08".parse().unwrap()));
    }
}
