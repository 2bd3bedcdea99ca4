//! Sends letters: SMS, push and the topic by SNS, e-mail by SES, webhooks by signed HTTPS.
//!
//! Letters come from a queue that `functions/notify` and `functions/inbox` fill. Each is claimed, sent and concluded
//! ([`parvis_mailroom::letters`]). What fails and may succeed later goes back into the queue with growing pauses, and after its attempts into
//! the dead-letter queue (`parvis dlq --queue LetterDeadLetterQueue`). Bounces and complaints, which SES tells through a topic, have an address
//! left alone.
//!
//! | module | for |
//! |---|---|
//! | [`handler`] | batches of the queue, messages of the topic of bounces |
//! | [`delivery`] | one letter: claim, limits, sending, conclusion |
//! | [`sns`], [`mailer`], [`hooks`] | the ways |
//! | [`feedback`] | what SES tells of bounces and complaints |

mod config;
pub mod delivery;
pub mod feedback;
pub mod handler;
pub mod hooks;
pub mod mailer;
pub mod sns;

use chrono::{DateTime, Utc};
use lambda_runtime::LambdaEvent;

pub use delivery::Deliverer;
pub use handler::Batch;

/// The function's name in metrics.
pub const FUNCTION: &str = "deliver";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    parvis_kit::telemetry::init();
    let deliverer = config::from_env().await?;
    parvis_kit::lambda::run(move |event: LambdaEvent<Batch>| {
        let deliverer = deliverer.clone();
        let lease_until = DateTime::<Utc>::from(event.context.deadline());
        async move { deliverer.handle(event.payload, Utc::now(), lease_until).await }
    })
    .await
}
