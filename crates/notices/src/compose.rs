//! From an event and a reader to letters.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_events::CloudEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::address::Address;
use crate::catalog::{Catalog, Kind, Say};
use crate::due::{Due, Held, Waiting};
use crate::letter::{ADDRESSES, Destination, Letter};
use crate::person::{Channel, Language, Person};
use crate::span::Span;
use crate::texts::{Facts, Message, TextError, Texts};
use crate::token::{LinkKey, Unsubscribe};
use crate::watch::Watch;

/// The text of codes.
const CODE_TEXT: &str = "address.code";
/// The text at the foot of e-mails.
const FOOT_TEXT: &str = "foot";
/// The page where one no longer wants to be written to.
const UNSUBSCRIBE_PAGE: &str = "#/unsubscribe?token=";
/// The same, short enough for an SMS.
const STOP_PAGE: &str = "#/stop?t=";
/// The route that programs of readers post to.
const ONE_CLICK: &str = "/v1/unsubscribe/";
/// How long another system is told of an event.
const WEBHOOK_USEFUL: Span = Span::minutes(24 * 60);

/// What holds for the whole deployment.
#[derive(Clone, Debug)]
pub struct House {
    /// Language of who has named none.
    pub language: Language,
    /// Zone of what names none.
    pub timezone: Tz,
    /// Origin and path of the web application, ending with a slash; links are left out without it.
    pub web_url: Option<String>,
    /// Base address of the API, without a slash at its end; readers' programs are told no way out without it.
    pub api_url: Option<String>,
    /// What links are signed with.
    pub links: LinkKey,
}

/// Something that somebody is told.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The event.
    pub event: &'a CloudEvent,
    /// Its type.
    pub kind: &'a Kind,
    /// What is said.
    pub say: &'a Say,
    /// The moment: of the event, or of the reminder.
    pub at: DateTime<Utc>,
    /// How long before the deadline, for a reminder.
    pub minutes: Option<u32>,
}

impl<'a> Occasion<'a> {
    /// What an event says at once.
    #[must_use]
    pub fn of_event(event: &'a CloudEvent, kind: &'a Kind) -> Option<Self> {
        Some(Self { event, kind, say: kind.rule.message.as_ref()?, at: event.time, minutes: None })
    }

    /// What an event says under the name of a text, at a moment; `None` when a deployment has taken the text away.
    #[must_use]
    pub fn of_text(
        catalog: &'a Catalog,
        event: &'a CloudEvent,
        text: &str,
        at: DateTime<Utc>,
        minutes: Option<u32>,
    ) -> Option<Self> {
        let kind = catalog.kind(&event.kind)?;
        Some(Self { event, kind, say: kind.say(text)?, at, minutes })
    }

    /// Until when it is worth sending.
    #[must_use]
    pub fn useful_until(&self) -> DateTime<Utc> {
        self.at + self.say.useful(self.minutes)
    }

    /// The minutes that are left to the deadline of a reminder, the one that has begun included.
    #[must_use]
    pub fn minutes_left(&self, now: DateTime<Utc>) -> Option<i64> {
        let minutes = i64::from(self.minutes?);
        let left = (self.at + TimeDelta::minutes(minutes) - now).num_seconds();
        Some((left + 59).div_euclid(60).clamp(0, minutes))
    }

    /// The same, to be said to a person when their quiet hours are over.
    #[must_use]
    pub fn held(&self, person: &Person, watch: Option<&Watch>, until: DateTime<Utc>) -> Due {
        let held = Held {
            event: self.event.clone(),
            text: self.say.text.clone(),
            minutes: self.minutes,
            said_at: self.at,
            person: person.subject.clone(),
            watch: watch.map(|watch| watch.id.clone()),
        };
        Due { at: until, what: Waiting::Held(held) }
    }

    /// What tells it from everything else that is said.
    #[must_use]
    pub fn id(&self) -> String {
        match self.minutes {
            None => self.event.id.to_string(),
            Some(minutes) => format!("{}|{}|{minutes}", self.event.id, self.say.text),
        }
    }
}

