//! A payment provider that speaks Stripe's HTTP, as far as [`parvis_stripe`] asks: intents, refunds, lists, idempotency
//! keys, signed webhooks. No money moves.
//!
//! | payment method | what happens |
//! |---|---|
//! | `pm_card_visa` | succeeds |
//! | `pm_card_chargeDeclined` | is declined (402, `card_declined`) |
//! | `pm_card_authenticationRequired` | wants strong authentication, which `POST .../authenticate` gives |
//! | `pm_card_pendingRefund` | succeeds; a refund is pending for a minute |
//! | `pm_card_refundFail` | succeeds; a refund succeeds, and fails a minute later |
//! | `pm_card_pendingRefundFail` | succeeds; a refund is pending, and fails a minute later |
//! | `pm_card_refundRefused` | succeeds; a refund fails at once |
//! | `pm_card_refundsFail` | succeeds; each refund succeeds, and fails a minute later |
//! | `pm_card_refundsRefused` | succeeds; each refund fails at once |
//!
//! No other is known: it is refused as Stripe refuses it (400, `resource_missing`).
//!
//! Where not each refund fails, only a payment's first one does, so that what is given in its place arrives. Amounts below Stripe's least
//! are refused, and so is a request under a key that is in use (409).
//!
//! What is kept is appended to a file, if one is given, so that it survives a restart.

mod account;
mod http;
mod journal;
mod webhooks;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use account::{Account, Answer};
pub use http::router;
pub use webhooks::Webhook;

use journal::Journal;

/// A secret key. It opens nothing: any other does as well.
pub const SECRET_KEY: &str = "sk_test_parvis_embedded";
/// The publishable key.
pub const PUBLISHABLE_KEY: &str = "pk_test_parvis_embedded";

/// The clock of a provider.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The provider; cheap to clone.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    account: Mutex<Account>,
    journal: Option<Journal>,
    webhook: Option<Webhook>,
    clock: Clock,
    keys: Mutex<HashSet<String>>,
    takes: Mutex<Duration>,
}

/// A key in use, until it is dropped.
struct Using<'a> {
    keys: &'a Mutex<HashSet<String>>,
    key: &'a str,
}

impl<'a> Using<'a> {
    fn begin(keys: &'a Mutex<HashSet<String>>, key: &'a str) -> Option<Self> {
        let unused = keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        unused.then(|| Self { keys, key })
    }
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(self.key);
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").finish_non_exhaustive()
    }
}

impl Provider {
    /// A provider that keeps its books in `file`, if one is given, and tells `webhook` what happens.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(file: Option<&Path>, webhook: Option<Webhook>, clock: Clock) -> std::io::Result<Self> {
        let mut account = Account::default();
        let journal = file.map(|file| Journal::open(file, &mut account)).transpose()?;
        Ok(Self::over(account, journal, webhook, clock))
    }

    /// A provider in memory that tells nobody.
    #[must_use]
    pub fn in_memory(clock: Clock) -> Self {
        Self::over(Account::default(), None, None, clock)
    }

    fn over(account: Account, journal: Option<Journal>, webhook: Option<Webhook>, clock: Clock) -> Self {
        let (keys, takes) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { account: Mutex::new(account), journal, webhook, clock, keys, takes }))
    }

    /// What it has done so far.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        // Every change is one assignment of a whole object.
        let mut account = self.0.account.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.0.clock)();
        for (kept, event) in account.hear_from_banks(now) {
            if let Some(journal) = &self.0.journal {
                journal.append(&kept);
            }
            if let Some(webhook) = &self.0.webhook {
                webhook.tell(event, now);
            }
        }
        account
    }

    /// From now on a request that changes something takes so long.
    pub fn takes(&self, time: Duration) {
        *self.0.takes.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Does something under a key: the same answer under the same key, and 409 while the first request is under way.
    async fn once(&self, key: Option<&str>, act: impl FnOnce(&mut Account, DateTime<Utc>) -> Answer) -> Answer {
        let Some(key) = key else { return self.act(act) };
        let Some(_using) = Using::begin(&self.0.keys, key) else {
            return Answer::error(409, "idempotency_error", "idempotency_key_in_use", "this key is in use right now");
        };
        let time = *self.0.takes.lock().unwrap_or_else(PoisonError::into_inner);
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        self.act(|account, now| account.once(key, |account| act(account, now)))
    }

    /// Does something, and then writes it down and tells of it.
    fn act(&self, act: impl FnOnce(&mut Account, DateTime<Utc>) -> Answer) -> Answer {
        let now = (self.0.clock)();
        let answer = act(&mut self.account(), now);
        if let (Some(journal), Some(changed)) = (&self.0.journal, &answer.changed) {
            journal.append(changed);
        }
        if let (Some(webhook), Some(event)) = (&self.0.webhook, &answer.event) {
            webhook.tell(event.clone(), now);
        }
        answer
    }
}
