//! What is known about days before they come: local time, holidays, opening hours, closures.

mod holidays;
mod opening;
mod school;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use holidays::{Holidays, days_of, easter};
pub use opening::{Closure, OpeningHours};
pub use school::SchoolZone;

use crate::series::Grid;

/// Everything that a forecast may know of the future of a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Where local time is read.
    pub timezone: Tz,
    /// Public holidays.
    #[serde(default)]
    pub holidays: Holidays,
    /// Zone of the French school calendar, if school holidays matter here.
    #[serde(default)]
    pub school: Option<SchoolZone>,
    /// Weekly opening hours; without them the place is open whenever it was observed before.
    #[serde(default)]
    pub opening: Option<OpeningHours>,
    /// Days on which the place is closed.
    #[serde(default)]
    pub closures: Vec<Closure>,
}

impl Calendar {
    /// The calendar of a time zone: its country's public holidays, always open.
    #[must_use]
    pub fn new(timezone: Tz) -> Self {
        Self { timezone, holidays: Holidays::of_timezone(timezone), school: None, opening: None, closures: Vec::new() }
    }

    /// The same with school holidays.
    #[must_use]
    pub fn with_school(mut self, zone: SchoolZone) -> Self {
        self.school = Some(zone);
        self
    }

    /// Whether the place is open at a moment, as far as the calendar says.
    #[must_use]
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.timezone);
        let day = local.date_naive();
        self.closures.iter().all(|closure| !closure.contains(day))
            && self.opening.as_ref().is_none_or(|opening| opening.contains(local.weekday(), local.time()))
    }

    /// What is special about a local day, in words.
    #[must_use]
    pub fn special(&self, day: NaiveDate) -> Option<&'static str> {
        self.holidays.special(day)
    }

    /// The features of the steps `range` of a grid.
    pub(crate) fn features(&self, grid: &Grid, range: std::ops::Range<usize>) -> Vec<Feature> {
        let slots_per_day = grid.slots_per_day();
        let mut known: Option<(NaiveDate, Feature)> = None;
        range
            .map(|index| {
                let at = grid.at(index);
                let local = at.with_timezone(&self.timezone);
                let date = local.date_naive();
                let mut feature = match &known {
                    Some((day, feature)) if *day == date => *feature,
                    _ => {
                        let feature = self.of_day(date);
                        known = Some((date, feature));
                        feature
                    }
                };
                let weekday = local.weekday().num_days_from_monday() as usize;
                let minute = (local.hour() * 60 + local.minute()) as usize;
                feature.slot = (weekday * slots_per_day + minute * slots_per_day / MINUTES_OF_DAY) as u16;
                feature.open = self.is_open(at);
                feature
            })
            .collect()
    }

    /// The same with regressors, which begin with the grid.
    pub(crate) fn features_with(&self, grid: &Grid, range: std::ops::Range<usize>, known: &[Known]) -> Vec<Feature> {
        let start = range.start;
        let mut features = self.features(grid, range);
        for (place, feature) in features.iter_mut().enumerate() {
            for (value, known) in feature.known.iter_mut().zip(known) {
                *value = known.values.get(start + place).map_or(f32::NAN, |known| *known as f32);
            }
        }
        features
    }

    fn of_day(&self, date: NaiveDate) -> Feature {
        Feature {
            slot: 0,
            day: date.num_days_from_ce(),
            day_of_year: date.ordinal0() as u16,
            special: self.special(date).map_or(NOTHING_SPECIAL, special_id),
            like_sunday: self.holidays.on(date).is_some(),
            school: self.school.is_some_and(|zone| zone.holiday(date).is_some()),
            open: true,
            known: [f32::NAN; MAX_KNOWN],
        }
    }
}

pub(crate) const MINUTES_OF_DAY: usize = 24 * 60;

/// A quantity that is known ahead and moves the series: a temperature forecast, an event nearby.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// What explanations call it.
    pub name: String,
    /// One value per step from the grid's first one on, as far ahead as it is known; NaN where it is not.
    pub values: Vec<f64>,
}

/// What is known of one step before it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feature {
    /// Slot of the local week, from Monday 00:00 on.
    pub slot: u16,
    /// Local day, counted from the common era.
    pub day: i32,
    /// From 0, in local time.
    pub day_of_year: u16,
    /// Index into [`SPECIALS`], or [`NOTHING_SPECIAL`].
    pub special: u8,
    /// A public holiday.
    pub like_sunday: bool,
    /// A day of school holidays.
    pub school: bool,
    /// Open by the calendar.
    pub open: bool,
    /// Values of the known regressors, NaN where they are not known.
    pub known: [f32; MAX_KNOWN],
}

/// Regressors that a series may have.
pub const MAX_KNOWN: usize = 4;

impl Feature {
    /// The slot whose usual course the step follows: on public holidays that of a Sunday.
    pub fn shape_slot(&self, slots_per_day: usize) -> usize {
        let slot = usize::from(self.slot);
        if self.like_sunday { 6 * slots_per_day + slot % slots_per_day } else { slot }
    }
}

pub(crate) const NOTHING_SPECIAL: u8 = u8::MAX;

/// Names of special days; fitted models refer to them by place, so new ones go to the end.
pub(crate) const SPECIALS: [&str; 40] = [
    "Christmas Eve",
    "day after Christmas",
    "New Year's Eve",
    "day after New Year",
    "day after Thanksgiving",
    "bridge day",
    "day after a public holiday",
    "eve of a public holiday",
    "Jour de l'an",
    "Fête du Travail",
    "Victoire 1945",
    "Fête nationale",
    "Assomption",
    "Toussaint",
    "Armistice 1918",
    "Noël",
    "Lundi de Pâques",
    "Ascension",
    "Lundi de Pentecôte",
    "Saint Étienne",
    "Vendredi saint",
    "New Year's Day",
    "Early May bank holiday",
    "Spring bank holiday",
    "Summer bank holiday",
    "Christmas Day",
    "Boxing Day",
    "New Year's Day (substitute)",
    "Christmas (substitute)",
    "Good Friday",
    "Easter Monday",
    "Martin Luther King Day",
    "Presidents' Day",
    "Memorial Day",
    "Juneteenth",
    "Independence Day",
    "Labor Day",
    "Columbus Day",
    "Veterans Day",
    "Thanksgiving",
];

fn special_id(name: &'static str) -> u8 {
    SPECIALS.iter().position(|known| *known == name).map_or(NOTHING_SPECIAL, |place| place as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Step;

    #[test]
    fn every_special_day_has_its_number() {
        for holidays in [Holidays::France, Holidays::AlsaceMoselle, Holidays::EnglandWales, Holidays::UnitedStates] {
            for offset in 0..3000 {
                let day = NaiveDate::from_ymd_opt(2015, 1, 1).unwrap() + chrono::Days::new(offset);
                if let Some(name) = holidays.special(day) {
                    assert_ne!(special_id(name), NOTHING_SPECIAL, "{name}");
                }
            }
        }
    }

    #[test]
    fn days_of_a_change_of_clocks_have_23_and_25_hours() {
        let calendar = Calendar::new(chrono_tz::Europe::Paris);
        for (day, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)] {
            let day: NaiveDate = day.parse().unwrap();
            let start = crate::series::local_midnight(day, calendar.timezone);
            let grid = Grid::new(start, Step::Minutes(60), calendar.timezone);
            let features = calendar.features(&grid, 0..30);
            assert_eq!(features.iter().filter(|feature| feature.day == day.num_days_from_ce()).count(), hours);
            assert_eq!(usize::from(features[0].slot) % 24, 0);
        }
    }
}
