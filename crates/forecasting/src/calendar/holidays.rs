//! Public holidays.

use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

/// Whose public holidays apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holidays {
    /// None are known.
    #[default]
    None,
    /// France (Code du travail, art. L3133-1).
    France,
    /// France, Alsace and Moselle: Good Friday and 26 December besides (Code du travail, art. L3134-13).
    AlsaceMoselle,
    /// England and Wales (Banking and Financial Dealings Act 1971, schedule 1), without one-off holidays.
    EnglandWales,
    /// Federal holidays of the United States (5 U.S.C. 6103), by the day itself, not by the day observed.
    UnitedStates,
}

impl Holidays {
    /// Those of the country in which a time zone lies, as far as they are known here.
    #[must_use]
    pub fn of_timezone(timezone: chrono_tz::Tz) -> Self {
        match timezone.name() {
            "Europe/Paris" => Self::France,
            "Europe/London" => Self::EnglandWales,
            "America/New_York" | "America/Chicago" | "America/Denver" | "America/Los_Angeles" => Self::UnitedStates,
            _ => Self::None,
        }
    }

    /// The public holiday on a day.
    #[must_use]
    pub fn on(self, day: NaiveDate) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::France => france(day),
            Self::AlsaceMoselle => france(day).or_else(|| alsace_moselle(day)),
            Self::EnglandWales => england_wales(day),
            Self::UnitedStates => united_states(day),
        }
    }

    /// What is special about a day: the public holiday, or that it lies beside one.
    ///
    /// A day between a holiday and a weekend ("pont") is one on which many are away; the days around Christmas and New
    /// Year are named, because each of them differs in its own way.
    #[must_use]
    pub fn special(self, day: NaiveDate) -> Option<&'static str> {
        if self == Self::None {
            return None;
        }
        if let Some(name) = self.on(day) {
            return Some(name);
        }
        match (day.month(), day.day()) {
            (12, 24) => return Some("Christmas Eve"),
            (12, 26) => return Some("day after Christmas"),
            (12, 31) => return Some("New Year's Eve"),
            (1, 2) => return Some("day after New Year"),
            _ => {}
        }
        let (yesterday, tomorrow) = (day.pred_opt()?, day.succ_opt()?);
        match (self.on(yesterday), self.on(tomorrow)) {
            (Some("Thanksgiving"), _) => Some("day after Thanksgiving"),
            (Some(_), _) if day.weekday() == Weekday::Fri => Some("bridge day"),
            (_, Some(_)) if day.weekday() == Weekday::Mon => Some("bridge day"),
            (Some(_), _) => Some("day after a public holiday"),
            (_, Some(_)) => Some("eve of a public holiday"),
            _ => None,
        }
    }
}

/// Easter Sunday of a year, Gregorian calendar (Meeus, Jones and Butcher; Nature, 1876).
#[must_use]
pub fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    NaiveDate::from_ymd_opt(year, u32::try_from(n / 31).ok()?, u32::try_from(n % 31 + 1).ok()?)
}

/// Days from Easter Sunday to a day of the same year.
fn from_easter(day: NaiveDate) -> Option<i64> {
    Some((day - easter(day.year())?).num_days())
}

fn france(day: NaiveDate) -> Option<&'static str> {
    match (day.month(), day.day()) {
        (1, 1) => return Some("Jour de l'an"),
        (5, 1) => return Some("Fête du Travail"),
        (5, 8) => return Some("Victoire 1945"),
        (7, 14) => return Some("Fête nationale"),
        (8, 15) => return Some("Assomption"),
        (11, 1) => return Some("Toussaint"),
        (11, 11) => return Some("Armistice 1918"),
        (12, 25) => return Some("Noël"),
        _ => {}
    }
    match from_easter(day)? {
        1 => Some("Lundi de Pâques"),
        39 => Some("Ascension"),
        50 => Some("Lundi de Pentecôte"),
        _ => None,
    }
}

fn alsace_moselle(day: NaiveDate) -> Option<&'static str> {
    match (day.month(), day.day(), from_easter(day)?) {
        (12, 26, _) => Some("Saint Étienne"),
        (_, _, -2) => Some("Vendredi saint"),
        _ => None,
    }
}

