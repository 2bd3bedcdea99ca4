//! Configuration from the environment.

use parvis_kit::env;
use parvis_mailroom::NoticeStore;
use parvis_notices::limits::Limits;

use crate::delivery::{Deliverer, RetryQueue};
use crate::hooks::Hooks;
use crate::mailer::Mailer;
use crate::sns::Sns;

/// The function as the environment describes it.
pub(crate) async fn from_env() -> Result<Deliverer, lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let usual = Limits::default();
    let limits = Limits {
        sms_per_address: env::parsed("SMS_PER_ADDRESS", usual.sms_per_address)?,
        sms_parts: env::parsed("SMS_PARTS_PER_DAY", usual.sms_parts)?,
        ..usual
    };
    let hosts = env::optional("WEBHOOK_PRIVATE_HOSTS").unwrap_or_default();
    let mailer = env::optional("INVITATIONS_FROM")
        .map(|from| Mailer::new(aws_sdk_sesv2::Client::new(&aws), from, env::optional("CONFIGURATION_SET")));
    Ok(Deliverer {
        store: NoticeStore::new(aws_sdk_dynamodb::Client::new(&aws), env::required("NOTIFY_TABLE")?),
        retries: RetryQueue::new(aws_sdk_sqs::Client::new(&aws), env::required("LETTER_QUEUE_URL")?),
        sns: Sns::new(aws_sdk_sns::Client::new(&aws), env::required("ALERTS_TOPIC_ARN")?, env::optional("SMS_SENDER")),
        mailer,
        hooks: Hooks::new(hosts.split(',').filter(|host| !host.is_empty()).map(str::to_owned).collect())?,
        limits,
    })
}
