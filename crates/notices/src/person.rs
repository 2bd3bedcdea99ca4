//! People: how they want to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::address::Address;

/// A language that texts exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// French.
    #[serde(rename = "fr")]
    French,
    /// English.
    #[serde(rename = "en")]
    English,
}

/// A language without texts.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no texts in `{0}`; there are in `fr` and `en`")]
pub struct UnknownLanguage(String);

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::French, Self::English];

    /// ISO 639-1 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
        }
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.code() == code).ok_or_else(|| UnknownLanguage(code.to_owned()))
    }
}

/// A way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Text message.
    Sms,
    /// E-mail.
    Email,
    /// Push to a device.
    Push,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sms, Self::Email, Self::Push];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Push => "push",
        }
    }

    /// Whether it makes a noise where people sleep; e-mail waits by itself.
    #[must_use]
    pub const fn is_loud(self) -> bool {
        matches!(self, Self::Sms | Self::Push)
    }
}

/// Hours of every day, in the reader's zone, in which nothing loud is sent unless it is urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// First minute.
    #[serde(with = "minute")]
    pub from: NaiveTime,
    /// First minute after them; before `from` when they span midnight.
    #[serde(with = "minute")]
    pub to: NaiveTime,
}

/// Times of day as `22:00`.
mod minute {
    use chrono::NaiveTime;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    const FORM: &str = "%H:%M";

    pub(super) fn serialize<S: Serializer>(time: &NaiveTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.format(FORM))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveTime::parse_from_str(&text, FORM).map_err(|_| D::Error::custom("not a time of day such as 22:00"))
    }
}

impl QuietHours {
    /// When the quiet hours that `now` lies in end; `None` when it lies in none.
    #[must_use]
    pub fn until(&self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&zone);
        let time = local.time();
        let inside = if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        };
        if !inside {
            return None;
        }
        let day = if time < self.to { local.date_naive() } else { local.date_naive().succ_opt()? };
        // A time that the change of clocks skips comes an hour later; of one that it repeats, the first that is still to come.
        let ends = |shift: TimeDelta| {
            let end = (day.and_time(self.to) + shift).and_local_timezone(zone);
            [end.earliest(), end.latest()].into_iter().flatten().find(|end| *end > now)
        };
        ends(TimeDelta::zero()).or_else(|| ends(TimeDelta::hours(1))).map(|end| end.with_timezone(&Utc))
    }
}

/// How a person wants to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Language of texts; the deployment's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Zone in which times are told; the zone of what the message is about when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Tz>,
    /// When nothing loud is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
    /// Channels by subject (`parking`, `bookings`, ...); an empty set is silence. What is absent goes the message's own way.
    pub channels: BTreeMap<String, BTreeSet<Channel>>,
    /// Channels by subject that are not used whatever else is said: what unsubscribe links have ended.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub silenced: BTreeMap<String, BTreeSet<Channel>>,
}

impl Preferences {
    /// The channels for a subject, of a message that would use `usual`.
    #[must_use]
    pub fn channels(&self, category: &str, usual: &[Channel]) -> BTreeSet<Channel> {
        let chosen = self.channels.get(category).cloned().unwrap_or_else(|| usual.iter().copied().collect());
        self.heard(category, chosen)
    }

    /// What is left of the channels of a wish: a wish names its own, and nothing but what is silenced narrows them.
    #[must_use]
    pub fn channels_of_wish(&self, category: &str, wished: &[Channel]) -> BTreeSet<Channel> {
        // An empty choice is silence; another one is about what is told without a wish.
        if self.channels.get(category).is_some_and(BTreeSet::is_empty) {
            return BTreeSet::new();
        }
        self.heard(category, wished.iter().copied().collect())
    }

    fn heard(&self, category: &str, mut channels: BTreeSet<Channel>) -> BTreeSet<Channel> {
        if let Some(silenced) = self.silenced.get(category) {
            channels.retain(|channel| !silenced.contains(channel));
        }
        channels
    }

    /// No more of `category` by `channel`; the others stay as they are.
    pub fn silence(&mut self, category: &str, channel: Channel) {
        self.silenced.entry(category.to_owned()).or_default().insert(channel);
    }

    /// `category` is wished for by `channels`: what was silenced of them is heard again. Whether anything has changed.
    pub fn hear_again(&mut self, category: &str, channels: &[Channel]) -> bool {
        let before = self.clone();
        if let Some(silenced) = self.silenced.get_mut(category) {
            silenced.retain(|channel| !channels.contains(channel));
        }
        self.silenced.retain(|_, silenced| !silenced.is_empty());
        if self.channels.get(category).is_some_and(BTreeSet::is_empty) {
            self.channels.remove(category);
        }
        *self != before
    }
}

/// What the names of people without a login start with; the digest of their address follows.
pub const VISITOR: &str = "visitor:";

