//! Configuration from the environment.

use std::sync::Arc;

use parvis_kit::env;
use parvis_mailroom::{LetterQueue, NoticeStore, WebhookQueue, writer_from_env};

use crate::plan::Notifier;

/// The function as the environment describes it.
pub(crate) async fn from_env() -> Result<Notifier, lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let sqs = aws_sdk_sqs::Client::new(&aws);
    Ok(Notifier {
        store: NoticeStore::new(aws_sdk_dynamodb::Client::new(&aws), env::required("NOTIFY_TABLE")?),
        queue: LetterQueue::new(sqs.clone(), env::required("LETTER_QUEUE_URL")?),
        hooks: WebhookQueue::new(sqs, env::required("WEBHOOK_QUEUE_URL")?),
        writer: Arc::new(writer_from_env()?),
        invitations_from: env::optional("INVITATIONS_FROM"),
    })
}
