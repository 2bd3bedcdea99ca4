//! What clients see and send.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use parvis_mailroom::letters::Logged;
use parvis_mailroom::{Attempt, Suppression, Unreachable};
use parvis_notices::address::Address;
use parvis_notices::compose::Note;
use parvis_notices::watch::Watch;
use parvis_notices::webhook::Webhook;
use parvis_notices::{Channel, Language, Person, Preferences, person, watch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelName {
    /// Text message.
    Sms,
    /// E-mail.
    Email,
    /// Push to a device.
    Push,
}

impl From<ChannelName> for Channel {
    fn from(name: ChannelName) -> Self {
        match name {
            ChannelName::Sms => Self::Sms,
            ChannelName::Email => Self::Email,
            ChannelName::Push => Self::Push,
        }
    }
}

impl From<Channel> for ChannelName {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Sms => Self::Sms,
            Channel::Email => Self::Email,
            Channel::Push => Self::Push,
        }
    }
}

/// A language that texts exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LanguageName {
    /// French.
    Fr,
    /// English.
    En,
}

impl From<LanguageName> for Language {
    fn from(name: LanguageName) -> Self {
        match name {
            LanguageName::Fr => Self::French,
            LanguageName::En => Self::English,
        }
    }
}

impl From<Language> for LanguageName {
    fn from(language: Language) -> Self {
        match language {
            Language::French => Self::Fr,
            Language::English => Self::En,
        }
    }
}

/// Hours of every day in which nothing loud is sent unless it is urgent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct QuietHours {
    /// First minute, local time.
    #[schema(example = "22:00")]
    pub from: String,
    /// First minute after them; before `from` when they span midnight.
    #[schema(example = "07:00")]
    pub to: String,
}

/// How somebody wants to be told.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreferencesInput {
    /// Language of texts; the deployment's when absent.
    pub language: Option<LanguageName>,
    /// IANA zone in which times are told; that of the place when absent.
    #[schema(example = "Europe/Paris")]
    pub timezone: Option<String>,
    /// When nothing loud is sent.
    pub quiet: Option<QuietHours>,
    /// Channels by subject; an empty list is silence, an absent subject goes its usual way.
    pub channels: ChannelsBySubject,
    /// Channels by subject that are not used whatever else is said: what unsubscribe links have ended. Left out, nothing is silenced.
    pub silenced: ChannelsBySubject,
}

/// Channels by subject.
type ChannelsBySubject = BTreeMap<String, BTreeSet<ChannelName>>;

/// The same channels under another type.
fn channels<A: Copy, B: From<A> + Ord>(sets: &BTreeMap<String, BTreeSet<A>>) -> BTreeMap<String, BTreeSet<B>> {
    sets.iter().map(|(name, set)| (name.clone(), set.iter().copied().map(Into::into).collect())).collect()
}

impl PreferencesInput {
    /// The rules' form of it.
    ///
    /// # Errors
    /// The field that is wrong, and why.
    pub fn read(self) -> Result<Preferences, (&'static str, String)> {
        let timezone =
            self.timezone.map(|zone| zone.parse().map_err(|_| ("/timezone", format!("{zone} is no IANA zone"))));
        let quiet = self.quiet.map(|quiet| {
            let value = serde_json::json!({ "from": quiet.from, "to": quiet.to });
            serde_json::from_value::<person::QuietHours>(value).map_err(|error| ("/quiet", error.to_string()))
        });
        let quiet = quiet.transpose()?;
        if quiet.is_some_and(|quiet| quiet.from == quiet.to) {
            return Err(("/quiet", "quiet hours end at another time than they begin".to_owned()));
        }
        Ok(Preferences {
            language: self.language.map(Into::into),
            timezone: timezone.transpose()?,
            quiet,
            channels: channels(&self.channels),
            silenced: channels(&self.silenced),
        })
    }
}

impl From<&Preferences> for PreferencesInput {
    fn from(preferences: &Preferences) -> Self {
        Self {
            language: preferences.language.map(Into::into),
            timezone: preferences.timezone.map(|zone| zone.name().to_owned()),
            quiet: preferences.quiet.map(|quiet| QuietHours {
                from: quiet.from.format("%H:%M").to_string(),
                to: quiet.to.format("%H:%M").to_string(),
            }),
            channels: channels(&preferences.channels),
            silenced: channels(&preferences.silenced),
        }
    }
}

/// Where somebody is reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AddressView {
    /// What a device is removed by.
    pub id: String,
    /// How.
    pub channel: ChannelName,
    /// Number, mailbox, or the ARN of a device's endpoint.
    pub to: String,
    /// What its owner calls a device.
    pub name: Option<String>,
    /// Since when it is known to be theirs; until then nothing but codes is sent there.
    pub verified_at: Option<DateTime<Utc>>,
    /// Why nothing is sent there all the same; a new code ends `nobody`.
    pub left_alone: Option<LeftAlone>,
}

/// Why nothing is sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftAlone {
    /// There was nobody: a mailbox that bounced, a device that is gone.
    Nobody,
    /// Messages were objected to or opted out of.
    Unwanted,
}

impl AddressView {
    /// An address and what is known of it.
    #[must_use]
    pub fn of(address: &Address, suppression: Option<Suppression>) -> Self {
        let left_alone = suppression.map(|suppression| match suppression.why {
            Unreachable::Nobody => LeftAlone::Nobody,
            Unreachable::Unwanted => LeftAlone::Unwanted,
        });
        let Address { channel, to, verified_at, name, .. } = address.clone();
        Self { id: address.digest(), channel: channel.into(), to, name, verified_at, left_alone }
    }
}

