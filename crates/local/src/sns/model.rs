//! Messages, subscriptions and what SNS refuses about them.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::outbox::{Attribute, Attributes};
use crate::mappings::Filters;

/// Largest message, attributes included.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;
const MAX_SUBJECT_CHARACTERS: usize = 100;

/// A refusal as SNS puts it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// The code that SDKs turn into an error type.
    pub code: &'static str,
    /// Text for people.
    pub message: String,
}

impl Refusal {
    /// `InvalidParameter`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "InvalidParameter",
            message: format!("Invalid parameter: {}", message.into()),
        }
    }

    /// Another client error.
    pub fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    /// `NotFound`.
    pub fn not_found(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "NotFound", message: format!("{what} does not exist") }
    }

    /// `Throttling`, on request only; SDKs retry it by themselves, up to their limit.
    #[must_use]
    pub fn throttled() -> Self {
        Self::client("Throttling", "Rate exceeded")
    }

    /// `InternalError`; the reason goes to the log.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "SNS failed");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "InternalError", message: "Internal error".into() }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A topic, by ARN.
    Topic(String),
    /// A phone number.
    Phone(String),
    /// A device, by the ARN of its platform endpoint.
    Device(String),
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub target: Target,
    /// Subject of e-mails.
    pub subject: Option<String>,
    /// The text for each protocol.
    pub texts: Texts,
    /// Attributes.
    pub attributes: Attributes,
}

/// A message's text: one for all, or one per protocol (`MessageStructure=json`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    default: String,
    by_protocol: Map<String, Value>,
}

impl Texts {
    /// Reads a message as published.
    ///
    /// # Errors
    /// The structure is neither absent nor `json`, or the JSON has no `default` text.
    pub fn read(message: String, structure: Option<&str>) -> Result<Self, Refusal> {
        match structure {
            None | Some("") => Ok(Self { default: message, by_protocol: Map::new() }),
            Some("json") => {
                let parsed: Result<Map<String, Value>, _> = serde_json::from_str(&message);
                let by_protocol =
                    parsed.map_err(|_| Refusal::invalid("Message Structure - JSON message body failed to parse"))?;
                let default = by_protocol.get("default").and_then(Value::as_str);
                let default = default
                    .ok_or_else(|| Refusal::invalid("Message Structure - No default entry in JSON message body"))?
                    .to_owned();
                Ok(Self { default, by_protocol })
            }
            Some(_) => Err(Refusal::invalid("MessageStructure")),
        }
    }

    /// The text for a protocol.
    #[must_use]
    pub fn for_protocol(&self, protocol: &str) -> &str {
        self.by_protocol.get(protocol).and_then(Value::as_str).unwrap_or(&self.default)
    }

    /// The text for whoever has none of its own.
    #[must_use]
    pub fn default(&self) -> &str {
        &self.default
    }
}

impl Message {
    /// Checks what SNS checks.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.texts.default.is_empty() {
            return Err(Refusal::invalid("Empty message"));
        }
        if let Some(subject) = &self.subject
            && (subject.is_empty()
                || subject.chars().count() > MAX_SUBJECT_CHARACTERS
                || subject.chars().any(char::is_control))
        {
            return Err(Refusal::invalid("Subject"));
        }
        if let Target::Phone(number) = &self.target
            && !is_e164(number)
        {
            return Err(Refusal::invalid(format!("PhoneNumber Reason: {number} is not valid to publish to")));
        }
        for (name, attribute) in &self.attributes {
            check_attribute(name, attribute)?;
        }
        let attributes: usize =
            self.attributes.iter().map(|(name, value)| name.len() + value.r#type.len() + value.value.len()).sum();
        let texts: usize = self
            .texts
            .by_protocol
            .values()
            .filter_map(Value::as_str)
            .map(str::len)
            .sum::<usize>()
            .max(self.texts.default.len());
        if texts + attributes > MAX_MESSAGE_BYTES {
            return Err(Refusal::invalid("Message too long"));
        }
        Ok(())
    }
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), Refusal> {
    let base = attribute.r#type.split('.').next().unwrap_or_default();
    if !matches!(base, "String" | "Number" | "Binary") {
        return Err(Refusal::client(
            "ParameterValueInvalid",
            format!("The message attribute '{name}' has an invalid message attribute type"),
        ));
    }
    if attribute.value.is_empty() {
        return Err(Refusal::client(
            "ParameterValueInvalid",
            format!("The message attribute '{name}' must contain a non-empty value"),
        ));
    }
    if base == "Number" && attribute.value.parse::<f64>().is_err() {
        return Err(Refusal::client(
            "ParameterValueInvalid",
            format!("Could not cast message attribute '{name}' value to number"),
        ));
    }
    Ok(())
}

