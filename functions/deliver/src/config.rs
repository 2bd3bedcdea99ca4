//! Configuration from the environment.

use parvis_kit::env;
use parvis_mailroom::{NoticeStore, webhook_private_hosts};
use parvis_notices::limits::Limits;

use crate::delivery::{Deliverer, RetryQueue};
use crate::hooks::Hooks;
use crate::mailer::Mailer;
use crate::sns::Sns;

/// Codes may take this part of the SMS of a day, beside the messages.
const CODES_SHARE: u32 = 10;

/// The function as the environment describes it.
pub(crate) async fn from_env() -> Result<Deliverer, lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let usual = Limits::default();
    let sms_parts = env::parsed("SMS_PARTS_PER_DAY", usual.sms_parts)?;
    let limits = Limits {
        sms_per_address: env::parsed("SMS_PER_ADDRESS", usual.sms_per_address)?,
        sms_parts,
        sms_parts_of_codes: sms_parts / CODES_SHARE,
        ..usual
    };
    let queues = [env::required("LETTER_QUEUE_URL")?, env::required("WEBHOOK_QUEUE_URL")?];
    let mailer = env::optional("INVITATIONS_FROM")
        .map(|from| Mailer::new((&aws).into(), from, env::optional("CONFIGURATION_SET")));
    Ok(Deliverer {
        store: NoticeStore::new(aws_sdk_dynamodb::Client::new(&aws), env::required("NOTIFY_TABLE")?),
        retries: RetryQueue::new(aws_sdk_sqs::Client::new(&aws), queues),
        sns: Sns::new((&aws).into(), env::required("ALERTS_TOPIC_ARN")?, env::optional("SMS_SENDER")),
        mailer,
        hooks: Hooks::new(webhook_private_hosts())?,
        limits,
    })
}
