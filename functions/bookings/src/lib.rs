//! Bookings of shared places and equipment, never double-booked.
//!
//! | module | for |
//! |---|---|
//! | [`routes`] | the routes of `/v1` by topic, and the OpenAPI document |
//! | [`commands`] | the writes on bookings, each done once and whole |
//! | [`store`] | PostgreSQL |
//! | [`demand`] | takes expected demand over from the forecasts |
//! | [`schedule`] | deadlines, no-shows, releases by sensor, the outbox |
//! | [`actor`], [`error`], [`events`], [`views`] | who acts, what is refused, what others hear, what clients see |
//!
//! The rules are in `parvis-booking`, which knows neither HTTP nor SQL.

pub mod actor;
pub mod commands;
pub mod config;
pub mod demand;
pub mod error;
pub mod events;
pub mod routes;
pub mod schedule;
pub mod state;
pub mod store;
pub mod views;

use parvis_kit::lambda::Failure;

/// The function's name in metrics and at the database.
pub const FUNCTION: &str = "bookings";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let (app, forecasts) = config::from_env().await?;
    app.store().database().warm().await;
    let tasks = app.clone();
    parvis_kit::http::run_http_and_tasks(routes::router(app), move |task| {
        let (app, forecasts) = (tasks.clone(), forecasts.clone());
        async move { schedule::run(&app, &forecasts, task).await.map_err(Failure::retryable) }
    })
    .await
}
