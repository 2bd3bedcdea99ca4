//! Configuration from the environment.

use std::sync::Arc;

use parvis_kit::env;
use parvis_mailroom::{LetterQueue, NoticeStore};
use parvis_notices::compose::{House, Writer};
use parvis_notices::token::LinkKey;
use parvis_notices::{Catalog, Language, Texts};

use crate::plan::Notifier;

/// The function as the environment describes it.
pub(crate) async fn from_env() -> Result<Notifier, lambda_runtime::Error> {
    let aws = parvis_kit::aws::config().await?;
    let house = House {
        language: env::parsed("NOTIFY_LANGUAGE", Language::French)?,
        timezone: env::parsed("DEFAULT_TIMEZONE", chrono_tz::Tz::Europe__Paris)?,
        web_url: env::optional("WEB_URL"),
        links: LinkKey::new(env::required("NOTIFY_KEY")?).ok_or("NOTIFY_KEY must have at least 16 bytes")?,
    };
    Ok(Notifier {
        store: NoticeStore::new(aws_sdk_dynamodb::Client::new(&aws), env::required("NOTIFY_TABLE")?),
        queue: LetterQueue::new(aws_sdk_sqs::Client::new(&aws), env::required("LETTER_QUEUE_URL")?),
        writer: Arc::new(Writer { catalog: Catalog::load()?, texts: Texts::load()?, house }),
        invitations_from: env::optional("INVITATIONS_FROM"),
    })
}
