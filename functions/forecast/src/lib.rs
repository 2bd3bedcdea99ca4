//! Forecasts over HTTP, series that are fed, and the schedule that has them trained and updated.
//!
//! Reads touch one or two items of the table of forecasts and never the database of the history, which sleeps when nobody needs it.
//! The schedule puts one job per series into a queue; `functions/train` does them.
//!
//! | module | for |
//! |---|---|
//! | [`routes`] | the routes of `/v1`, and the OpenAPI document |
//! | [`views`] | what clients see: free places with bands, the chance of finding one |
//! | [`advice`] | what to do with capacity |
//! | [`backtest_view`] | what clients see of a backtest |
//! | [`suggest`] | where and when a place is more likely |
//! | [`plan`] | the schedule's jobs |
//! | [`error`] | what handlers fail with |

pub mod advice;
pub mod backtest_view;
mod config;
pub mod error;
pub mod plan;
pub mod routes;
mod state;
pub mod suggest;
pub mod views;

use parvis_kit::lambda::Failure;

pub use state::App;

/// The function's name in metrics.
pub const FUNCTION: &str = "forecast";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let (app, planner) = config::from_env().await?;
    let clock = app.clone();
    parvis_kit::http::run_http_and_tasks(routes::router(app), move |task| {
        let (planner, now) = (planner.clone(), clock.now());
        async move { planner.plan(task, now).await.map_err(Failure::retryable) }
    })
    .await
}
