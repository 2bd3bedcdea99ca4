//! How many letters there may be: per address and day, and what SMS may cost the deployment per day.

use serde::{Deserialize, Serialize};

use crate::letter::{Destination, Letter};
use crate::sms;

/// Bounds of a day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// SMS to one number.
    pub sms_per_address: u32,
    /// E-mails to one mailbox.
    pub email_per_address: u32,
    /// Pushes to one device.
    pub push_per_address: u32,
    /// Parts of SMS of the whole deployment.
    pub sms_parts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sms_per_address: 20, email_per_address: 50, push_per_address: 100, sms_parts: 20_000 }
    }
}

/// What a letter counts against: a name, how much it uses, and the most of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The counter.
    pub counter: String,
    /// How much the letter uses.
    pub amount: u32,
    /// The most of a day.
    pub most: u32,
}

impl Limits {
    /// The counters of a letter; none for the topic and webhooks, whose owners are managers.
    #[must_use]
    pub fn charges(&self, letter: &Letter) -> Vec<Charge> {
        let most = match &letter.to {
            Destination::Sms { .. } => self.sms_per_address,
            Destination::Email { .. } => self.email_per_address,
            Destination::Push { .. } => self.push_per_address,
            Destination::Topic { .. } | Destination::Webhook { .. } => return Vec::new(),
        };
        let mut charges = vec![Charge { counter: letter.to.address().to_owned(), amount: 1, most }];
        if let Destination::Sms { .. } = letter.to {
            let amount = u32::try_from(sms::parts(&letter.body)).unwrap_or(u32::MAX);
            charges.push(Charge { counter: "sms parts".to_owned(), amount, most: self.sms_parts });
        }
        charges
    }
}
