//! Sets of days of the week, and holidays as an eighth day.

use std::fmt;
use std::str::FromStr;

use chrono::Weekday;
use serde::{Deserialize, Serialize};

/// Names in files; the index is the bit, Monday first, holidays last.
const NAMES: [&str; 8] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];

/// What kind of day a date is for a rate table: a weekday, or a holiday whatever the weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayKind(u8);

impl DayKind {
    /// A public holiday.
    pub const HOLIDAY: Self = Self(7);

    /// The eight kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..8).map(Self)
    }
}

impl From<Weekday> for DayKind {
    fn from(day: Weekday) -> Self {
        // Seven days fit a byte.
        Self(day.num_days_from_monday() as u8)
    }
}

impl fmt::Display for DayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES[usize::from(self.0)])
    }
}

/// A text that is not a set of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a set of days such as mon-sat, sun, holiday or daily")]
pub struct InvalidDays(String);

/// A set of kinds of day: `mon-sat`, `mon,wed,fri`, `sun,holiday`; `daily` is all eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DaySet(u8);

impl DaySet {
    /// All days, holidays too.
    pub const DAILY: Self = Self(u8::MAX);

    /// True when the kind of day is in the set.
    #[must_use]
    pub fn contains(self, day: DayKind) -> bool {
        self.0 & (1 << day.0) != 0
    }

    /// True when holidays are in the set.
    #[must_use]
    pub fn names_holidays(self) -> bool {
        self.contains(DayKind::HOLIDAY)
    }
}

impl FromStr for DaySet {
    type Err = InvalidDays;

    fn from_str(text: &str) -> Result<Self, InvalidDays> {
        let wrong = || InvalidDays(text.to_owned());
        if text == "daily" {
            return Ok(Self::DAILY);
        }
        let index = |name: &str| NAMES.iter().position(|known| *known == name.trim()).ok_or_else(wrong);
        let mut bits = 0u8;
        for part in text.split(',') {
            match part.split_once('-') {
                None => bits |= 1 << index(part)?,
                Some((first, last)) => {
                    let (first, last) = (index(first)?, index(last)?);
                    // A range is one of weekdays; it may pass over Sunday (`sat-mon`).
                    if first > 6 || last > 6 {
                        return Err(wrong());
                    }
                    let days = (last + 7 - first) % 7;
                    (0..=days).for_each(|offset| bits |= 1 << ((first + offset) % 7));
                }
            }
        }
        Ok(Self(bits))
    }
}

impl fmt::Display for DaySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DAILY {
            return f.write_str("daily");
        }
        let mut parts: Vec<String> = Vec::new();
        let mut day = 0;
        while day < 7 {
            let run = (day..7).take_while(|d| self.0 & (1 << d) != 0).count();
            match run {
                0 => {}
                1 => parts.push(NAMES[day].to_owned()),
                _ => parts.push(format!("{}-{}", NAMES[day], NAMES[day + run - 1])),
            }
            day += run.max(1);
        }
        if self.names_holidays() {
            parts.push(NAMES[7].to_owned());
        }
        f.write_str(&parts.join(","))
    }
}

impl TryFrom<String> for DaySet {
    type Error = InvalidDays;

    fn try_from(text: String) -> Result<Self, InvalidDays> {
        text.parse()
    }
}

impl From<DaySet> for String {
    fn from(days: DaySet) -> String {
        days.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_written() {
        for (text, written) in [
            ("mon-sat", "mon-sat"),
            ("mon,tue,wed", "mon-wed"),
            ("sat-mon", "mon,sat-sun"),
            ("sun,holiday", "sun,holiday"),
            ("mon-sun,holiday", "daily"),
            ("mon-sun", "mon-sun"),
        ] {
            assert_eq!(text.parse::<DaySet>().unwrap().to_string(), written);
        }
        for bad in ["", "monday", "mon-holiday", "mon,,tue", "mon-tue-wed"] {
            assert!(bad.parse::<DaySet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_set_round_trips() {
        for bits in 1..=u8::MAX {
            assert_eq!(DaySet(bits).to_string().parse(), Ok(DaySet(bits)));
        }
    }

    #[test]
    fn holidays_are_a_kind_of_their_own() {
        let weekdays: DaySet = "mon-sun".parse().unwrap();
        assert!(weekdays.contains(Weekday::Sun.into()) && !weekdays.contains(DayKind::HOLIDAY));
    }
}
