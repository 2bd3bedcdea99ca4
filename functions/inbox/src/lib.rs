//! Notifications over HTTP: one's own list and preferences, alert subscriptions, webhooks, the log.
//!
//! | module | for |
//! |---|---|
//! | [`routes`] | the routes of `/v1` by topic, and the OpenAPI document |
//! | [`views`] | what clients see |
//! | [`devices`] | devices that are pushed to, as SNS has them |
//! | [`error`] | what handlers fail with |
//!
//! What is sent from here, codes that prove addresses, goes the way of all letters: the queue, and `functions/deliver`.

mod codes;
mod config;
pub mod devices;
pub mod error;
mod once;
pub mod routes;
mod state;
pub mod views;

pub use state::{App, Stores};

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let app = config::from_env().await?;
    parvis_kit::http::run_http(routes::router(app)).await
}
