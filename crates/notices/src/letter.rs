//! One message to one address.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::person::{Channel, Language};

/// The subject of messages about one's own addresses: the codes that prove them.
pub(crate) const ADDRESSES: &str = "addresses";

/// Where a letter goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Destination {
    /// A phone.
    Sms {
        /// E.164.
        number: String,
    },
    /// A mailbox.
    Email {
        /// Its address.
        address: String,
        /// Whose it is, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// An invitation (iCalendar) and what calendars are to do with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        calendar: Option<Calendar>,
        /// Where one no longer wants to be written to about this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unsubscribe: Option<String>,
        /// Where the reader's program may say so for them with one POST (RFC 8058).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        one_click: Option<String>,
    },
    /// A device.
    Push {
        /// ARN of its SNS platform endpoint.
        endpoint: String,
        /// The page that it opens.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
    },
    /// Whoever has subscribed to the topic.
    Topic {
        /// The short form of the text.
        sms: String,
        /// What subscribers filter by.
        attributes: BTreeMap<String, String>,
    },
    /// Another system; the body is JSON.
    Webhook {
        /// Which.
        webhook: String,
    },
}

/// A part for calendars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// `REQUEST` or `CANCEL`.
    pub method: String,
    /// iCalendar.
    pub text: String,
}

impl Destination {
    /// The way's name in the log.
    #[must_use]
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Sms { .. } => Channel::Sms.as_str(),
            Self::Email { .. } => Channel::Email.as_str(),
            Self::Push { .. } => Channel::Push.as_str(),
            Self::Topic { .. } => "topic",
            Self::Webhook { .. } => "webhook",
        }
    }

    /// Whether it goes to a person, who may want it no more.
    #[must_use]
    pub const fn is_personal(&self) -> bool {
        matches!(self, Self::Sms { .. } | Self::Email { .. } | Self::Push { .. })
    }

    /// Whether it makes a noise where people sleep.
    #[must_use]
    pub const fn is_loud(&self) -> bool {
        match self {
            Self::Sms { .. } => Channel::Sms.is_loud(),
            Self::Email { .. } => Channel::Email.is_loud(),
            Self::Push { .. } => Channel::Push.is_loud(),
            Self::Topic { .. } | Self::Webhook { .. } => false,
        }
    }

    /// The address; `topic` for the topic.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Sms { number } => number,
            Self::Email { address, .. } => address,
            Self::Push { endpoint, .. } => endpoint,
            Self::Topic { .. } => "topic",
            Self::Webhook { webhook } => webhook,
        }
    }
}

/// One message to one address, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The same for the same message to the same address, however often it is written: what is sent once.
    pub key: String,
    /// The moment that it is about: of the event, or when the reminder was due.
    pub at: DateTime<Utc>,
    /// Not sent after.
    pub useful_until: DateTime<Utc>,
    /// To whom, as a login; absent for guests, the topic and webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The subject of preferences.
    pub category: String,
    /// Name of its text.
    pub text: String,
    /// The language that it is written in.
    pub language: Language,
    /// Id of the event that it follows from.
    pub event: String,
    /// Where it goes.
    pub to: Destination,
    /// Subject or title.
    pub subject: String,
    /// Text, in the form of its channel.
    pub body: String,
}

impl Letter {
    /// The key of a message to an address.
    #[must_use]
    pub fn key(occasion: &str, to: &Destination) -> String {
        format!("{occasion}|{}|{}", to.channel(), to.address())
    }

    /// Whether it brings the code that proves its address.
    #[must_use]
    pub fn proves_its_address(&self) -> bool {
        self.category == ADDRESSES
    }

    /// The key as something that may be shown: keys tell addresses.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::digest(&self.key);
        hex::encode(digest.get(..12).unwrap_or_default())
    }
}
