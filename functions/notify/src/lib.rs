//! Turns events into letters, and reminds of deadlines.
//!
//! The function reads the stream of the events table. What a type of event means to people stands in its schema (`events/schemas`,
//! `x-notify`); here it becomes letters, which go into a queue and are sent by `functions/deliver`, and reminders, which wait in buckets of
//! minutes until the schedule finds them due. Every step may be done twice: letters have keys, and each key is sent once.
//!
//! | module | for |
//! |---|---|
//! | [`plan`] | an event becomes letters, notes and reminders |
//! | [`remind`] | the run of every minute |
//! | [`invitations`] | the guests of bookings, with a part for their calendars |

mod config;
mod handler;
pub mod invitations;
pub mod plan;
pub mod remind;

use chrono::Utc;
use lambda_runtime::LambdaEvent;

pub use handler::{Answer, Invocation, Task};
pub use plan::Notifier;

/// The function's name in metrics.
pub const FUNCTION: &str = "notify";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let notifier = config::from_env().await?;
    parvis_kit::lambda::run(move |event: LambdaEvent<Invocation>| {
        let notifier = notifier.clone();
        async move { notifier.handle(event.payload, Utc::now()).await }
    })
    .await
}
