//! What the planner asks of the trainer.

use chrono::{DateTime, Utc};
use parvis_parking::PlaceId;
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

/// A message of the queue: which of them it is, its fields tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// Train or update one series.
    Job(Job),
    /// Find out what series there are.
    Survey(Survey),
    /// Test the forecasts of one series on its past.
    Backtest(Asked),
    /// Look for what is likely to fail.
    Inspection(Inspection),
}

/// One piece of work, on one series.
///
/// Everything that it gives depends on its fields and on what was observed, never on the clock: done twice it gives the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The series.
    pub subject: Subject,
    /// What is to be done.
    pub task: Task,
    /// What is taken for the present: observations up to here are known.
    pub at: DateTime<Utc>,
}

/// What is done to a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Choose, calibrate and train models, then forecast.
    Train,
    /// Take note of what was observed since, then forecast. Trains when there is no model that can be used.
    Update,
    /// The same; a series that was never forecast is first forecast as of each midnight of the last week, knowing only what was before,
    /// so that one sees at once how good its forecasts are.
    CatchUp,
}

/// Which series there are is for who reads PostgreSQL to find out; the planner does not. Those that are new are forecast at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Where to look.
    pub survey: Area,
    /// What is done to the series that are new.
    pub task: Task,
    /// What is taken for the present.
    pub at: DateTime<Utc>,
}

/// Where series are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// The sites of the bookings.
    Coworking,
}

/// A look at what is likely to fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Whether only the live state is looked at, for what cannot wait until the night.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brief: bool,
    /// What is looked at.
    pub inspect: Target,
    /// What is taken for the present.
    pub at: DateTime<Utc>,
}

/// What an inspection looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The sensors of a car park.
    Place(PlaceId),
    /// The equipment that is booked.
    Equipment,
}

/// A backtest that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The series.
    pub subject: Subject,
    /// How to test.
    pub backtest: Trial,
}

/// How to test the forecasts of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The first origin.
    pub from: DateTime<Utc>,
    /// Hours between origins.
    pub every_hours: u16,
    /// Hours that are forecast from each origin.
    pub horizon_hours: u16,
    /// What is taken for the present: observations up to here are known.
    pub at: DateTime<Utc>,
}

impl Trial {
    /// Names it among those of its series; names are in the order of `at`. The same test has the same name.
    #[must_use]
    pub fn name(&self) -> String {
        let moment = |at: DateTime<Utc>| at.format("%Y%m%dT%H%MZ");
        format!("{}-{}-{}h-{}h", moment(self.at), moment(self.from), self.every_hours, self.horizon_hours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_by_its_fields_what_it_is() {
        let at = "2026-03-16T12:00:00Z".parse().unwrap();
        let subject: Subject = "coworking/parvis/desk".parse().unwrap();
        let trial = Trial { from: at, every_hours: 24, horizon_hours: 48, at };
        assert_eq!(trial.name(), "20260316T1200Z-20260316T1200Z-24h-48h");
        for message in [
            Message::Job(Job { subject: subject.clone(), task: Task::Train, at }),
            Message::Survey(Survey { survey: Area::Coworking, task: Task::CatchUp, at }),
            Message::Backtest(Asked { subject, backtest: trial }),
            Message::Inspection(Inspection { inspect: Target::Place("gare".parse().unwrap()), at, brief: true }),
            Message::Inspection(Inspection { inspect: Target::Equipment, at, brief: false }),
        ] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message, "{text}");
        }
        assert!(serde_json::from_str::<Message>("{}").is_err());
    }
}
