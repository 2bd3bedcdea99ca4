//! What lies on the dead-letter queue, whoever put it there.
//!
//! Three hands do: ingest, with the envelope that it could not accept and the reason in attributes; the queue itself,
//! with the same envelope and no attributes, after too many failed attempts; and the error action of an IoT rule, with
//! AWS's own envelope. [`DeadLetter::read`] understands all of them, and anything else too, since somebody has to look
//! at it.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use parvis_parking::RefusalCode;
use serde::Deserialize;

use crate::envelope::Envelope;

/// Attribute: the [`RefusalCode`].
pub const REASON: &str = "reason";
/// Attribute: what exactly is wrong.
pub const DETAIL: &str = "detail";
/// Attribute: the message's id on the ingest queue.
pub const MESSAGE_ID: &str = "message_id";
/// Attribute: when it was refused, RFC 3339.
pub const REFUSED_AT: &str = "refused_at";

/// Reason of messages that the queue moved away after too many attempts.
pub const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";
/// Reason of messages that a rule could not put into the ingest queue.
pub const RULE_ERROR: &str = "rule_error";

/// A message on the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The MQTT topic, if the entry names one.
    pub topic: Option<String>,
    /// The payload, byte for byte; the whole body of an entry that is no known envelope.
    pub payload: Vec<u8>,
    /// Why it lies here: a [`RefusalCode`], [`TOO_MANY_ATTEMPTS`] or [`RULE_ERROR`].
    pub reason: String,
    /// What exactly is wrong.
    pub detail: String,
    /// When the broker received it, if the entry says so.
    pub received_at: Option<DateTime<Utc>>,
    /// When ingest refused it.
    pub refused_at: Option<DateTime<Utc>>,
    /// The MQTT client that sent it.
    pub client_id: Option<String>,
}

/// What AWS IoT sends to an error action.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleError {
    rule_name: String,
    topic: String,
    base64_original_payload: String,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    failures: Vec<RuleFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleFailure {
    #[serde(default)]
    failed_action: String,
    #[serde(default)]
    error_message: String,
}

impl DeadLetter {
    /// Reads an entry from its body and its string attributes. Never fails: an unknown body is its own payload.
    #[must_use]
    pub fn read(body: &str, attributes: &HashMap<String, String>) -> Self {
        let envelope = match Envelope::read(body) {
            Ok(envelope) => envelope,
            Err(refusal) => {
                return Self::of_rule_error(body).unwrap_or_else(|| Self::unknown(body, attributes, refusal.detail));
            }
        };
        let attribute = |name| attributes.get(name).cloned();
        Self {
            topic: Some(envelope.topic),
            payload: envelope.payload,
            reason: attribute(REASON).unwrap_or_else(|| TOO_MANY_ATTEMPTS.to_owned()),
            detail: attribute(DETAIL)
                .unwrap_or_else(|| "ingest failed every time, most likely because a store was away".to_owned()),
            received_at: Some(envelope.received_at),
            refused_at: refused_at(attributes),
            client_id: envelope.client_id,
        }
    }

    fn of_rule_error(body: &str) -> Option<Self> {
        let error: RuleError = serde_json::from_str(body).ok()?;
        let payload = BASE64_STANDARD.decode(&error.base64_original_payload).ok()?;
        let failures: Vec<_> = error
            .failures
            .iter()
            .map(|failure| format!("{}: {}", failure.failed_action, failure.error_message))
            .collect();
        Some(Self {
            topic: Some(error.topic),
            payload,
            reason: RULE_ERROR.to_owned(),
            detail: format!("rule {}: {}", error.rule_name, failures.join("; ")),
            received_at: None,
            refused_at: None,
            client_id: error.client_id,
        })
    }

