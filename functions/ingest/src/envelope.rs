//! The body of a message on the ingest queue, as the IoT rules of the template make it.
//!
//! ```json
//! {"payload": "eyJzdGF0dXMiOi4uLn0=", "topic": "parking/Zone_A/place_3", "received_at": 1768730400000, "client_id": "sensor-3"}
//! ```

use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use parvis_parking::{RawMessage, Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

/// Receipt times from 2000-01-01 to 2200-01-01, in milliseconds: another one is no clock's, and reckoning with it would leave the range
/// of times.
const RECEIVED: Range<i64> = 946_684_800_000..7_258_118_400_000;

/// A device message on its way from the broker to the live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The MQTT topic.
    pub topic: String,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// When the broker received it.
    pub received_at: DateTime<Utc>,
    /// The MQTT client that sent it.
    pub client_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    /// Base64, so that bytes that are not JSON, or not even text, survive. Absent for an empty payload.
    #[serde(default)]
    payload: String,
    topic: String,
    /// Milliseconds since the epoch.
    received_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
}

impl Envelope {
    /// Reads a queue's body.
    ///
    /// # Errors
    /// [`RefusalCode::BadEnvelope`].
    pub fn read(body: &str) -> Result<Self, Refusal> {
        let bad = |detail: String| Refusal::new(RefusalCode::BadEnvelope, detail);
        let wire: Wire = serde_json::from_str(body).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            payload: BASE64_STANDARD.decode(&wire.payload).map_err(|error| bad(error.to_string()))?,
            topic: wire.topic,
            received_at: Some(wire.received_at)
                .filter(|millis| RECEIVED.contains(millis))
                .and_then(DateTime::from_timestamp_millis)
                .ok_or_else(|| bad("`received_at` is out of range".to_owned()))?,
            client_id: wire.client_id,
        })
    }

    /// The queue's body again.
    #[must_use]
    pub fn to_body(&self) -> String {
        let wire = Wire {
            payload: BASE64_STANDARD.encode(&self.payload),
            topic: self.topic.clone(),
            received_at: self.received_at.timestamp_millis(),
            client_id: self.client_id.clone(),
        };
        // Texts and a number: nothing in it can fail to serialise.
        serde_json::to_string(&wire).unwrap_or_else(|_| unreachable!())
    }

    /// The message within.
    #[must_use]
    pub fn message(&self) -> RawMessage<'_> {
        RawMessage { topic: &self.topic, payload: &self.payload, received_at: self.received_at }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rules_body_is_read() {
        let envelope = Envelope::read(
            r#"{"payload":"eyJhIjoxfQ==","topic":"parking/Zone_A/place_3","received_at":1768730400000,"client_id":"s-3"}"#,
        )
        .unwrap();
        assert_eq!(envelope.payload, br#"{"a":1}"#);
        assert_eq!(envelope.received_at, "2026-01-18T10:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(envelope.client_id.as_deref(), Some("s-3"));
    }

    #[test]
    fn an_empty_payload_is_a_payload() {
        let envelope = Envelope::read(r#"{"topic":"a","received_at":1768730400000}"#).unwrap();
        assert_eq!((envelope.payload, envelope.client_id), (vec![], None));
    }

    #[test]
    fn another_body_is_no_envelope() {
        for body in [
            "",
            "{}",
            r#"{"payload":"?","topic":"a","received_at":1768730400000}"#,
            r#"{"payload":"","topic":"a","received_at":0}"#,
            // The greatest that chrono knows: five minutes later there is no time.
            r#"{"payload":"","topic":"a","received_at":8210266876799999}"#,
            r#"{"payload":"","topic":"a","received_at":-1}"#,
            r#"{"payload":"","topic":"a","received_at":9223372036854775807}"#,
            r#"{"payload":"","topic":"a","received_at":"now"}"#,
        ] {
            assert_eq!(Envelope::read(body).unwrap_err().code, RefusalCode::BadEnvelope, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_receipt_is_read_or_refused(millis: i64) {
            let body = format!(r#"{{"topic":"parking/a/place_1","received_at":{millis}}}"#);
            prop_assert_eq!(Envelope::read(&body).is_ok(), RECEIVED.contains(&millis));
        }

        #[test]
        fn any_message_survives(
            topic in "\\PC{0,40}",
            payload: Vec<u8>,
            millis in RECEIVED,
            client_id: Option<String>,
        ) {
            let received_at = DateTime::from_timestamp_millis(millis).unwrap();
            let envelope = Envelope { topic, payload, received_at, client_id };
            prop_assert_eq!(Envelope::read(&envelope.to_body()).unwrap(), envelope);
        }
    }
}