/// What a person finds in the list of their notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The same for the same occasion.
    pub id: String,
    /// Whose.
    pub person: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The subject of preferences.
    pub category: String,
    /// Type of the event.
    pub kind: String,
    /// One line.
    pub subject: String,
    /// Text.
    pub body: String,
    /// The page that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The channels that it goes by as well.
    pub channels: Vec<Channel>,
}

/// A notification to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// For their list.
    pub note: Note,
    /// To be sent now.
    pub letters: Vec<Letter>,
    /// When their quiet hours are over, if something loud waits for that.
    pub held: Option<DateTime<Utc>>,
}

/// Writes letters.
#[derive(Debug)]
pub struct Writer {
    /// The types of events.
    pub catalog: Catalog,
    /// The words.
    pub texts: Texts,
    /// The deployment.
    pub house: House,
}

impl Writer {
    /// What an occasion is to a person, who gets it by `channels` if given, else by those of their preferences.
    ///
    /// # Errors
    /// When a text asks for a fact that the event does not have.
    pub fn to_person(
        &self,
        occasion: &Occasion<'_>,
        person: &Person,
        channels: Option<&[Channel]>,
        now: DateTime<Utc>,
    ) -> Result<Composed, TextError> {
        let Occasion { event, kind, say, .. } = *occasion;
        let category = kind.rule.category.as_str();
        let (language, zone) = self.told_in(person, event);
        let link = self.link(kind, event)?;
        let message = self.message(occasion, language, zone, link.as_deref(), now)?;
        // A wish names channels; what the person has silenced since stays silent.
        let channels = match channels {
            Some(wished) => person.preferences.channels_of_wish(category, wished),
            None => person.preferences.channels(category, &say.channels),
        };
        let quiet = if say.urgent { None } else { person.preferences.quiet.and_then(|quiet| quiet.until(now, zone)) };
        let mut composed =
            Composed { note: self.note(occasion, person, &message, link.clone()), letters: vec![], held: None };
        for address in person.reached_by(&channels) {
            let to = self.destination(address, person, category, link.clone());
            let body = match address.channel {
                Channel::Email => self.signed(&message.email, &to, language)?,
                Channel::Sms if person.is_visitor() => self.with_stop(&message.sms, person, category, language)?,
                Channel::Sms | Channel::Push => message.sms.clone(),
            };
            let subject = message.subject.clone();
            let letter =
                Letter { person: Some(person.subject.clone()), ..letter(occasion, language, to, subject, body) };
            match quiet.filter(|_| address.channel.is_loud()) {
                None => composed.letters.push(letter),
                Some(until) if until < letter.useful_until => composed.held = Some(until),
                // What is of no use when the night is over is not sent; it stands in the list.
                Some(_) => continue,
            }
            if !composed.note.channels.contains(&address.channel) {
                composed.note.channels.push(address.channel);
            }
        }
        Ok(composed)
    }

    fn note(&self, occasion: &Occasion<'_>, person: &Person, message: &Message, link: Option<String>) -> Note {
        Note {
            id: occasion.id(),
            person: person.subject.clone(),
            at: occasion.at,
            category: occasion.kind.rule.category.clone(),
            kind: occasion.event.kind.clone(),
            subject: message.subject.clone(),
            body: message.email.clone(),
            link,
            channels: Vec::new(),
        }
    }

