//! Forecasts in plain words.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    calendar::{Feature, NOTHING_SPECIAL},
    fitted::Fitted,
};

/// Why a forecast is as it is. `Display` says it in English; pages translate the facts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanation(pub Vec<Fact>);

/// One part of an explanation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The usual course of the week, known from so many days.
    UsualWeek {
        /// Days of history.
        days: u32,
    },
    /// The recent level differs from the usual one.
    Level {
        /// Percent above (below, if negative) the usual one.
        percent: f64,
    },
    /// A day to come is special.
    SpecialDay {
        /// When, local.
        day: NaiveDate,
        /// Its name.
        name: String,
        /// Percent above (below) an ordinary day, as far as past ones show.
        percent: f64,
    },
    /// School holidays lie ahead.
    SchoolHolidays {
        /// The first such day ahead.
        day: NaiveDate,
        /// Percent above (below) an ordinary day.
        percent: f64,
    },
    /// The place is closed for some of the time.
    Closed {
        /// Closed steps ahead.
        steps: u32,
    },
    /// How far forecasts like this one were off in the past.
    PastError {
        /// Mean absolute error in the unit of the series.
        mae: f64,
        /// Name of the model with the greatest weight.
        model: String,
    },
    /// Parts of the history could not be used.
    Unused {
        /// Steps at which the source was stuck.
        stuck_steps: u32,
        /// Steps without observation.
        gap_steps: u32,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsualWeek { days } => write!(f, "It follows the usual course of the week over the last {days} days."),
            Self::Level { percent } => write!(f, "Lately it has been {} the usual level.", compared(*percent)),
            Self::SpecialDay { day, name, percent } => {
                write!(f, "{day} is special ({name}): {} an ordinary day.", compared(*percent))
            }
            Self::SchoolHolidays { day, percent } => {
                write!(f, "School holidays from {day}: {} an ordinary day.", compared(*percent))
            }
            Self::Closed { steps } => write!(f, "The place is closed during {steps} of the steps ahead."),
            Self::PastError { mae, model } => {
                write!(f, "On held-back weeks such forecasts were off by {mae:.3} on average (mostly: {model}).")
            }
            Self::Unused { stuck_steps, gap_steps } => {
                write!(f, "Not used: {stuck_steps} steps of a stuck source, {gap_steps} without observation.")
            }
        }
    }
}

fn compared(percent: f64) -> String {
    match percent.round() {
        rounded if rounded > 0.0 => format!("{rounded:.0} % above"),
        rounded if rounded < 0.0 => format!("{:.0} % below", -rounded),
        _ => "as on".to_owned(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fact) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            fact.fmt(f)?;
        }
        Ok(())
    }
}

/// Changes of level below this many percent are not worth a word.
const WORTH_SAYING: f64 = 3.0;

/// Explains a forecast of the steps with these features.
pub(crate) fn explain(fitted: &Fitted, features: &[Feature]) -> Explanation {
    let (first, last) = fitted.span();
    let mut facts = vec![Fact::UsualWeek { days: u32::try_from((last - first).num_days()).unwrap_or(0) }];
    let structural: Vec<_> =
        fitted.members().iter().filter_map(|member| Some((member.weight, member.trained.structural()?))).collect();
    let total: f64 = structural.iter().map(|(weight, _)| weight).sum();
    let percent = |of: &dyn Fn(&crate::models::Structural) -> f64| {
        let mean: f64 = structural.iter().map(|(weight, model)| weight / total * of(model)).sum();
        100.0 * (mean - 1.0)
    };
    if total > 0.0 {
        let level = percent(&|model| model.level());
        if level.abs() >= WORTH_SAYING {
            facts.push(Fact::Level { percent: level });
        }
        facts.extend(special_days(fitted, features, &|feature| {
            percent(&|model| model.special_factor(feature).unwrap_or(1.0))
        }));
        let school = percent(&|model| model.school_factor());
        if school.abs() >= WORTH_SAYING
            && let Some(ahead) = features.iter().position(|feature| feature.school)
        {
            let day = fitted.local_day(fitted.grid().at(fitted.end() + ahead));
            facts.push(Fact::SchoolHolidays { day, percent: school });
        }
    }
    let closed = features.iter().filter(|feature| !feature.open).count();
    if closed > 0 {
        facts.push(Fact::Closed { steps: u32::try_from(closed).unwrap_or(u32::MAX) });
    }
    let heaviest = fitted.rehearsed().iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
    if let Some((model, mae)) = heaviest.and_then(|rehearsed| Some((rehearsed.model.clone(), rehearsed.mae?))) {
        facts.push(Fact::PastError { mae, model });
    }
    let (stuck_steps, gap_steps) = fitted.flaws();
    if stuck_steps > 0 {
        let steps = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        facts.push(Fact::Unused { stuck_steps: steps(stuck_steps), gap_steps: steps(gap_steps) });
    }
    Explanation(facts)
}

fn special_days(fitted: &Fitted, features: &[Feature], percent: &dyn Fn(&Feature) -> f64) -> Vec<Fact> {
    let mut seen = None;
    features
        .iter()
        .enumerate()
        .filter(|(_, feature)| feature.special != NOTHING_SPECIAL)
        .filter(|(_, feature)| seen.replace(feature.day) != Some(feature.day))
        .filter_map(|(ahead, feature)| {
            let day = fitted.local_day(fitted.grid().at(fitted.end() + ahead));
            let name = fitted.calendar().special(day)?.to_owned();
            Some(Fact::SpecialDay { day, name, percent: percent(feature) })
        })
        .collect()
}
