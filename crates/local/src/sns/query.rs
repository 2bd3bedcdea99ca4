//! SNS's query protocol: form parameters in, XML out.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::{
    model::{Message, Refusal, Target, Texts},
    outbox::{Attribute, Attributes},
};
use crate::http::page::escape;

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The parameters of one request.
#[derive(Debug, Clone, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a form body.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// A parameter that may be absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::invalid(format!("{name} is required")))
    }

    /// The parameters below `prefix.1`, `prefix.2`, ... as lists of their own.
    #[must_use]
    pub fn members(&self, prefix: &str) -> Vec<Self> {
        let mut members = BTreeMap::<usize, Self>::new();
        for (name, value) in &self.0 {
            let Some(rest) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let (index, rest) = rest.split_once('.').unwrap_or((rest, ""));
            if let Ok(index) = index.parse() {
                members.entry(index).or_default().0.insert(rest.to_owned(), value.clone());
            }
        }
        members.into_values().collect()
    }

    /// A map as the protocol writes it (`Attributes.entry.1.key`, `.value`).
    #[must_use]
    pub fn map(&self, prefix: &str) -> BTreeMap<String, String> {
        let entries = self.members(&format!("{prefix}.entry"));
        entries
            .into_iter()
            .filter_map(|entry| Some((entry.get("key")?.to_owned(), entry.get("value")?.to_owned())))
            .collect()
    }

    /// The message of a `Publish`, or of one entry of a `PublishBatch` whose topic is given.
    ///
    /// # Errors
    /// What SNS refuses.
    pub fn message(&self, topic: Option<&str>) -> Result<Message, Refusal> {
        let target = match (topic.or(self.get("TopicArn")), self.get("TargetArn"), self.get("PhoneNumber")) {
            (Some(topic), None, None) => Target::Topic(topic.to_owned()),
            (None, Some(target), None) if target.contains(":endpoint/") => Target::Device(target.to_owned()),
            (None, Some(topic), None) => Target::Topic(topic.to_owned()),
            (None, None, Some(number)) => Target::Phone(number.to_owned()),
            _ => return Err(Refusal::invalid("exactly one of TopicArn, TargetArn and PhoneNumber is required")),
        };
        let message = Message {
            target,
            subject: self.get("Subject").map(str::to_owned),
            texts: Texts::read(self.require("Message")?.to_owned(), self.get("MessageStructure"))?,
            attributes: self.message_attributes()?,
        };
        message.check()?;
        Ok(message)
    }

    fn message_attributes(&self) -> Result<Attributes, Refusal> {
        let mut attributes = Attributes::new();
        for entry in self.members("MessageAttributes.entry") {
            let name = entry.require("Name")?.to_owned();
            let value =
                entry.get("Value.StringValue").or(entry.get("Value.BinaryValue")).unwrap_or_default().to_owned();
            attributes.insert(name, Attribute { r#type: entry.require("Value.DataType")?.to_owned(), value });
        }
        Ok(attributes)
    }
}

/// An element with text.
#[must_use]
pub fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// The answer of an action; `result` is XML.
#[must_use]
pub fn answer(action: &str, result: &str) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let xml = format!(
        r#"<{action}Response xmlns="{NAMESPACE}"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"#
    );
    xml_response(StatusCode::OK, xml)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let side = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let id = uuid::Uuid::new_v4();
        let (code, message) = (element("Code", self.code), element("Message", &self.message));
        let xml = format!(
            r#"<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{side}</Type>{code}{message}</Error><RequestId>{id}</RequestId></ErrorResponse>"#
        );
        xml_response(self.status, xml)
    }
}

fn xml_response(status: StatusCode, xml: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml")], xml).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_the_order_of_their_numbers() {
        let body: String = (1..=10).rev().map(|n| format!("Entries.member.{n}.Id=e{n}&")).collect();
        let ids: Vec<String> = Parameters::read(body.as_bytes())
            .members("Entries.member")
            .iter()
            .map(|m| m.get("Id").unwrap().into())
            .collect();
        assert_eq!(ids, ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9", "e10"]);
    }

    #[test]
    fn a_message_has_exactly_one_target() {
        let message = |form: &str| Parameters::read(form.as_bytes()).message(None);
        assert!(matches!(message("TopicArn=t&Message=m").unwrap().target, Target::Topic(_)));
        assert!(matches!(
            message("TargetArn=arn:aws:sns:r:a:endpoint/GCM/x/y&Message=m").unwrap().target,
            Target::Device(_)
        ));
        assert!(message("TopicArn=t&PhoneNumber=%2B33639980002&Message=m").is_err());
        assert!(message("Message=m").is_err());
    }
}