    /// The message to the topic, if events of this type are broadcast.
    ///
    /// # Errors
    /// When a text asks for a fact that the event does not have.
    pub fn to_topic(&self, event: &CloudEvent, kind: &Kind) -> Result<Option<Letter>, TextError> {
        let (Some(occasion), Some(fields)) = (Occasion::of_event(event, kind), &kind.rule.broadcast) else {
            return Ok(None);
        };
        let nobody = Person::default();
        let (language, zone) = self.told_in(&nobody, event);
        let link = self.link(kind, event)?;
        let message = self.message(&occasion, language, zone, link.as_deref(), event.time)?;
        let value =
            |name: &String| Some((name.clone(), event.data[name].as_str().filter(|text| !text.is_empty())?.to_owned()));
        let mut attributes: BTreeMap<String, String> = fields.iter().filter_map(value).collect();
        attributes.insert("type".to_owned(), event.kind.clone());
        attributes.insert("language".to_owned(), language.code().to_owned());
        let to = Destination::Topic { sms: message.sms, attributes };
        Ok(Some(letter(&occasion, language, to, message.subject, message.email)))
    }

    /// The delivery of an event to another system: the event with what its schema lets out of its data, as CloudEvents JSON; `None` when
    /// that is nothing.
    #[must_use]
    pub fn to_webhook(&self, event: &CloudEvent, kind: &Kind, webhook: &str) -> Option<Letter> {
        let fields = kind.rule.webhook.as_ref()?;
        let data: Map<String, Value> =
            fields.iter().filter_map(|name| Some((name.clone(), event.data.get(name)?.clone()))).collect();
        let told = CloudEvent { data: Value::Object(data), ..event.clone() };
        let to = Destination::Webhook { webhook: webhook.to_owned() };
        Some(Letter {
            key: Letter::key(event.id.as_str(), &to),
            at: event.time,
            useful_until: event.time + WEBHOOK_USEFUL.delta(),
            person: None,
            category: "webhooks".to_owned(),
            text: event.kind.clone(),
            language: self.house.language,
            event: event.id.to_string(),
            to,
            subject: event.kind.clone(),
            // An event that was read as JSON can be written as JSON.
            body: serde_json::to_string(&told).unwrap_or_default(),
        })
    }

