//! French school holidays, by zone.

use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Zone of the French school calendar (arrêté of the ministry of education; academies listed in the data file).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SchoolZone {
    /// Besançon, Bordeaux, Clermont-Ferrand, Dijon, Grenoble, Limoges, Lyon, Poitiers.
    A,
    /// Aix-Marseille, Amiens, Lille, Nancy-Metz, Nantes, Nice, Normandie, Orléans-Tours, Reims, Rennes, Strasbourg.
    B,
    /// Créteil, Montpellier, Paris, Toulouse, Versailles.
    C,
}

/// One stretch without school.
struct Period {
    zones: &'static str,
    name: &'static str,
    first: NaiveDate,
    resume: NaiveDate,
}

static PERIODS: LazyLock<Vec<Period>> =
    LazyLock::new(|| include_str!("../../data/school_holidays_fr.csv").lines().filter_map(period).collect());

/// Comments and the header are no periods.
fn period(line: &'static str) -> Option<Period> {
    let mut fields = line.split(',');
    let (zones, name, first, resume) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(Period { zones, name, first: first.parse().ok()?, resume: resume.parse().ok()? })
}

impl SchoolZone {
    /// The school holiday that a day belongs to. Days outside of the years in the data file belong to none.
    #[must_use]
    pub fn holiday(self, day: NaiveDate) -> Option<&'static str> {
        let letter = match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
        };
        PERIODS
            .iter()
            .find(|period| period.first <= day && day < period.resume && period.zones.contains(letter))
            .map(|period| period.name)
    }

    /// The first and the last day that the data cover.
    #[must_use]
    pub fn known() -> Option<(NaiveDate, NaiveDate)> {
        let first = PERIODS.iter().map(|period| period.first).min()?;
        let last = PERIODS.iter().filter_map(|period| period.resume.pred_opt()).max()?;
        Some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_leave_in_turn() {
        let day: NaiveDate = "2026-02-10".parse().unwrap();
        assert_eq!(SchoolZone::A.holiday(day), Some("Hiver"));
        assert_eq!(SchoolZone::B.holiday(day), None);
        assert_eq!(SchoolZone::C.holiday("2026-01-04".parse().unwrap()), Some("Noël"));
        assert_eq!(SchoolZone::C.holiday("2026-01-05".parse().unwrap()), None);
    }

    #[test]
    fn every_period_is_read_and_lies_in_order() {
        assert_eq!(PERIODS.len(), 50);
        assert!(PERIODS.iter().all(|period| period.first < period.resume && !period.name.is_empty()));
        assert!(SchoolZone::known().is_some());
    }
}
