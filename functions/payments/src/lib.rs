//! Parking payments: tariffs, quotes, sessions, rights and the states of payments.
//!
//! | module | for |
//! |---|---|
//! | [`record`] | a session with its payments, and what the provider's answers do to it; pure |
//! | [`flow`] | starting, extending, stopping, settling: rows of steps that survive a crash between any two |
//! | [`stream`] | what happens to bookings of parking spaces, from the stream of events |
//! | [`sweep`] | the schedules, and going on where somebody died |
//! | [`compare`] | comparing with the provider |
//! | [`demand`] | expected demand, where the tariff lets it move prices |
//! | [`events`], [`permit_events`] | what drivers are told of their sessions, and holders of their permits |
//! | [`provider`] | the payment provider behind a narrow port |
//! | [`store`] | the tables |
//! | [`routes`] | the API and its document |

pub mod compare;
pub mod config;
pub mod demand;
pub mod error;
pub mod events;
pub mod flow;
pub mod permit_events;
pub mod provider;
pub mod record;
pub mod routes;
pub mod state;
pub mod store;
pub mod stream;
pub mod sweep;
pub mod views;

use lambda_runtime::LambdaEvent;
use sweep::Task;

/// The function's name in metrics.
pub const FUNCTION: &str = "payments";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let (app, forecasts) = config::from_env().await?;
    let (events, tasks) = (app.clone(), app.clone());
    parvis_kit::http::run_http_stream_and_tasks(
        routes::router(app),
        move |event: LambdaEvent<aws_lambda_events::dynamodb::Event>| {
            let app = events.clone();
            async move { Ok(stream::handle(&app, &event.payload.records).await) }
        },
        move |task: Task| {
            let (app, forecasts) = (tasks.clone(), forecasts.clone());
            async move { sweep::run(&app, &forecasts, task).await }
        },
    )
    .await
}
