//! The words: files under `texts/<language>/<text>.<part>.txt`, where the part is `subject`, `sms` or `email`.
//!
//! Texts are templates over the data of an event. Beside it they know `link` (the page that shows it), `timezone` (whose times are told),
//! `minutes` (how long before its deadline a reminder comes) and the filters `time`, `date`, `until`, `whole` and `money`.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior};
use serde_json::{Map, Value as Json};

use crate::files;
use crate::person::Language;
use crate::sms;

/// SNS takes subjects of less than 100 characters.
const SUBJECT_LIMIT: usize = 99;

/// A message in the form of each channel. A push has the subject as title and the short form as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line, at most 99 characters.
    pub subject: String,
    /// The short form, in the alphabet of SMS.
    pub sms: String,
    /// The long form.
    pub email: String,
}

/// A text that is missing or asks for a fact that the event does not have.
#[derive(Debug, thiserror::Error)]
#[error("the text {name} cannot be made")]
pub struct TextError {
    name: String,
    source: minijinja::Error,
}

/// What a text is made from.
#[derive(Clone, Debug)]
pub struct Facts {
    data: Map<String, Json>,
    language: Language,
}

impl Facts {
    /// Data of an event, to be told in a language and with the times of a zone.
    #[must_use]
    pub fn new(data: &Json, language: Language, zone: Tz) -> Self {
        let mut facts = Self { data: data.as_object().cloned().unwrap_or_default(), language };
        facts.set("timezone", zone.name());
        facts.set("language", language.code());
        facts
    }

    /// Adds a fact.
    pub fn set(&mut self, name: &str, value: impl Into<Json>) {
        self.data.insert(name.to_owned(), value.into());
    }
}

/// All texts, parsed once.
#[derive(Debug)]
pub struct Texts {
    environment: Environment<'static>,
}

impl Texts {
    /// Parses the texts.
    ///
    /// # Errors
    /// When one of them is not a template.
    pub fn load() -> Result<Self, TextError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("time", time);
        environment.add_filter("date", date);
        environment.add_filter("until", until);
        environment.add_filter("whole", whole);
        environment.add_filter("money", money);
        for (name, text) in files::texts() {
            let add = environment.add_template(name, text);
            add.map_err(|source| TextError { name: (*name).to_owned(), source })?;
        }
        Ok(Self { environment })
    }

    /// A text in all its forms.
    ///
    /// # Errors
    /// When a part is missing or asks for a fact that there is not.
    pub fn message(&self, text: &str, facts: &Facts) -> Result<Message, TextError> {
        Ok(Message {
            subject: self.part(text, "subject", facts)?,
            sms: self.part(text, "sms", facts)?,
            email: self.part(text, "email", facts)?,
        })
    }

    /// One part of a text.
    ///
    /// # Errors
    /// When it is missing or asks for a fact that there is not.
    pub fn part(&self, text: &str, part: &str, facts: &Facts) -> Result<String, TextError> {
        let name = format!("{}/{text}.{part}", facts.language.code());
        let context = Value::from(Serde(&facts.data));
        let written = self.environment.get_template(&name).and_then(|template| template.render(context));
        let written = written.map_err(|source| TextError { name, source })?;
        Ok(match part {
            "subject" => one_line(&written),
            "sms" => sms::in_gsm_alphabet(written.trim()),
            _ => written.trim().to_owned(),
        })
    }

    /// A link's template over the data.
    ///
    /// # Errors
    /// When it asks for a fact that there is not.
    pub fn link(&self, template: &str, data: &Json) -> Result<String, TextError> {
        let written = self.environment.render_str(template, Value::from(Serde(data)));
        written.map_err(|source| TextError { name: template.to_owned(), source })
    }

    /// The names of all files.
    pub fn names() -> impl Iterator<Item = &'static str> {
        files::texts().iter().map(|(name, _)| *name)
    }
}

fn one_line(text: &str) -> String {
    let text = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(SUBJECT_LIMIT).collect()
}

