//! Turns device messages into the live state.
//!
//! The IoT rules put messages into a queue; batches of them come here. Each is read on its own: a malformed one goes to
//! the dead-letter queue alone, with its payload and the reason. The others are grouped by the block of live state that
//! they change, merged, and written under the condition that nobody else wrote in between. A schedule marks the sensors
//! that have fallen silent.

mod blocks;
mod config;
pub mod dead_letter;
pub mod envelope;
mod handler;
mod intake;
mod outcome;
mod plates;
mod record;
mod refusals;
mod silence;

use chrono::Utc;
use lambda_runtime::LambdaEvent;

pub use config::Config;
pub use handler::{Answer, Ingest, Invocation, Task};
pub use record::Record;
pub use silence::SilenceReport;

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let config = Config::from_env()?;
    let ingest = Ingest::new(&parvis_kit::aws::config().await?, config);
    ingest.warm().await;
    parvis_kit::lambda::run(move |event: LambdaEvent<Invocation>| {
        let ingest = ingest.clone();
        async move { ingest.handle(event.payload, Utc::now()).await }
    })
    .await
}