/// `+` and up to fifteen digits.
fn is_e164(number: &str) -> bool {
    number
        .strip_prefix('+')
        .is_some_and(|digits| (4..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// How a subscriber is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Text message.
    Sms,
    /// E-mail.
    Email,
    /// E-mail with the message in its JSON envelope.
    EmailJson,
    /// A function.
    Lambda,
    /// A queue.
    Sqs,
}

impl Protocol {
    /// Reads SNS's name of a protocol.
    ///
    /// # Errors
    /// `InvalidParameter` for what does not exist and what the local stack does not have.
    pub fn read(name: &str) -> Result<Self, Refusal> {
        match name {
            "sms" => Ok(Self::Sms),
            "email" => Ok(Self::Email),
            "email-json" => Ok(Self::EmailJson),
            "lambda" => Ok(Self::Lambda),
            "sqs" => Ok(Self::Sqs),
            "http" | "https" | "application" | "firehose" => Err(Refusal::invalid(format!(
                "Protocol Reason: the local stack does not deliver to {name} subscriptions"
            ))),
            _ => Err(Refusal::invalid(format!("Amazon SNS does not support this protocol string: {name}"))),
        }
    }

    /// SNS's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::EmailJson => "email-json",
            Self::Lambda => "lambda",
            Self::Sqs => "sqs",
        }
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its ARN.
    pub arn: String,
    /// The topic's ARN.
    pub topic: String,
    /// How the subscriber is reached.
    pub protocol: Protocol,
    /// Where.
    pub endpoint: String,
    /// Which messages it gets.
    pub filter: Option<Value>,
    /// Whether the filter looks at the body instead of the attributes.
    pub filter_body: bool,
    /// Whether the text arrives without an envelope (queues).
    pub raw: bool,
}

impl Subscription {
    /// Whether the filter lets the message pass. A filter that cannot be read lets nothing pass; it was refused when it
    /// was made.
    #[must_use]
    pub fn wants(&self, message: &Message) -> bool {
        let Some(policy) = &self.filter else { return true };
        let Ok(filters) = Filters::parse(std::slice::from_ref(policy)) else { return false };
        if self.filter_body {
            return serde_json::from_str::<Value>(message.texts.for_protocol(self.protocol.name()))
                .is_ok_and(|body| filters.accept(&body));
        }
        filters.accept(&attributes_as_json(&message.attributes))
    }
}

/// Checks a filter policy when a subscription is made.
///
/// # Errors
/// `InvalidParameter`, naming what is not supported.
pub fn check_filter(policy: &Value) -> Result<(), Refusal> {
    match Filters::parse(std::slice::from_ref(policy)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::invalid(format!("FilterPolicy: {error}"))),
    }
}

/// The attributes as the object that filter policies are written against. Binary attributes cannot be filtered on.
fn attributes_as_json(attributes: &Attributes) -> Value {
    let value = |attribute: &Attribute| match attribute.r#type.as_str() {
        "String.Array" => serde_json::from_str(&attribute.value).ok(),
        kind if kind.starts_with("Number") => attribute.value.parse::<f64>().ok().map(Value::from),
        kind if kind.starts_with("Binary") => None,
        _ => Some(Value::from(attribute.value.as_str())),
    };
    attributes
        .iter()
        .filter_map(|(name, attribute)| Some((name.clone(), value(attribute)?)))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(attributes: &[(&str, &str, &str)], body: &str) -> Message {
        let attribute = |kind: &str, value: &str| Attribute { r#type: kind.into(), value: value.into() };
        Message {
            target: Target::Topic("t".into()),
            subject: None,
            texts: Texts::read(body.into(), None).unwrap(),
            attributes: attributes
                .iter()
                .map(|(name, kind, value)| ((*name).to_owned(), attribute(kind, value)))
                .collect(),
        }
    }

    fn subscription(filter: Value, filter_body: bool) -> Subscription {
        Subscription {
            arn: "s".into(),
            topic: "t".into(),
            protocol: Protocol::Sms,
            endpoint: "+33639980002".into(),
            filter: Some(filter),
            filter_body,
            raw: false,
        }
    }

    #[test]
    fn policies_look_at_attributes_or_at_the_body() {
        let busy = message(
            &[
                ("level", "String", "busy"),
                ("rate", "Number", "71.5"),
                ("zones", "String.Array", r#"["Zone_A","Zone_B"]"#),
            ],
            r#"{"level":"saturated"}"#,
        );
        for (policy, body, passes) in [
            (json!({ "level": ["busy", "saturated"] }), false, true),
            (json!({ "level": ["saturated"] }), false, false),
            (json!({ "level": ["saturated"] }), true, true),
            (json!({ "rate": [{ "numeric": [">=", 70, "<", 85] }] }), false, true),
            (json!({ "rate": [{ "numeric": [">=", 85] }] }), false, false),
            (json!({ "zones": ["Zone_B"] }), false, true),
            (json!({ "missing": [{ "exists": false }] }), false, true),
            (json!({ "level": ["busy"], "missing": ["x"] }), false, false),
        ] {
            assert_eq!(subscription(policy.clone(), body).wants(&busy), passes, "{policy}");
        }
    }

    #[test]
    fn texts_per_protocol_need_a_default() {
        let texts = Texts::read(json!({ "default": "long", "sms": "short" }).to_string(), Some("json")).unwrap();
        assert_eq!((texts.for_protocol("sms"), texts.for_protocol("email")), ("short", "long"));
        for (text, structure) in [(r#"{"sms":"x"}"#, "json"), ("text", "json"), ("text", "xml")] {
            assert_eq!(Texts::read(text.into(), Some(structure)).unwrap_err().code, "InvalidParameter");
        }
    }

    #[test]
    fn what_sns_would_refuse_is_refused() {
        let good = message(&[], "hello");
        assert_eq!(good.check(), Ok(()));
        let with = |change: fn(&mut Message)| {
            let mut message = good.clone();
            change(&mut message);
            message.check().unwrap_err().code
        };
        assert_eq!(with(|m| m.subject = Some("two\nlines".into())), "InvalidParameter");
        assert_eq!(with(|m| m.subject = Some("x".repeat(101))), "InvalidParameter");
        assert_eq!(with(|m| m.target = Target::Phone("0639980002".into())), "InvalidParameter");
        assert_eq!(with(|m| m.texts = Texts::read(String::new(), None).unwrap()), "InvalidParameter");
        assert_eq!(
            with(|m| m.texts = Texts::read("x".repeat(MAX_MESSAGE_BYTES + 1), None).unwrap()),
            "InvalidParameter"
        );
        let number = |m: &mut Message| {
            drop(m.attributes.insert("n".into(), Attribute { r#type: "Number".into(), value: "many".into() }))
        };
        assert_eq!(with(number), "ParameterValueInvalid");
    }
}
