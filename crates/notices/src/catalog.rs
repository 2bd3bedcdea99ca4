//! The types of events and what follows from each, as their schemas say it.
//!
//! A schema in `events/schemas/<type>.json` describes the data of a type of event and gives examples; under `x-notify` it says who is told
//! what, and which deadlines are reminded of. What several types share stands in `events/schemas/shared`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::files;
use crate::person::Channel;
use crate::span::Span;

/// A schema that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the schema {name} cannot be read")]
pub struct CatalogError {
    name: String,
    source: serde_json::Error,
}

/// What is said: a text, how, and how long it is of use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// Name of the text: `texts/<language>/<text>.<channel>.txt`.
    pub text: String,
    /// The channels of who has said nothing else.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// How long after its moment it is still worth sending.
    #[serde(default = "a_day")]
    pub useful: Span,
    /// Whether it is sent in quiet hours too: waiting would cost the reader money or a place.
    #[serde(default)]
    pub urgent: bool,
}

const fn a_day() -> Span {
    Span::minutes(24 * 60)
}

/// The shortest time in which a message can be sent at all.
const SHORTEST_USE: TimeDelta = TimeDelta::seconds(30);

impl Say {
    /// How long after its moment it is worth sending: a reminder until a minute before its deadline at most, which lies `before` minutes
    /// after that moment; what begins at its moment has no such end.
    #[must_use]
    pub fn useful(&self, before: Option<u32>) -> TimeDelta {
        let useful = self.useful.delta();
        // Without a stretch before it, the moment is a beginning: nothing ends then.
        before.filter(|minutes| *minutes > 0).map_or(useful, |minutes| {
            useful.min((TimeDelta::minutes(i64::from(minutes)) - TimeDelta::minutes(1)).max(SHORTEST_USE))
        })
    }
}

/// A deadline that is reminded of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reminder {
    /// The field with the deadline, by path: `slot.start`. Without it in an event there is no reminder.
    pub deadline: String,
    /// How long before it; `0m` for something that begins then.
    pub before: Vec<Span>,
    /// What is said.
    #[serde(flatten)]
    pub say: Say,
}

/// What follows from a type of event.
///
/// The reminders of what an event is about are those of its newest event: one with another deadline moves them, one of a type
/// without reminders drops them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The subject of preferences: `parking`, `bookings`, ...
    pub category: String,
    /// The field with the login of whom it concerns; nobody in particular when absent.
    #[serde(default)]
    pub to: Option<String>,
    /// What is said at once.
    #[serde(default)]
    pub message: Option<Say>,
    /// The page that shows it: a template over the data, without origin.
    #[serde(default)]
    pub link: Option<String>,
    /// The fields that subscribers of the topic filter by; it does not go to the topic when absent.
    #[serde(default)]
    pub broadcast: Option<Vec<String>>,
    /// The fields of the data that webhooks are told; they hear nothing of such events when absent. Who it concerns, guests and whatever
    /// people have written stay in the house.
    #[serde(default)]
    pub webhook: Option<Vec<String>>,
    /// Whether the reminders of its subject stay as they are: the event says nothing about deadlines.
    #[serde(default)]
    pub keeps_reminders: bool,
    /// Deadlines.
    #[serde(default)]
    pub reminders: Vec<Reminder>,
}

/// A type of event.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Kind {
    /// Its name in words.
    pub title: String,
    /// Data as it could be; for previews and tests.
    #[serde(default)]
    pub examples: Vec<Value>,
    /// What follows.
    #[serde(rename = "x-notify")]
    pub rule: Rule,
}

impl Kind {
    /// Everything that may be said about such an event.
    pub fn says(&self) -> impl Iterator<Item = &Say> {
        self.rule.message.iter().chain(self.rule.reminders.iter().map(|reminder| &reminder.say))
    }

    /// What is said under the name of a text.
    #[must_use]
    pub fn say(&self, text: &str) -> Option<&Say> {
        self.says().find(|say| say.text == text)
    }

    /// The person whom an event concerns.
    #[must_use]
    pub fn concerns<'a>(&self, data: &'a Value) -> Option<&'a str> {
        field(data, self.rule.to.as_deref()?)?.as_str().filter(|subject| !subject.is_empty())
    }
}

/// All types of events that notifications know.
#[derive(Clone, Debug)]
pub struct Catalog {
    kinds: BTreeMap<String, Kind>,
}

impl Catalog {
    /// Reads the schemas of the repository.
    ///
    /// # Errors
    /// When one is none.
    pub fn load() -> Result<Self, CatalogError> {
        let read = |(name, text): &(&str, &str)| {
            let kind = serde_json::from_str(text);
            kind.map(|kind| ((*name).to_owned(), kind))
                .map_err(|source| CatalogError { name: (*name).to_owned(), source })
        };
        Ok(Self { kinds: files::schemas().iter().map(read).collect::<Result<_, _>>()? })
    }

    /// A type of event; `None` for one that nothing follows from.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    /// All of them, by name.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &Kind)> {
        self.kinds.iter().map(|(name, kind)| (name.as_str(), kind))
    }

    /// The subjects that preferences are about, by name.
    #[must_use]
    pub fn categories(&self) -> Vec<&str> {
        let mut found: Vec<&str> = self.kinds.values().map(|kind| kind.rule.category.as_str()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// A field by its path.
#[must_use]
pub fn field<'a>(data: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(data, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// A time by its path.
#[must_use]
pub fn time(data: &Value, path: &str) -> Option<DateTime<Utc>> {
    field(data, path)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_says_what_follows_and_gives_examples() {
        let catalog = Catalog::load().unwrap();
        assert!(catalog.kinds().count() >= 15);
        for (name, kind) in catalog.kinds() {
            assert!(name.starts_with("parvis."), "{name}");
            assert!(!kind.examples.is_empty(), "{name} has no example");
            for example in &kind.examples {
                assert_eq!(kind.concerns(example).is_some(), kind.rule.to.is_some(), "{name}: to");
            }
            assert!(kind.says().all(|say| say.useful > Span::minutes(0)), "{name}: of no use at all");
            for reminder in &kind.rule.reminders {
                let told = kind.examples.iter().any(|example| time(example, &reminder.deadline).is_some());
                assert!(told && !reminder.before.is_empty(), "{name}: no example has {}", reminder.deadline);
                assert!(kind.rule.to.is_some(), "{name}: reminders of nobody");
            }
        }
        assert_eq!(catalog.categories(), ["alerts", "bookings", "parking", "permits", "sensors"]);
    }

    #[test]
    fn webhooks_are_told_nothing_of_people() {
        let mut told = 0;
        for (name, kind) in Catalog::load().unwrap().kinds() {
            for field in kind.rule.webhook.iter().flatten() {
                told += 1;
                assert!(
                    !["owner", "guests", "uninvited", "title", "location", "plate", "email", "name"]
                        .contains(&field.as_str()),
                    "{name}: {field}"
                );
                assert_ne!(kind.rule.to.as_ref(), Some(field), "{name}");
            }
        }
        assert!(told > 50, "{told}");
    }

    #[test]
    fn examples_are_what_their_schema_describes() {
        for (name, kind) in Catalog::load().unwrap().kinds() {
            for example in &kind.examples {
                parvis_test_events::check_data(name, example);
            }
        }
    }
}