fn england_wales(day: NaiveDate) -> Option<&'static str> {
    match (day.month(), day.day(), day.weekday()) {
        (1, 1, _) => return Some("New Year's Day"),
        (5, 1..=7, Weekday::Mon) => return Some("Early May bank holiday"),
        (5, 25..=31, Weekday::Mon) => return Some("Spring bank holiday"),
        (8, 25..=31, Weekday::Mon) => return Some("Summer bank holiday"),
        (12, 25, _) => return Some("Christmas Day"),
        (12, 26, _) => return Some("Boxing Day"),
        // Substitute days when Christmas or New Year fall on a weekend.
        (1, 2..=3, Weekday::Mon) => return Some("New Year's Day (substitute)"),
        (12, 27..=28, Weekday::Mon) | (12, 28, Weekday::Tue) => return Some("Christmas (substitute)"),
        _ => {}
    }
    match from_easter(day)? {
        -2 => Some("Good Friday"),
        1 => Some("Easter Monday"),
        _ => None,
    }
}

fn united_states(day: NaiveDate) -> Option<&'static str> {
    match (day.month(), day.day(), day.weekday()) {
        (1, 1, _) => Some("New Year's Day"),
        (1, 15..=21, Weekday::Mon) => Some("Martin Luther King Day"),
        (2, 15..=21, Weekday::Mon) => Some("Presidents' Day"),
        (5, 25..=31, Weekday::Mon) => Some("Memorial Day"),
        (6, 19, _) if day.year() >= 2021 => Some("Juneteenth"),
        (7, 4, _) => Some("Independence Day"),
        (9, 1..=7, Weekday::Mon) => Some("Labor Day"),
        (10, 8..=14, Weekday::Mon) => Some("Columbus Day"),
        (11, 11, _) => Some("Veterans Day"),
        (11, 22..=28, Weekday::Thu) => Some("Thanksgiving"),
        (12, 25, _) => Some("Christmas Day"),
        _ => None,
    }
}

/// The days of a year that are special, for tests and pages.
#[must_use]
pub fn days_of(holidays: Holidays, year: i32) -> Vec<(NaiveDate, &'static str)> {
    let Some(first) = NaiveDate::from_ymd_opt(year, 1, 1) else { return Vec::new() };
    (0..366)
        .filter_map(|offset| first.checked_add_days(Days::new(offset)))
        .filter(|day| day.year() == year)
        .filter_map(|day| holidays.on(day).map(|name| (day, name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn easter_is_where_the_almanacs_put_it() {
        for (year, expected) in [
            (1999, "1999-04-04"),
            (2000, "2000-04-23"),
            (2008, "2008-03-23"),
            (2025, "2025-04-20"),
            (2038, "2038-04-25"),
        ] {
            assert_eq!(easter(year), Some(day(expected)));
        }
    }

    #[test]
    fn france_has_eleven_public_holidays() {
        let names: Vec<_> = days_of(Holidays::France, 2026).into_iter().map(|(day, _)| day.to_string()).collect();
        assert_eq!(
            names,
            [
                "2026-01-01",
                "2026-04-06",
                "2026-05-01",
                "2026-05-08",
                "2026-05-14",
                "2026-05-25",
                "2026-07-14",
                "2026-08-15",
                "2026-11-01",
                "2026-11-11",
                "2026-12-25"
            ]
        );
        assert_eq!(Holidays::AlsaceMoselle.on(day("2026-04-03")), Some("Vendredi saint"));
        assert_eq!(Holidays::France.on(day("2026-04-03")), None);
    }

    #[test]
    fn a_friday_after_ascension_is_a_bridge() {
        assert_eq!(Holidays::France.special(day("2026-05-15")), Some("bridge day"));
        assert_eq!(Holidays::France.special(day("2026-12-24")), Some("Christmas Eve"));
        assert_eq!(Holidays::None.special(day("2026-12-24")), None);
    }

    #[test]
    fn thanksgiving_is_the_fourth_thursday() {
        assert_eq!(Holidays::UnitedStates.on(day("2016-11-24")), Some("Thanksgiving"));
        assert_eq!(Holidays::UnitedStates.special(day("2016-11-25")), Some("day after Thanksgiving"));
    }
}