    /// The letter with the code that proves an address.
    ///
    /// # Errors
    /// When the text cannot be made.
    pub fn code(
        &self,
        address: &Address,
        person: &Person,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<Letter, TextError> {
        let language = person.preferences.language.unwrap_or(self.house.language);
        let facts = Facts::new(&json!({ "code": code }), language, self.house.timezone);
        let message = self.texts.message(CODE_TEXT, &facts)?;
        let to = match self.destination(address, person, ADDRESSES, None) {
            Destination::Email { address, name, calendar, .. } => {
                Destination::Email { address, name, calendar, unsubscribe: None, one_click: None }
            }
            other => other,
        };
        Ok(Letter {
            // Each code is a message of its own; the code itself is nothing for a log.
            key: Letter::key(&format!("code|{}", now.timestamp_millis()), &to),
            at: now,
            useful_until: now + crate::address::CODE_LIFE,
            person: Some(person.subject.clone()),
            category: ADDRESSES.to_owned(),
            text: CODE_TEXT.to_owned(),
            language,
            event: String::new(),
            to,
            subject: message.subject,
            body: if address.channel == Channel::Email { message.email } else { message.sms },
        })
    }

    /// The page on which the holder of a token of ours may end messages; `None` for other tokens, or where there are no pages.
    #[must_use]
    pub fn unsubscribe_page(&self, token: &str) -> Option<String> {
        self.house.links.read(token)?;
        self.absolute(Some(format!("{UNSUBSCRIBE_PAGE}{token}")))
    }

    /// A text as it reads with an example of its type of event.
    ///
    /// # Errors
    /// When it asks for a fact that the example does not have.
    pub fn preview(&self, kind: &Kind, say: &Say, example: &Value, language: Language) -> Result<Message, TextError> {
        let zone = example["timezone"].as_str().and_then(|zone| zone.parse().ok()).unwrap_or(self.house.timezone);
        let mut facts = Facts::new(example, language, zone);
        let before = kind.rule.reminders.iter().find(|reminder| reminder.say.text == say.text);
        facts.set("minutes", before.and_then(|reminder| reminder.before.first()).map_or(0, |span| span.as_minutes()));
        let link = kind.rule.link.as_ref().map(|link| self.texts.link(link, example)).transpose()?;
        facts.set("link", self.absolute(link));
        self.texts.message(&say.text, &facts)
    }

    /// The reader's zone, else that of what the event is about.
    fn told_in(&self, person: &Person, event: &CloudEvent) -> (Language, Tz) {
        let of_event = || event.data["timezone"].as_str().and_then(|zone| zone.parse().ok());
        let zone = person.preferences.timezone.or_else(of_event).unwrap_or(self.house.timezone);
        (person.preferences.language.unwrap_or(self.house.language), zone)
    }

    fn message(
        &self,
        occasion: &Occasion<'_>,
        language: Language,
        zone: Tz,
        link: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Message, TextError> {
        let mut facts = Facts::new(&occasion.event.data, language, zone);
        facts.set("minutes", occasion.minutes_left(now));
        facts.set("link", link);
        self.texts.message(&occasion.say.text, &facts)
    }

    /// An e-mail with how to get no more of them at its foot.
    fn signed(&self, text: &str, to: &Destination, language: Language) -> Result<String, TextError> {
        let Destination::Email { unsubscribe: Some(link), .. } = to else { return Ok(text.to_owned()) };
        let facts = Facts::new(&json!({ "unsubscribe": link }), language, self.house.timezone);
        Ok(format!("{text}\n\n-- \n{}", self.texts.part(FOOT_TEXT, "email", &facts)?))
    }

    /// An SMS to a visitor, who has no page with preferences, with how to get no more of them.
    fn with_stop(&self, text: &str, person: &Person, category: &str, language: Language) -> Result<String, TextError> {
        let token = self.token(person, category, Channel::Sms);
        let Some(link) = self.absolute(Some(format!("{STOP_PAGE}{token}"))) else { return Ok(text.to_owned()) };
        let facts = Facts::new(&json!({ "unsubscribe": link }), language, self.house.timezone);
        Ok(format!("{text} {}", self.texts.part(FOOT_TEXT, "sms", &facts)?))
    }

    fn token(&self, person: &Person, category: &str, channel: Channel) -> String {
        let (person, category) = (person.subject.clone(), category.to_owned());
        self.house.links.sign(&Unsubscribe { person, category, channel })
    }

    fn link(&self, kind: &Kind, event: &CloudEvent) -> Result<Option<String>, TextError> {
        let link = kind.rule.link.as_ref().map(|link| self.texts.link(link, &event.data)).transpose()?;
        Ok(self.absolute(link))
    }

    fn absolute(&self, link: Option<String>) -> Option<String> {
        Some(format!("{}{}", self.house.web_url.as_ref()?, link?))
    }

    fn destination(&self, address: &Address, person: &Person, category: &str, link: Option<String>) -> Destination {
        let to = address.to.clone();
        match address.channel {
            Channel::Sms => Destination::Sms { number: to },
            Channel::Push => Destination::Push { endpoint: to, link },
            Channel::Email => {
                let token = self.token(person, category, address.channel);
                let unsubscribe = self.absolute(Some(format!("{UNSUBSCRIBE_PAGE}{token}")));
                let one_click = self.house.api_url.as_ref().map(|api| format!("{api}{ONE_CLICK}{token}"));
                Destination::Email { address: to, name: None, calendar: None, unsubscribe, one_click }
            }
        }
    }
}

/// The letter of an occasion to nobody in particular.
fn letter(occasion: &Occasion<'_>, language: Language, to: Destination, subject: String, body: String) -> Letter {
    Letter {
        key: Letter::key(&occasion.id(), &to),
        at: occasion.at,
        useful_until: occasion.useful_until(),
        person: None,
        category: occasion.kind.rule.category.clone(),
        text: occasion.say.text.clone(),
        language,
        event: occasion.event.id.to_string(),
        to,
        subject,
        body,
    }
}

#[cfg(test)]
mod tests;
