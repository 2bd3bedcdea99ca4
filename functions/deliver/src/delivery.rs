//! One letter: claim, limits, sending, conclusion.

use std::time::Duration;

use aws_sdk_sqs::Client;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::telemetry::chain;
use parvis_mailroom::letters::{Claim, State};
use parvis_mailroom::{NoticeStore, StoreError, Unreachable};
use parvis_notices::limits::Limits;
use parvis_notices::{Destination, Letter};
use tokio::time::{Instant, sleep};

use crate::hooks::Hooks;
use crate::mailer::Mailer;
use crate::sns::Sns;

/// First pause after a failure, seconds; each is twice the one before, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i32 = 5;
/// A quarter of an hour, seconds.
const LONGEST_PAUSE: i32 = 900;
/// Between attempts to note what became of a letter.
const NOTING_PAUSE: Duration = Duration::from_millis(250);
/// Before the end of the lease the noting ends.
const NOTING_ENDS: TimeDelta = TimeDelta::seconds(1);

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
        /// If the address itself is the reason, so that nothing is sent there any more: why.
        address: Option<Unreachable>,
    },
    /// Not taken now.
    NotNow(String),
}

/// Sends letters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Deliverer {
    /// Claims, limits, addresses that are left alone, webhooks.
    pub store: NoticeStore,
    /// The queues that letters come from.
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

/// The queues, whose failed messages are made to wait.
#[derive(Clone, Debug)]
pub struct RetryQueue {
    client: Client,
    urls: [String; 2],
}

impl RetryQueue {
    /// The queues at `urls`: of letters, and of what other systems are told.
    #[must_use]
    pub fn new(client: Client, urls: [String; 2]) -> Self {
        Self { client, urls }
    }

    /// Lets a message of the queue with the ARN `queue` wait, longer with each time it has come, but not past half of the time that is left.
    /// What cannot be said leaves the queue's own pause.
    pub async fn pause(&self, queue: &str, receipt_handle: &str, receive_count: u32, left: TimeDelta) {
        let name = queue.rsplit(':').next();
        let [letters, _] = &self.urls;
        let url = self.urls.iter().find(|url| url.rsplit('/').next() == name).unwrap_or(letters);
        let change = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
        if let Err(error) = change.visibility_timeout(pause(receive_count, left)).send().await {
            tracing::debug!(error = %chain(&error), "a letter waits for the queue's own time");
        }
    }
}

/// The pause in seconds after the attempt of a number, of a letter that is of use for so much longer.
fn pause(attempt: u32, left: TimeDelta) -> i32 {
    let half = i32::try_from(left.num_seconds() / 2).unwrap_or(i32::MAX).max(FIRST_PAUSE);
    FIRST_PAUSE.saturating_mul(2_i32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST_PAUSE).min(half)
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
        let noting_ends = Instant::now() + (lease_until - NOTING_ENDS - now).to_std().unwrap_or_default();
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
        // Before the letter is done with: what is concluded does not come again.
        if let Answer::Never { reason, address: Some(why) } = &answer {
            self.store.suppress(letter.to.address(), *why, reason, now).await?;
        }
        // From here to the end of the write is the window in which a dying sandbox has its letter sent twice.
        let (state, reason, outcome) = match &answer {
            Answer::Taken => (State::Sent, None, Outcome::Sent),
            Answer::Never { reason, .. } => (State::Failed, Some(reason.as_str()), Outcome::Refused),
            Answer::NotNow(reason) => (State::Sending, Some(reason.as_str()), Outcome::Again),
        };
        self.conclude(letter, state, reason, now, noting_ends).await?;
        if let Some(reason) = reason {
            tracing::warn!(letter = letter.id(), channel = letter.to.channel(), reason, attempt, "not sent");
        }
        Ok(outcome)
    }

    /// Notes what became of a letter that was sent, again and again until the lease is nearly over: if that is never noted, it is sent twice.
    async fn conclude(
        &self,
        letter: &Letter,
        state: State,
        reason: Option<&str>,
        now: DateTime<Utc>,
        ends: Instant,
    ) -> Result<(), StoreError> {
        loop {
            match self.store.conclude(letter, state, reason, now).await {
                Err(error) if error.is_transient() && Instant::now() + NOTING_PAUSE < ends => {
                    tracing::warn!(error = %chain(&error), letter = letter.id(), "what became of a letter is not noted yet");
                    sleep(NOTING_PAUSE).await;
                }
                noted => return noted,
            }
        }
    }

    /// Why a letter is not to be sent at all. What counts against limits is counted with its first attempt only.
    async fn obstacle(&self, letter: &Letter, attempt: u32, now: DateTime<Utc>) -> Result<Option<String>, StoreError> {
        if now > letter.useful_until {
            return Ok(Some("too late".to_owned()));
        }
        // A code is how an address where there was nobody comes back; how often it is asked for is bounded where that is done.
        let may_try = |why| why == Unreachable::Nobody && letter.proves_its_address();
        if letter.to.is_personal()
            && let Some(suppression) = self.store.suppression(letter.to.address(), now).await?
            && !may_try(suppression.why)
        {
            return Ok(Some(format!("the address is left alone: {}", suppression.reason)));
        }
        for charge in self.limits.charges(letter).iter().filter(|_| attempt == 1) {
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
                None => Answer::Never { reason: "no sender's address is set".to_owned(), address: None },
            },
            Destination::Webhook { webhook } => self.hook(webhook, letter, now).await?,
        })
    }

    /// Tells another system, and notes the attempt where its owner sees it.
    async fn hook(&self, id: &str, letter: &Letter, now: DateTime<Utc>) -> Result<Answer, StoreError> {
        let gone = |reason: &str| Answer::Never { reason: reason.to_owned(), address: None };
        let Some(mut webhook) = self.store.webhook(id).await?.filter(|webhook| webhook.active) else {
            return Ok(gone("the webhook is gone or turned off"));
        };
        let (answer, attempt) = self.hooks.tell(&webhook, letter, now).await;
        // Both are for managers to look at: an event that was taken is not told again because they could not be stored.
        if let Err(error) = self.store.note_attempt(id, &attempt).await {
            tracing::warn!(error = %chain(&error), webhook = id, "an attempt is not noted");
        }
        if webhook.answered(attempt.status, now) {
            match self.store.save_webhook(&mut webhook).await {
                Ok(()) if !webhook.active => tracing::warn!(webhook = id, why = webhook.turned_off, "turned off"),
                // A manager has changed it or taken it away meanwhile, or another delivery has noted the same.
                Ok(()) | Err(StoreError::Changed) => {}
                Err(error) => tracing::warn!(error = %chain(&error), webhook = id, "a webhook's state is not noted"),
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let day = TimeDelta::days(1);
        assert_eq!([1, 2, 3, 8, 9, 60].map(|attempt| pause(attempt, day)), [5, 10, 20, 640, 900, 900]);
    }

    /// An SNS that refuses for nine of the ten minutes in which "15 minutes left" is of use has it sent in the tenth.
    #[test]
    fn pauses_leave_time_for_more_attempts_and_these_last_until_a_letter_is_useless() {
        let (useful, mut tried_at, mut attempts) = (600, 0, 1);
        while tried_at < 540 {
            tried_at += i64::from(pause(attempts, TimeDelta::seconds(useful - tried_at)));
            attempts += 1;
        }
        assert!(tried_at < useful && attempts <= 12, "attempt {attempts} after {tried_at} s");
        assert_eq!(pause(5, TimeDelta::seconds(-10)), FIRST_PAUSE);
    }
}
