//! The texts of notifications: files under `texts/<language>/<event>.<channel>.txt`.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minijinja::{Environment, UndefinedBehavior, context};
use parvis_events::alert::{Alert, CLEARED, EXPECTED, RAISED};
use parvis_events::booking::BookingChanged;

use crate::invitations::Word;

/// A language that texts exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// French.
    French,
    /// English.
    English,
}

/// A language without texts.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no texts in `{0}`; there are in `fr` and `en`")]
pub struct UnknownLanguage(String);

impl Language {
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
        match code {
            "fr" => Ok(Self::French),
            "en" => Ok(Self::English),
            other => Err(UnknownLanguage(other.to_owned())),
        }
    }
}

/// One notification in the form of each channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Subject of an e-mail, at most 100 characters as SNS demands.
    pub subject: String,
    /// SMS, one line.
    pub sms: String,
    /// E-mail body and text of every other channel.
    pub email: String,
}

/// An e-mail about a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Subject, one line.
    pub subject: String,
    /// Text.
    pub email: String,
}

/// A text that is missing or asks for a fact that the event does not have.
#[derive(Debug, thiserror::Error)]
#[error("the text {name} cannot be made")]
pub struct TextError {
    name: String,
    source: minijinja::Error,
}

/// SNS refuses longer subjects.
const SUBJECT_LIMIT: usize = 100;

macro_rules! texts {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../texts/", $name, ".txt")))),*] };
}

const TEXTS: [(&str, &str); 30] = texts![
    "fr/parking.alert.raised.subject",
    "fr/parking.alert.raised.sms",
    "fr/parking.alert.raised.email",
    "fr/parking.alert.cleared.subject",
    "fr/parking.alert.cleared.sms",
    "fr/parking.alert.cleared.email",
    "fr/parking.alert.expected.subject",
    "fr/parking.alert.expected.sms",
    "fr/parking.alert.expected.email",
    "en/parking.alert.expected.subject",
    "en/parking.alert.expected.sms",
    "en/parking.alert.expected.email",
    "en/parking.alert.raised.subject",
    "en/parking.alert.raised.sms",
    "en/parking.alert.raised.email",
    "en/parking.alert.cleared.subject",
    "en/parking.alert.cleared.sms",
    "en/parking.alert.cleared.email",
    "fr/booking.invited.subject",
    "fr/booking.invited.email",
    "fr/booking.changed.subject",
    "fr/booking.changed.email",
    "fr/booking.cancelled.subject",
    "fr/booking.cancelled.email",
    "en/booking.invited.subject",
    "en/booking.invited.email",
    "en/booking.changed.subject",
    "en/booking.changed.email",
    "en/booking.cancelled.subject",
    "en/booking.cancelled.email",
];

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
        for (name, text) in TEXTS {
            let add = environment.add_template(name, text);
            add.map_err(|source| TextError { name: name.to_owned(), source })?;
        }
        Ok(Self { environment })
    }

    /// The notification of an alert; `None` when the event's type has no texts.
    ///
    /// # Errors
    /// When a text asks for a fact that alerts do not have.
    pub fn alert(&self, kind: &str, alert: &Alert, language: Language) -> Result<Option<Message>, TextError> {
        let event = match kind {
            RAISED => "parking.alert.raised",
            CLEARED => "parking.alert.cleared",
            EXPECTED => "parking.alert.expected",
            _ => return Ok(None),
        };
        let facts = facts(alert, language);
        let text = |channel: &str| self.text(event, channel, language, &facts);
        Ok(Some(Message { subject: one_line(&text("subject")?), sms: text("sms")?, email: text("email")? }))
    }

    /// The letter to a guest of a booking.
    ///
    /// # Errors
    /// When a text asks for a fact that bookings do not have.
    pub fn booking(&self, word: Word, booking: &BookingChanged, language: Language) -> Result<Letter, TextError> {
        let timezone: Tz = booking.timezone.parse().unwrap_or(Tz::UTC);
        let local = |at: DateTime<Utc>| at.with_timezone(&timezone);
        let (start, end) = (local(booking.slot.start), local(booking.slot.end));
        let facts = context! {
            title => booking.title.clone(),
            location => booking.location.clone(),
            date => date(start, language),
            time => start.format("%H:%M").to_string(),
            until => if start.date_naive() == end.date_naive() {
                end.format("%H:%M").to_string()
            } else {
                format!("{} {}", date(end, language), end.format("%H:%M"))
            },
            timezone => timezone.name(),
        };
        let text = |channel: &str| self.text(word.name(), channel, language, &facts);
        Ok(Letter { subject: one_line(&text("subject")?), email: text("email")? })
    }

    fn text(
        &self,
        event: &str,
        channel: &str,
        language: Language,
        facts: &minijinja::Value,
    ) -> Result<String, TextError> {
        let name = format!("{}/{event}.{channel}", language.code());
        let rendered = self.environment.get_template(&name).and_then(|template| template.render(facts));
        rendered.map(|text| text.trim().to_owned()).map_err(|source| TextError { name, source })
    }
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SUBJECT_LIMIT).collect()
}

