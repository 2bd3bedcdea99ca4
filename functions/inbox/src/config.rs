//! Configuration from the environment.

use chrono::Utc;
use parvis_kit::env;
use parvis_mailroom::{LetterQueue, NoticeStore, writer_from_env};

use crate::devices::Devices;
use crate::state::App;

/// The application as the environment describes it.
pub(crate) async fn from_env() -> Result<App, lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let store = NoticeStore::new(aws_sdk_dynamodb::Client::new(&aws), env::required("NOTIFY_TABLE")?);
    let queue = LetterQueue::new(aws_sdk_sqs::Client::new(&aws), env::required("LETTER_QUEUE_URL")?);
    let hosts = env::optional("WEBHOOK_PRIVATE_HOSTS").unwrap_or_default();
    let hosts = hosts.split(',').filter(|host| !host.is_empty()).map(str::to_owned).collect();
    let sns = aws_sdk_sns::Client::new(&aws);
    let devices = Devices::new(sns, env::optional("PUSH_FCM_APPLICATION"), env::optional("PUSH_APNS_APPLICATION"));
    Ok(App::new(store, queue, writer_from_env()?, devices, hosts, Utc::now, rand::random))
}