/// How somebody wants to be told, and where.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreferencesView {
    /// How.
    #[serde(flatten)]
    pub preferences: PreferencesInput,
    /// Where.
    pub addresses: Vec<AddressView>,
    /// The subjects that there are.
    pub subjects: Vec<String>,
    /// Counts changes; for `If-Match`.
    pub version: u64,
}

impl PreferencesView {
    /// What a person sees of themselves.
    #[must_use]
    pub fn of(person: &Person, addresses: Vec<AddressView>, subjects: Vec<&str>) -> Self {
        Self {
            preferences: (&person.preferences).into(),
            addresses,
            subjects: subjects.into_iter().map(str::to_owned).collect(),
            version: person.version,
        }
    }
}

/// A notification in somebody's list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoteView {
    /// Its id.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The subject of preferences.
    pub subject_name: String,
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line.
    pub title: String,
    /// Text.
    pub body: String,
    /// The page that shows it.
    pub link: Option<String>,
    /// The channels that it goes by as well.
    pub channels: Vec<ChannelName>,
}

impl From<Note> for NoteView {
    fn from(note: Note) -> Self {
        Self {
            id: note.id,
            at: note.at,
            subject_name: note.category,
            kind: note.kind,
            title: note.subject,
            body: note.body,
            link: note.link,
            channels: note.channels.into_iter().map(Into::into).collect(),
        }
    }
}

/// What one can wish to be told of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenName {
    /// It has crossed the lower threshold, 70 % unless the place says otherwise.
    Busy,
    /// It has crossed the upper threshold, 85 %.
    Saturated,
    /// It is no longer saturated: there are places again.
    HasPlaces,
}

impl From<WhenName> for watch::When {
    fn from(name: WhenName) -> Self {
        match name {
            WhenName::Busy => Self::Busy,
            WhenName::Saturated => Self::Saturated,
            WhenName::HasPlaces => Self::HasPlaces,
        }
    }
}

impl From<watch::When> for WhenName {
    fn from(when: watch::When) -> Self {
        match when {
            watch::When::Busy => Self::Busy,
            watch::When::Saturated => Self::Saturated,
            watch::When::HasPlaces => Self::HasPlaces,
        }
    }
}

/// A subscription to alerts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WatchView {
    /// Its id.
    pub id: String,
    /// Which car park.
    pub place: String,
    /// Which zone; the whole car park when absent.
    pub zone: Option<String>,
    /// When one is told.
    pub when: WhenName,
    /// How.
    pub channels: Vec<ChannelName>,
    /// Whether it counts: a visitor confirms it with a code.
    pub confirmed: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl From<&Watch> for WatchView {
    fn from(watch: &Watch) -> Self {
        Self {
            id: watch.id.clone(),
            place: watch.place.clone(),
            zone: watch.zone.clone(),
            when: watch.when.into(),
            channels: watch.channels.iter().copied().map(Into::into).collect(),
            confirmed: watch.confirmed,
            created_at: watch.created_at,
        }
    }
}

/// Which events a webhook is told.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FilterInput {
    /// Types, at least one; what ends with a dot stands for all that start with it.
    #[schema(example = json!(["parvis.parking.alert."]))]
    pub types: Vec<String>,
    /// What events are about. Empty for all.
    #[schema(example = json!(["place/default"]))]
    pub subjects: Vec<String>,
}

/// A system that is told of events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: String,
    /// What it is.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// Which events.
    pub filter: FilterInput,
    /// Whether it is told at all.
    pub active: bool,
    /// Since when it has taken nothing; after a day it is turned off.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why it was turned off, when nobody did.
    pub turned_off: Option<String>,
    /// The secret of its signatures; told once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        let Webhook { id, name, url, filter, active, failing_since, turned_off, created_at, .. } = webhook.clone();
        let filter = FilterInput { types: filter.types, subjects: filter.subjects };
        Self { id, name, url, filter, active, failing_since, turned_off, secret: None, created_at }
    }
}

/// An attempt to tell a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttemptView {
    /// When.
    pub at: DateTime<Utc>,
    /// Id of the event, which is the message's.
    pub event: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Whether it was taken.
    pub taken: bool,
    /// What went wrong.
    pub reason: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let Attempt { at, event, kind, status, taken, reason, milliseconds } = attempt;
        Self { at, event, kind, status, taken, reason, milliseconds }
    }
}

/// A letter in the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterView {
    /// Its place in the log.
    pub id: String,
    /// The moment that it is about.
    pub at: DateTime<Utc>,
    /// To whom, as a login.
    pub person: Option<String>,
    /// `sms`, `email`, `push`, `topic` or `webhook`.
    pub channel: String,
    /// Where, as far as may be told.
    pub to: String,
    /// The subject of preferences.
    pub subject_name: String,
    /// Name of its text, or type of the event for webhooks.
    pub text: String,
    /// The language that it is written in.
    pub language: String,
    /// Id of the event.
    pub event: String,
    /// `sending`, `sent`, `failed` or `dropped`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed, was dropped, or will be tried again.
    pub reason: Option<String>,
    /// When that was.
    pub concluded_at: Option<DateTime<Utc>>,
}

impl From<Logged> for LetterView {
    fn from(line: Logged) -> Self {
        Self {
            id: line.id,
            at: line.at,
            person: line.person,
            channel: line.channel,
            to: line.to,
            subject_name: line.category,
            text: line.text,
            language: line.language,
            event: line.event,
            state: line.state.as_str().to_owned(),
            attempts: line.attempts,
            reason: line.reason,
            concluded_at: line.concluded_at,
        }
    }
}
