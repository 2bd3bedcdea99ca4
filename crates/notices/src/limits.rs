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
    /// Parts of SMS of the whole deployment, codes aside.
    pub sms_parts: u32,
    /// Parts of SMS with codes: who asks for codes in masses takes nobody's reminders away.
    pub sms_parts_of_codes: u32,
    /// Messages to the topic, whose subscribers may have them by SMS.
    pub to_topic: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sms_per_address: 20,
            email_per_address: 50,
            push_per_address: 100,
            sms_parts: 20_000,
            sms_parts_of_codes: 2_000,
            to_topic: 500,
        }
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
    /// The counters of a letter; none for webhooks, whose owners are managers. Codes have counters of their own, those per address and
    /// person where they are asked for: they use nothing up that messages need.
    #[must_use]
    pub fn charges(&self, letter: &Letter) -> Vec<Charge> {
        if letter.proves_its_address() {
            return parts(letter, "sms parts of codes", self.sms_parts_of_codes).into_iter().collect();
        }
        let most = match &letter.to {
            Destination::Sms { .. } => self.sms_per_address,
            Destination::Email { .. } => self.email_per_address,
            Destination::Push { .. } => self.push_per_address,
            Destination::Topic { .. } => self.to_topic,
            Destination::Webhook { .. } => return Vec::new(),
        };
        let mut charges = vec![Charge { counter: letter.to.address().to_owned(), amount: 1, most }];
        charges.extend(parts(letter, "sms parts", self.sms_parts));
        charges
    }
}

/// What an SMS takes of a budget of parts.
fn parts(letter: &Letter, counter: &str, most: u32) -> Option<Charge> {
    let Destination::Sms { .. } = letter.to else { return None };
    let amount = u32::try_from(sms::parts(&letter.body)).unwrap_or(u32::MAX);
    Some(Charge { counter: counter.to_owned(), amount, most })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;
    use crate::person::Language;

    fn counters(category: &str, to: Destination) -> Vec<String> {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let letter = Letter {
            key: "k".to_owned(),
            at,
            useful_until: at,
            person: None,
            category: category.to_owned(),
            text: "t".to_owned(),
            language: Language::French,
            event: String::new(),
            to,
            subject: "s".to_owned(),
            body: "b".to_owned(),
        };
        Limits::default().charges(&letter).into_iter().map(|charge| charge.counter).collect()
    }

    #[test]
    fn codes_use_nothing_up_that_messages_need_and_the_topic_is_bounded() {
        let sms = || Destination::Sms { number: "+33612345678".to_owned() };
        assert_eq!(counters("parking", sms()), ["+33612345678", "sms parts"]);
        assert_eq!(counters("addresses", sms()), ["sms parts of codes"]);
        assert_eq!(
            counters("alerts", Destination::Topic { sms: "s".to_owned(), attributes: BTreeMap::new() }),
            ["topic"]
        );
        assert!(counters("webhooks", Destination::Webhook { webhook: "w".to_owned() }).is_empty());
    }
}
