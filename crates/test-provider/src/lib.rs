//! A payment provider that speaks Stripe's HTTP, as far as [`parvis_stripe`] asks: intents, refunds, lists, idempotency
//! keys, signed webhooks. No money moves.
//!
//! | payment method | what happens |
//! |---|---|
//! | `pm_card_visa` | succeeds |
//! | `pm_card_chargeDeclined` | is declined (402, `card_declined`) |
//! | `pm_card_authenticationRequired` | wants strong authentication, which `POST .../authenticate` gives |
//!
//! What is kept is appended to a file, if one is given, so that it survives a restart.

mod account;
mod http;
mod journal;
mod webhooks;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
        Ok(Self(Arc::new(Inner { account: Mutex::new(account), journal, webhook, clock })))
    }

    /// A provider in memory that tells nobody.
    #[must_use]
    pub fn in_memory(clock: Clock) -> Self {
        Self(Arc::new(Inner { account: Mutex::default(), journal: None, webhook: None, clock }))
    }

    /// What it has done so far.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        // Every change is one assignment of a whole object.
        self.0.account.lock().unwrap_or_else(PoisonError::into_inner)
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
