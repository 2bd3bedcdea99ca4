//! One letter: claim, limits, sending, conclusion.

use aws_sdk_sqs::Client;
use chrono::{DateTime, Utc};
use parvis_kit::telemetry::chain;
use parvis_mailroom::letters::{Claim, State};
use parvis_mailroom::{NoticeStore, StoreError};
use parvis_notices::limits::Limits;
use parvis_notices::{Destination, Letter};

use crate::hooks::Hooks;
use crate::mailer::Mailer;
use crate::sns::Sns;

/// First pause after a failure, seconds; each is twice the one before, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i32 = 5;
/// A quarter of an hour, seconds.
const LONGEST_PAUSE: i32 = 900;

/// What came of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Sent,
    /// It was refused for good.
    Refused,
    /// It was not sent, for a reason that the log tells.
    Dropped,
    /// It had been concluded before.
    Duplicate,
    /// It comes again.
    Again,
}

/// What a way says to a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken.
    Taken,
    /// Not taken, and never will be.
    Never {
        /// Why, for the log.
        reason: String,
        /// Whether the address itself is the reason, so that nothing is sent there any more.
        address: bool,
    },
    /// Not taken now.
    NotNow(String),
}

/// Sends letters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Deliverer {
    /// Claims, limits, addresses that are left alone, webhooks.
    pub store: NoticeStore,
    /// The queue that letters come from.
    pub retries: RetryQueue,
    /// SMS, push and the topic.
    pub sns: Sns,
    /// E-mail; there is none where no sender's address is set.
    pub mailer: Option<Mailer>,
    /// Webhooks.
    pub hooks: Hooks,
    /// How many letters there may be.
    pub limits: Limits,
}

/// The queue, whose failed messages are made to wait.
#[derive(Clone, Debug)]
pub struct RetryQueue {
    client: Client,
    url: String,
}

impl RetryQueue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Lets a message wait, longer with each time it has come. What cannot be said leaves the queue's own pause.
    pub async fn pause(&self, receipt_handle: &str, receive_count: u32) {
        let change = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt_handle);
        if let Err(error) = change.visibility_timeout(pause(receive_count)).send().await {
            tracing::debug!(error = %chain(&error), "a letter waits for the queue's own time");
        }
    }
}

/// The pause after the attempt of a number, in seconds.
fn pause(attempt: u32) -> i32 {
    FIRST_PAUSE.saturating_mul(2_i32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST_PAUSE)
}

impl Deliverer {
    /// Sends a letter once, at the time `now`; the claim holds until `lease_until`.
    pub async fn deliver(&self, letter: &Letter, now: DateTime<Utc>, lease_until: DateTime<Utc>) -> Outcome {
        match self.attempt(letter, now, lease_until).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(error = %chain(&error), letter = letter.id(), "the table failed; the letter comes again");
                Outcome::Again
            }
        }
    }

    async fn attempt(
        &self,
        letter: &Letter,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Outcome, StoreError> {
        let attempt = match self.store.claim(letter, now, lease_until).await? {
            Claim::Done => return Ok(Outcome::Duplicate),
            Claim::Busy => return Ok(Outcome::Again),
            Claim::Granted(attempt) => attempt,
        };
        if let Some(reason) = self.obstacle(letter, attempt, now).await? {
            self.store.conclude(letter, State::Dropped, Some(&reason), now).await?;
            return Ok(Outcome::Dropped);
        }
        let answer = self.send(letter, now).await?;
        // From here to the end of the write is the window in which a dying sandbox has its letter sent twice.
        let (state, reason, outcome) = match &answer {
            Answer::Taken => (State::Sent, None, Outcome::Sent),
            Answer::Never { reason, .. } => (State::Failed, Some(reason.as_str()), Outcome::Refused),
            Answer::NotNow(reason) => (State::Sending, Some(reason.as_str()), Outcome::Again),
        };
        self.store.conclude(letter, state, reason, now).await?;
        if let Answer::Never { reason, address: true } = &answer {
            self.store.suppress(letter.to.address(), reason, now).await?;
        }
        if let Some(reason) = reason {
            tracing::warn!(letter = letter.id(), channel = letter.to.channel(), reason, attempt, "not sent");
        }
        Ok(outcome)
    }

    /// Why a letter is not to be sent at all. What counts against limits is counted with its first attempt only.
    async fn obstacle(&self, letter: &Letter, attempt: u32, now: DateTime<Utc>) -> Result<Option<String>, StoreError> {
        if now > letter.useful_until {
            return Ok(Some("too late".to_owned()));
        }
        let charges = self.limits.charges(letter);
        // Only what is charged has an address of a person.
        if !charges.is_empty()
            && let Some(reason) = self.store.suppression(letter.to.address(), now).await?
        {
            return Ok(Some(format!("the address is left alone: {reason}")));
        }
        for charge in charges.iter().filter(|_| attempt == 1) {
            if !self.store.spend(charge, now).await? {
                let whose = if charge.counter == letter.to.address() { "this address" } else { "all" };
                return Ok(Some(format!("the limit of {} a day for {whose} is reached", charge.most)));
            }
        }
        Ok(None)
    }

    async fn send(&self, letter: &Letter, now: DateTime<Utc>) -> Result<Answer, StoreError> {
        Ok(match &letter.to {
            Destination::Sms { number } => self.sns.text(number, letter).await,
            Destination::Push { endpoint, link } => self.sns.push(endpoint, link.as_deref(), letter).await,
            Destination::Topic { sms, attributes } => self.sns.broadcast(sms, attributes, letter).await,
            Destination::Email { .. } => match &self.mailer {
                Some(mailer) => mailer.mail(letter).await,
                None => Answer::Never { reason: "no sender's address is set".to_owned(), address: false },
            },
            Destination::Webhook { webhook } => self.hook(webhook, letter, now).await?,
        })
    }

    /// Tells another system, and notes the attempt where its owner sees it.
    async fn hook(&self, id: &str, letter: &Letter, now: DateTime<Utc>) -> Result<Answer, StoreError> {
        let gone = |reason: &str| Answer::Never { reason: reason.to_owned(), address: false };
        let Some(webhook) = self.store.webhook(id).await?.filter(|webhook| webhook.active) else {
            return Ok(gone("the webhook is gone or turned off"));
        };
        let (answer, attempt) = self.hooks.tell(&webhook, letter, now).await;
        self.store.note_attempt(id, &attempt).await?;
        // 410 is how a receiver says that it is gone for good.
        if attempt.status == Some(410) {
            self.store.put_webhook(&parvis_notices::webhook::Webhook { active: false, ..webhook }).await?;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        assert_eq!([1, 2, 3, 8, 9, 60].map(pause), [5, 10, 20, 640, 900, 900]);
    }
}
