//! What the schedules ask for.

use parvis_kit::lambda::Failure;
use serde::Deserialize;
use serde_json::Value;

use crate::state::App;
use crate::{complete, invoices};

/// What the schedules ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Posts the movements of the last days that are missing in the books.
    Complete {
        /// How many days before today, at most 99: as long as the lists are kept.
        days: u64,
    },
    /// Issues the invoices of the month that is over.
    Invoice,
}

/// Does a task, and says what it has done.
///
/// # Errors
/// When the table or the database is away; the next run does the same.
pub async fn run(app: &App, task: Task) -> Result<Value, Failure> {
    let done = match task {
        Task::Complete { days } => serde_json::to_value(complete::run(app, days).await?),
        Task::Invoice => serde_json::to_value(invoices::run(app).await?),
    };
    done.map_err(Failure::permanent)
}
