//! The dead-letter queue as an operator sees it, through SQS's API.

use std::collections::HashMap;

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::types::Message;
use chrono::Utc;
use parvis_ingest::dead_letter::DeadLetter;

/// SQS gives at most this many messages at once.
const PAGE: i32 = 10;
/// Long enough that one look sees each message once, short enough that the next look sees all again.
const LOOK_SECONDS: i32 = 3;

/// The dead-letter queue of device messages, and the queue it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetters {
    client: Client,
    dead: String,
    source: String,
    /// Everything seen so far, by message id: a look hides messages from the next one for a moment.
    seen: std::sync::Arc<tokio::sync::Mutex<HashMap<String, Message>>>,
}

impl DeadLetters {
    pub(crate) fn new(endpoint: &str, dead: &str, source: &str) -> Self {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-3"))
            .credentials_provider(Credentials::from_keys("test", "test", None))
            .endpoint_url(endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let (dead, source) = (dead.to_owned(), source.to_owned());
        Self { client: Client::from_conf(config), dead, source, seen: std::sync::Arc::default() }
    }

    async fn look(&self) -> anyhow::Result<HashMap<String, Message>> {
        let mut seen = self.seen.lock().await;
        loop {
            let receive = self.client.receive_message().queue_url(&self.dead).max_number_of_messages(PAGE);
            let receive = receive.visibility_timeout(LOOK_SECONDS).message_attribute_names("All");
            let messages = receive.send().await.context("dead-letter queue")?.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(seen.clone());
            }
            seen.extend(messages.into_iter().filter_map(|message| Some((message.message_id.clone()?, message))));
        }
    }

    /// The dead letters whose topic starts with `<place>/`.
    pub(crate) async fn of_place(&self, place: &str) -> anyhow::Result<Vec<DeadLetter>> {
        Ok(self.look().await?.values().map(read).filter(|letter| is_about(letter, place)).collect())
    }

    /// Sends the dead letters of `place` to the queue again and takes them off this one.
    pub(crate) async fn redrive(&self, place: &str) -> anyhow::Result<()> {
        let messages = self.look().await?;
        for (id, message) in messages.iter().filter(|(_, message)| is_about(&read(message), place)) {
            let body = read(message).to_ingest_body(Utc::now()).context("this dead letter cannot be sent again")?;
            self.client.send_message().queue_url(&self.source).message_body(body).send().await?;
            let receipt = message.receipt_handle.clone().unwrap_or_default();
            self.client.delete_message().queue_url(&self.dead).receipt_handle(receipt).send().await?;
            self.seen.lock().await.remove(id);
        }
        Ok(())
    }
}

fn is_about(letter: &DeadLetter, place: &str) -> bool {
    letter.topic.as_ref().is_some_and(|topic| topic.starts_with(&format!("{place}/")))
}

fn read(message: &Message) -> DeadLetter {
    let attributes = message.message_attributes.clone().unwrap_or_default();
    let attributes = attributes.into_iter().filter_map(|(name, value)| Some((name, value.string_value?))).collect();
    DeadLetter::read(message.body().unwrap_or_default(), &attributes)
}
