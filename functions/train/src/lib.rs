//! Trains and updates the forecasts of single series.
//!
//! The planner (`functions/forecast`) puts one job per series into a queue; any number of sandboxes take them. A job brings the
//! series' observations up to date from the history in PostgreSQL, trains or updates its model, and stores the forecast.
//! Everything that comes of a job depends on the job and on what was observed, not on the clock, so a job that comes
//! again changes nothing, and one that was cut off is simply done again.
//!
//! | module | |
//! |---|---|
//! | [`sources`] | what a parking series is made of, from the register |
//! | [`history`] | the questions asked of PostgreSQL |
//! | [`gather`] | from arrivals, departures and counters to one value per quarter of an hour |
//! | [`bookings`] | the questions asked of the bookings |
//! | [`renew`] | brings the observations of a series up to date |
//! | [`work`] | a job: train or update, forecast, store |
//! | [`survey`] | which series of bookings there are |
//! | [`trial`] | backtests that somebody asked for |
//! | [`inspect`], `equipment` | what is likely to fail, and work orders |
//! | `warn` | alerts before saturation |
//! | [`verify`] | yesterday's forecast against what came |

pub mod bookings;
mod config;
mod equipment;
pub mod gather;
mod handler;
mod heard;
pub mod history;
pub mod inspect;
pub mod renew;
pub mod sources;
pub mod survey;
pub mod trial;
pub mod verify;
mod warn;
pub mod work;

use std::time::SystemTime;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::LambdaEvent;
use tokio::time::Instant;

pub use handler::handle;
pub use work::{Trainer, WorkError};

/// The function's name in metrics and at the database.
pub const FUNCTION: &str = "train";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let trainer = config::trainer_from_env().await?;
    parvis_kit::lambda::run(move |event: LambdaEvent<SqsEvent>| {
        let trainer = trainer.clone();
        let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let deadline = Instant::now() + left;
        async move { Ok(handle(&trainer, event.payload, deadline).await) }
    })
    .await
}