/// What the text is told in.
fn told_in(state: &State<'_, '_>) -> (Tz, Language) {
    let text = |name| state.lookup(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    (text("timezone").parse().unwrap_or(Tz::UTC), text("language").parse().unwrap_or(Language::English))
}

fn local(state: &State<'_, '_>, at: DateTime<Utc>) -> DateTime<Tz> {
    at.with_timezone(&told_in(state).0)
}

fn time(state: &State<'_, '_>, at: Serde<DateTime<Utc>>) -> String {
    local(state, at.0).format("%H:%M").to_string()
}

fn date(state: &State<'_, '_>, at: Serde<DateTime<Utc>>) -> String {
    let form = match told_in(state).1 {
        Language::French => "%d/%m/%Y",
        Language::English => "%Y-%m-%d",
    };
    local(state, at.0).format(form).to_string()
}

/// An end: its time, with its date when that is not the one of the start.
fn until(state: &State<'_, '_>, end: Serde<DateTime<Utc>>, start: Serde<DateTime<Utc>>) -> String {
    let same_day = local(state, start.0).date_naive() == local(state, end.0).date_naive();
    let hour = time(state, Serde(end.0));
    if same_day { hour } else { format!("{} {hour}", date(state, end)) }
}

/// Percent as people read it: rounded down, so that "85 %" never stands for 84.6.
fn whole(number: f64) -> i64 {
    number.floor() as i64
}

/// Cents as an amount: `12,50 €` in French, `12.50 EUR` otherwise.
fn money(state: &State<'_, '_>, cents: i64, currency: &str) -> Result<String, Error> {
    let units = cents.checked_abs().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "no such amount"))?;
    let sign = if cents < 0 { "-" } else { "" };
    Ok(match told_in(state).1 {
        Language::French => {
            let currency = if currency == "EUR" { "€" } else { currency };
            format!("{sign}{},{:02} {currency}", units / 100, units % 100)
        }
        Language::English => format!("{sign}{}.{:02} {currency}", units / 100, units % 100),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalog::Catalog;

    fn facts(data: &Json, language: Language) -> Facts {
        let zone = data["timezone"].as_str().map_or(chrono_tz::Europe::Paris, |zone| zone.parse().unwrap());
        let mut facts = Facts::new(data, language, zone);
        facts.set("minutes", 15);
        facts.set("link", "https://parvis.example/#/parking");
        facts
    }

    /// Every text of every type of event, with each of its examples.
    fn everything() -> Vec<(String, Language, Message)> {
        let texts = Texts::load().unwrap();
        let mut written = Vec::new();
        for (_, kind) in Catalog::load().unwrap().kinds() {
            for (say, example) in kind.says().flat_map(|say| kind.examples.iter().map(move |example| (say, example))) {
                for language in Language::ALL {
                    let message = texts.message(&say.text, &facts(example, language)).unwrap();
                    written.push((say.text.clone(), language, message));
                }
            }
        }
        written
    }

    #[test]
    fn no_text_misses_a_fact_and_none_is_left_over() {
        let mut used: BTreeSet<String> = everything().into_iter().map(|(text, ..)| text).collect();
        // Written to guests and to addresses that are to be proven, not about an event of the catalog.
        used.extend(
            ["invitation.invited", "invitation.changed", "invitation.cancelled", "address.code", "foot"]
                .map(String::from),
        );
        let found: BTreeSet<String> =
            Texts::names().filter_map(|name| Some(name.split_once('/')?.1.rsplit_once('.')?.0.to_owned())).collect();
        assert_eq!(found, used);
        let parts = |language: &str| -> BTreeSet<&str> {
            Texts::names().filter_map(|name| name.strip_prefix(language)).collect()
        };
        assert_eq!(parts("fr/"), parts("en/"));
    }

    #[test]
    fn an_sms_is_one_part_and_in_the_alphabet() {
        for (text, language, message) in everything() {
            assert_eq!(sms::parts(&message.sms), 1, "{text} {language:?}: {}", message.sms);
            assert!(!message.sms.contains('\n') && !message.subject.contains('\n'), "{text}: {}", message.sms);
            assert_eq!(sms::in_gsm_alphabet(&message.sms), message.sms);
            assert!(message.sms.chars().all(|c| sms::parts(&c.to_string().repeat(71)) < 3), "{text}: {}", message.sms);
        }
    }

    #[test]
    fn texts_read_as_they_should() {
        let written: Vec<String> = everything()
            .into_iter()
            .map(|(text, language, Message { subject, sms, email })| {
                format!("== {} {text}\n{subject}\n-- sms\n{sms}\n-- email\n{email}\n", language.code())
            })
            .collect();
        insta::assert_snapshot!(written.join("\n"));
    }

    #[test]
    fn times_are_those_of_the_zone_and_lists_of_controls_make_no_lines() {
        let texts = Texts::load().unwrap();
        let data = serde_json::json!({ "at": "2026-03-29T00:30:00Z", "end": "2026-03-29T22:30:00Z", "cents": 1250 });
        let told = |zone, language, template: &str| {
            let facts = Facts::new(&data, language, zone);
            texts.environment.render_str(template, Value::from(Serde(&facts.data))).unwrap()
        };
        let paris = chrono_tz::Europe::Paris;
        assert_eq!(told(paris, Language::French, "{{ at|date }} {{ at|time }}"), "29/03/2026 01:30");
        assert_eq!(told(chrono_tz::Asia::Tokyo, Language::English, "{{ at|date }} {{ at|time }}"), "2026-03-29 09:30");
        assert_eq!(told(paris, Language::English, "{{ end|until(at) }}"), "2026-03-30 00:30");
        assert_eq!(told(Tz::UTC, Language::English, "{{ end|until(at) }}"), "22:30");
        assert_eq!(told(paris, Language::French, "{{ cents|money('EUR') }}"), "12,50 €");
        assert_eq!(one_line("a\r\nb"), "a  b");
        assert_eq!(one_line(&"é".repeat(200)).chars().count(), 99, "SNS takes less than 100");
    }
}