fn date(local: DateTime<Tz>, language: Language) -> String {
    let form = match language {
        Language::French => "%d/%m/%Y",
        Language::English => "%Y-%m-%d",
    };
    local.format(form).to_string()
}

fn facts(alert: &Alert, language: Language) -> minijinja::Value {
    let place = alert.place_name.as_ref().unwrap_or(&alert.place);
    let area = match alert.zone_name.as_ref().or(alert.zone.as_ref()) {
        None => place.clone(),
        Some(zone) => format!("{place}, {zone}"),
    };
    let timezone: Tz = alert.timezone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC);
    let local = alert.at.with_timezone(&timezone);
    context! {
        where => area,
        rate => whole(alert.occupancy_rate),
        threshold => whole(alert.threshold),
        occupied => alert.occupied,
        total => alert.total,
        free => alert.total.saturating_sub(alert.occupied),
        level => alert.level.as_str(),
        chance => alert.chance.map(|chance| whole(chance * 100.0)),
        date => date(local, language),
        time => local.format("%H:%M").to_string(),
        timezone => timezone.name(),
    }
}

/// Percent as people read it: whole, rounded down, so that "85 %" never stands for 84.6.
fn whole(percent: f64) -> i64 {
    percent.floor() as i64
}

#[cfg(test)]
mod tests {
    use parvis_events::alert::AlertLevel;

    use super::*;

    fn alert(level: AlertLevel) -> Alert {
        Alert {
            place: "default".into(),
            place_name: Some("Parking du Parvis".into()),
            zone: Some("Zone_A".into()),
            zone_name: Some("Zone A".into()),
            level,
            previous: "normal".into(),
            occupancy_rate: 87.5,
            occupied: 7,
            total: 8,
            threshold: 85.0,
            at: "2026-07-01T16:05:00Z".parse().unwrap(),
            chance: Some(0.75),
            timezone: Some("Europe/Paris".into()),
        }
    }

    fn message(kind: &str, language: Language) -> Message {
        Texts::load().unwrap().alert(kind, &alert(AlertLevel::Saturated), language).unwrap().unwrap()
    }

    #[test]
    fn texts_are_in_the_readers_language_and_the_places_zone() {
        insta::assert_debug_snapshot!([
            message(RAISED, Language::French),
            message(CLEARED, Language::French),
            message(EXPECTED, Language::French),
            message(RAISED, Language::English),
            message(CLEARED, Language::English),
            message(EXPECTED, Language::English),
        ]);
    }

    /// GSM 03.38 basic set, as far as our texts use it; any other letter would halve the length of an SMS.
    fn in_gsm_alphabet(c: char) -> bool {
        c.is_ascii_alphanumeric() || " .,:;!?%()/'-_+\n".contains(c) || "àéèùìòÇØøÅåÄäÖöÑñÜü".contains(c)
    }

    #[test]
    fn an_sms_fits_into_one_part() {
        for language in [Language::French, Language::English] {
            for kind in [RAISED, CLEARED, EXPECTED] {
                let sms = message(kind, language).sms;
                assert!(sms.chars().count() <= 160, "{} characters: {sms}", sms.chars().count());
                assert_eq!(sms.chars().find(|c| !in_gsm_alphabet(*c)), None, "{sms}");
            }
        }
    }

    #[test]
    fn a_place_without_names_is_called_by_its_ids() {
        let alert = Alert { place_name: None, zone_name: None, zone: None, ..alert(AlertLevel::Busy) };
        let message = Texts::load().unwrap().alert(RAISED, &alert, Language::English).unwrap().unwrap();
        assert_eq!(message.subject, "default: 87% occupied");
    }

    #[test]
    fn a_type_without_texts_is_no_error() {
        let texts = Texts::load().unwrap();
        assert_eq!(
            texts.alert("parvis.parking.alert.unheard_of", &alert(AlertLevel::Busy), Language::French).unwrap(),
            None
        );
    }
}