    fn unknown(body: &str, attributes: &HashMap<String, String>, detail: String) -> Self {
        Self {
            topic: None,
            payload: body.as_bytes().to_vec(),
            reason: attributes.get(REASON).cloned().unwrap_or_else(|| RefusalCode::BadEnvelope.as_str().to_owned()),
            detail: attributes.get(DETAIL).cloned().unwrap_or(detail),
            received_at: None,
            refused_at: refused_at(attributes),
            client_id: None,
        }
    }

    /// The body with which the message goes into the ingest queue once more; `None` without a topic, since nothing would
    /// become of it.
    ///
    /// It keeps its receipt time, so that its timestamp is read as it would have been. `sent_at` stands for it in
    /// entries that do not tell, such as a rule's: the time at which they came onto the dead-letter queue.
    #[must_use]
    pub fn to_ingest_body(&self, sent_at: DateTime<Utc>) -> Option<String> {
        let envelope = Envelope {
            topic: self.topic.clone()?,
            payload: self.payload.clone(),
            received_at: self.received_at.unwrap_or(sent_at),
            client_id: self.client_id.clone(),
        };
        Some(envelope.to_body())
    }
}

fn refused_at(attributes: &HashMap<String, String>) -> Option<DateTime<Utc>> {
    attributes.get(REFUSED_AT)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn sent_at() -> DateTime<Utc> {
        "2026-01-18T11:00:00Z".parse().unwrap()
    }

    const ENVELOPE: &str =
        r#"{"payload":"eyI=","topic":"parking/Zone_A/place_3","received_at":1768730400000,"client_id":"s-3"}"#;

    #[test]
    fn a_refused_message_goes_back_as_it_came() {
        let letter = DeadLetter::read(
            ENVELOPE,
            &attributes(&[(REASON, "not_json"), (DETAIL, "EOF"), (REFUSED_AT, "2026-01-18T10:00:02Z")]),
        );
        assert_eq!((letter.reason.as_str(), letter.detail.as_str()), ("not_json", "EOF"));
        assert_eq!(letter.payload, b"{\"");
        assert_eq!(letter.refused_at, Some("2026-01-18T10:00:02Z".parse().unwrap()));
        assert_eq!(letter.to_ingest_body(sent_at()).unwrap(), ENVELOPE);
    }

    #[test]
    fn what_the_queue_moved_has_no_attributes() {
        let letter = DeadLetter::read(ENVELOPE, &HashMap::new());
        assert_eq!(letter.reason, TOO_MANY_ATTEMPTS);
        assert_eq!(letter.to_ingest_body(sent_at()).unwrap(), ENVELOPE);
    }

    #[test]
    fn a_rules_error_is_read_and_can_go_back() {
        // The form that the AWS IoT developer guide documents for error actions.
        let body = r#"{
            "ruleName": "parvis_prod_zone_messages", "topic": "parking/Zone_A/place_3",
            "cloudwatchTraceId": "7e146a2c-95b5-6caf-98b9-50e3969734c7", "clientId": "s-3",
            "base64OriginalPayload": "eyJhIjoxfQ==",
            "failures": [{"failedAction": "SqsAction", "failedResource": "ingest", "errorMessage": "access denied"}]
        }"#;
        let letter = DeadLetter::read(body, &HashMap::new());
        assert_eq!(letter.reason, RULE_ERROR);
        assert_eq!(letter.detail, "rule parvis_prod_zone_messages: SqsAction: access denied");
        let again = Envelope::read(&letter.to_ingest_body(sent_at()).unwrap()).unwrap();
        assert_eq!(again.topic, "parking/Zone_A/place_3");
        assert_eq!(again.payload, br#"{"a":1}"#);
        assert_eq!(again.received_at, sent_at());
    }

    #[test]
    fn anything_else_is_shown_and_stays() {
        let letter = DeadLetter::read("what is this", &HashMap::new());
        assert_eq!((letter.payload.as_slice(), letter.reason.as_str()), (b"what is this".as_slice(), "bad_envelope"));
        assert_eq!(letter.to_ingest_body(sent_at()), None);
    }
}
