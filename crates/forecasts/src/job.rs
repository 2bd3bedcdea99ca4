//! What the planner asks of the trainer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

/// One piece of work, on one series; a message of the queue.
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
}
