//! Typed access to the fields of a payload, with a typed refusal for each way in which they can be wrong.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::message::Percent;
use crate::plate::{Plate, PlateHash, SeenPlate};
use crate::refusal::{Refusal, RefusalCode};
use crate::timestamp;

/// The largest integer that every JSON implementation keeps exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// A payload's JSON object.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(payload) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refusal::new(RefusalCode::NotAnObject, "the payload is JSON but not an object")),
            // The parser's message holds a position and an expectation, never the content.
            Err(error) => Err(Refusal::new(RefusalCode::NotJson, error.to_string())),
        }
    }

    /// A field that is there and not null.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&Value, Refusal> {
        self.get(name).ok_or_else(|| Refusal::new(RefusalCode::MissingField, format!("`{name}` is required")))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| bad_field(name, "a text"))).transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.get(name).map(|value| value.as_bool().ok_or_else(|| bad_field(name, "true or false"))).transpose()
    }

    /// A whole number from 0 to `max`.
    pub(crate) fn whole(&self, name: &str, max: u64) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = value.as_f64().ok_or_else(|| bad_field(name, "a number"))?;
        value
            .as_u64()
            .or_else(|| whole_float(number))
            .filter(|whole| *whole <= max)
            .map(Some)
            .ok_or_else(|| out_of_range(name, &format!("a whole number from 0 to {max}")))
    }

    pub(crate) fn sequence(&self) -> Result<Option<u64>, Refusal> {
        self.whole("sequence", MAX_SAFE_INTEGER)
    }

    /// A cumulative count.
    pub(crate) fn cumulative(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.whole(name, MAX_SAFE_INTEGER)
    }

    /// A number from 0 to 1, as whole percent.
    pub(crate) fn confidence(&self) -> Result<Option<u8>, Refusal> {
        let confidence = self.ranged("confidence", 1.0)?;
        Ok(confidence.map(|c| rounded_percent(c * 100.0)))
    }

    /// A number from 0 to 100, as whole percent.
    pub(crate) fn battery(&self) -> Result<Option<u8>, Refusal> {
        Ok(self.ranged("battery", 100.0)?.map(rounded_percent))
    }

    /// A number from 0 to 100, to the hundredth.
    pub(crate) fn percent(&self, name: &str) -> Result<Option<Percent>, Refusal> {
        Ok(self.ranged(name, 100.0)?.and_then(Percent::new))
    }

    fn ranged(&self, name: &str, max: f64) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = value.as_f64().ok_or_else(|| bad_field(name, "a number"))?;
        if (0.0..=max).contains(&number) {
            Ok(Some(number))
        } else {
            Err(out_of_range(name, &format!("a number from 0 to {max}")))
        }
    }

    /// The plate, or the hash that stands for it in a message that was refused and comes again.
    pub(crate) fn plate(&self) -> Result<SeenPlate, Refusal> {
        let bad = |detail| Refusal::new(RefusalCode::BadField, detail);
        if let Some(hash) = self.text("plate_hash")? {
            let hash =
                PlateHash::try_from(hash.to_owned()).map_err(|_| bad("`plate_hash` is not 64 hexadecimal digits"))?;
            return Ok(SeenPlate::Hashed(hash));
        }
        self.required("plate")?;
        let plate = self.text("plate")?.and_then(Plate::normalise);
        plate.map(SeenPlate::Clear).ok_or_else(|| bad("`plate` holds no letter or digit, or more than 16"))
    }

    /// The message's `timestamp`: a text, or milliseconds since the epoch.
    pub(crate) fn timestamp(&self, zone: Tz, received_at: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
        match self.required("timestamp")? {
            Value::String(text) => timestamp::read(text, zone, received_at),
            Value::Number(number) => {
                // Some clients write their milliseconds as a float; the fraction is below our resolution.
                let millis = number.as_i64().or_else(|| number.as_f64().map(|float| float as i64));
                timestamp::from_millis(millis.unwrap_or(i64::MAX), received_at)
            }
            _ => Err(Refusal::new(RefusalCode::BadTimestamp, "neither a text nor a number")),
        }
    }
}

/// A float such as `12.0` as the whole number that it is.
fn whole_float(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..9.0e15).contains(&number)).then_some(number as u64)
}

fn rounded_percent(percent: f64) -> u8 {
    percent.round() as u8
}

fn bad_field(name: &str, expected: &str) -> Refusal {
    Refusal::new(RefusalCode::BadField, format!("`{name}` is not {expected}"))
}

fn out_of_range(name: &str, expected: &str) -> Refusal {
    Refusal::new(RefusalCode::NumberOutOfRange, format!("`{name}` is not {expected}"))
}
