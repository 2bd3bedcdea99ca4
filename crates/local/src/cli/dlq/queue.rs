//! A dead-letter queue through SQS's API.

use std::{collections::HashMap, path::Path};

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Region},
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use chrono::{DateTime, Utc};
use parvis_ingest::dead_letter::DeadLetter;

use crate::{
    lambda::{ACCESS_KEY, SECRET_KEY},
    stack::{REGION, announced},
};

/// Seconds for which entries are hidden from others while a command looks at them. They are released at its end; should it be killed,
/// they come back by themselves.
const LOOK: i32 = 60;
/// Entries per request, SQS's most.
const PAGE: i32 = 10;

/// A dead-letter queue.
pub(super) struct DeadLetterQueue {
    client: Client,
    url: String,
}

/// One message of it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub id: String,
    pub receipt: String,
    pub sent_at: DateTime<Utc>,
    pub letter: DeadLetter,
}

impl DeadLetterQueue {
    pub async fn on_aws(url: String) -> anyhow::Result<Self> {
        let aws = parvis_kit::aws::config().await.map_err(anyhow::Error::from_boxed)?;
        Ok(Self { client: Client::new(&aws), url })
    }

    pub async fn of_running_stack(data_dir: &Path, name: &str) -> anyhow::Result<Self> {
        let running = announced(data_dir)?;
        let client = Client::from_conf(local_config(&running.endpoints.sqs));
        let found = client.get_queue_url().queue_name(name).send().await;
        let found = found.with_context(|| {
            format!("the stack at {} has no queue {name}, or is no longer running", running.endpoints.sqs)
        })?;
        Ok(Self { client, url: found.queue_url.context("SQS gave no URL")? })
    }

    /// All entries that nobody else is looking at, oldest first; hidden from others until released.
    pub async fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let mut entries: HashMap<String, Entry> = HashMap::new();
        let waiting = self.waiting().await?;
        while entries.len() < waiting {
            let received = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(PAGE)
                .visibility_timeout(LOOK)
                .wait_time_seconds(1)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
                .send()
                .await
                .context("the queue cannot be read")?;
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            entries.extend(messages.into_iter().filter_map(entry).map(|entry| (entry.id.clone(), entry)));
        }
        let mut entries: Vec<_> = entries.into_values().collect();
        entries.sort_by(|a, b| (a.sent_at, &a.id).cmp(&(b.sent_at, &b.id)));
        Ok(entries)
    }

    async fn waiting(&self) -> anyhow::Result<usize> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let attributes =
            self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone()).send().await;
        let attributes = attributes.context("the queue cannot be read")?.attributes.unwrap_or_default();
        Ok(attributes.get(&name).and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// Sends an entry to the queue it came from. First sent, then deleted: should that end in between, it is processed twice, which ingest
    /// bears, and not lost.
    pub async fn redrive(&self, entry: &Entry, body: &str) -> anyhow::Result<()> {
        let source = self.source().await?;
        self.client
            .send_message()
            .queue_url(source)
            .message_body(body)
            .send()
            .await
            .context("the message was not sent again; it stays here")?;
        let deleted = self.client.delete_message().queue_url(&self.url).receipt_handle(&entry.receipt).send().await;
        deleted.map(drop).context("the message was sent again, but could not be taken off this queue")
    }

    /// Whether what lies here came from devices.
    pub async fn is_of_devices(&self) -> anyhow::Result<bool> {
        let source = self.source().await?;
        Ok(["IngestQueue", "PlateQueue"].iter().any(|name| source.contains(name)))
    }

    async fn source(&self) -> anyhow::Result<String> {
        let sources = self.client.list_dead_letter_source_queues().queue_url(&self.url).send().await;
        let sources = sources.context("the queue's source cannot be found out")?.queue_urls;
        sources.into_iter().next().context("this is the dead-letter queue of no queue")
    }

    /// Lets others see the entries again.
    pub async fn release(&self, entries: &[Entry]) -> anyhow::Result<()> {
        for entry in entries {
            let release = self
                .client
                .change_message_visibility()
                .queue_url(&self.url)
                .receipt_handle(&entry.receipt)
                .visibility_timeout(0);
            if let Err(error) = release.send().await.map_err(aws_sdk_sqs::Error::from)
                // Sent again a moment ago, so it is no longer here.
                && !matches!(error, aws_sdk_sqs::Error::MessageNotInflight(_) | aws_sdk_sqs::Error::ReceiptHandleIsInvalid(_))
            {
                return Err(error).context("the messages stay hidden for a minute");
            }
        }
        Ok(())
    }
}

fn local_config(endpoint: &str) -> aws_sdk_sqs::Config {
    aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::from_keys(ACCESS_KEY, SECRET_KEY, None))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

fn entry(message: Message) -> Option<Entry> {
    let sent_at = message.attributes.as_ref()?.get(&MessageSystemAttributeName::SentTimestamp)?.parse().ok()?;
    let text = |(name, value): (String, aws_sdk_sqs::types::MessageAttributeValue)| Some((name, value.string_value?));
    let attributes: HashMap<_, _> =
        message.message_attributes.unwrap_or_default().into_iter().filter_map(text).collect();
    Some(Entry {
        id: message.message_id?,
        receipt: message.receipt_handle?,
        sent_at: DateTime::from_timestamp_millis(sent_at)?,
        letter: DeadLetter::read(&message.body?, &attributes),
    })
}