/// Somebody who may be told something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The subject of the login, or the id of a visitor.
    pub subject: String,
    /// How.
    pub preferences: Preferences,
    /// Where.
    pub addresses: Vec<Address>,
    /// Counts changes; 0 for somebody of whom nothing is known.
    pub version: u64,
}

impl Person {
    /// Somebody of whom nothing is known yet.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }

    /// Whether it is somebody without a login, known by an address alone.
    #[must_use]
    pub fn is_visitor(&self) -> bool {
        self.subject.starts_with(VISITOR)
    }

    /// The verified addresses of the channels.
    pub fn reached_by<'a>(&'a self, channels: &'a BTreeSet<Channel>) -> impl Iterator<Item = &'a Address> {
        self.addresses.iter().filter(|address| address.verified_at.is_some() && channels.contains(&address.channel))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn quiet(from: &str, to: &str) -> QuietHours {
        serde_json::from_value(serde_json::json!({ "from": from, "to": to })).unwrap()
    }

    #[test]
    fn quiet_hours_span_midnight_and_the_change_of_clocks() {
        let night = quiet("22:00", "07:00");
        assert_eq!(night.until(at("2026-07-01T19:59:00Z"), Paris), None);
        assert_eq!(night.until(at("2026-07-01T20:00:00Z"), Paris), Some(at("2026-07-02T05:00:00Z")));
        assert_eq!(night.until(at("2026-07-02T04:59:00Z"), Paris), Some(at("2026-07-02T05:00:00Z")));
        assert_eq!(night.until(at("2026-07-02T05:00:00Z"), Paris), None);
        // 02:30 does not exist on 29 March 2026 in Paris.
        assert_eq!(quiet("22:00", "02:30").until(at("2026-03-28T23:00:00Z"), Paris), Some(at("2026-03-29T01:30:00Z")));
        // 02:10 comes twice on 25 October 2026; the second time the 02:30 of the first is over.
        let repeated = quiet("22:00", "02:30");
        assert_eq!(repeated.until(at("2026-10-25T00:10:00Z"), Paris), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(repeated.until(at("2026-10-25T01:10:00Z"), Paris), Some(at("2026-10-25T01:30:00Z")));
        assert_eq!(quiet("12:00", "14:00").until(at("2026-07-01T10:30:00Z"), Paris), Some(at("2026-07-01T12:00:00Z")));
        assert_eq!(quiet("08:00", "08:00").until(at("2026-07-01T06:00:00Z"), Paris), None, "no hours at all");
    }

    #[test]
    fn what_a_person_says_of_a_subject_replaces_the_usual_way() {
        let mut preferences = Preferences::default();
        assert_eq!(preferences.channels("parking", &[Channel::Sms]), BTreeSet::from([Channel::Sms]));
        preferences.channels.insert("parking".into(), BTreeSet::from([Channel::Email]));
        assert_eq!(preferences.channels("parking", &[Channel::Sms]), BTreeSet::from([Channel::Email]));
        preferences.silence("parking", Channel::Email);
        assert!(preferences.channels("parking", &[Channel::Sms]).is_empty());
    }

    #[test]
    fn what_is_silenced_turns_nothing_else_on() {
        let mut preferences = Preferences::default();
        preferences.silence("bookings", Channel::Email);
        assert!(preferences.channels("bookings", &[Channel::Email]).is_empty(), "no SMS in its place");
        assert!(preferences.channels("bookings", &[]).is_empty());
        let usual = [Channel::Email, Channel::Push];
        assert_eq!(preferences.channels("bookings", &usual), BTreeSet::from([Channel::Push]), "the others stay");
        assert_eq!(preferences.channels("parking", &usual), BTreeSet::from(usual), "other subjects stay");
        preferences.channels.insert("bookings".into(), BTreeSet::from([Channel::Email, Channel::Sms]));
        assert_eq!(
            preferences.channels("bookings", &usual),
            BTreeSet::from([Channel::Sms]),
            "own ones are narrowed too"
        );
    }

    #[test]
    fn a_wish_is_narrowed_by_what_is_silenced_and_by_nothing_else() {
        let mut preferences = Preferences::default();
        preferences.channels.insert("alerts".into(), BTreeSet::from([Channel::Email]));
        let wish = [Channel::Sms, Channel::Push];
        assert_eq!(preferences.channels_of_wish("alerts", &wish), BTreeSet::from(wish));
        preferences.silence("alerts", Channel::Sms);
        assert_eq!(preferences.channels_of_wish("alerts", &wish), BTreeSet::from([Channel::Push]));
        assert!(preferences.hear_again("alerts", &wish) && !preferences.hear_again("alerts", &wish));
        assert_eq!(preferences.channels_of_wish("alerts", &wish), BTreeSet::from(wish));
        preferences.channels.insert("alerts".into(), BTreeSet::new());
        assert!(preferences.channels_of_wish("alerts", &wish).is_empty(), "silence is silence");
        assert!(preferences.hear_again("alerts", &wish));
        assert_eq!(preferences.channels_of_wish("alerts", &wish), BTreeSet::from(wish));
    }
}
