//! SNS: SMS and push to one address, and the topic.

use std::collections::BTreeMap;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::{Builder, retry::RetryConfig};
use aws_sdk_sns::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use parvis_kit::telemetry::chain;
use parvis_mailroom::Unreachable;
use parvis_notices::Letter;
use serde_json::{Value, json};

use crate::delivery::Answer;

/// Answers of SNS that another attempt will not change.
const NEVER: [&str; 6] =
    ["InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "NotFound", "EndpointDisabled", "OptedOut"];
/// Those of them that are about the address, and what they say of it.
const ADDRESS: [(&str, Unreachable); 3] =
    [("NotFound", Unreachable::Nobody), ("EndpointDisabled", Unreachable::Nobody), ("OptedOut", Unreachable::Unwanted)];

/// Publishes.
#[derive(Clone, Debug)]
pub struct Sns {
    client: Client,
    topic: String,
    /// Name that phones show, where the country allows it.
    sender: Option<String>,
}

impl Sns {
    /// Publishes to phones, devices and `topic`, once for each claim of a letter: an attempt whose answer does not come in time may have
    /// been taken, and the SDK would send it again at once. The queue tries again.
    #[must_use]
    pub fn new(config: Builder, topic: String, sender: Option<String>) -> Self {
        let client = Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
        Self { client, topic, sender }
    }

    /// An SMS. Transactional: these are sent for a moment, not for advertising.
    pub async fn text(&self, number: &str, letter: &Letter) -> Answer {
        let message = self.client.publish().phone_number(number).message(&letter.body);
        let message = with(message, "AWS.SNS.SMS.SMSType", "Transactional");
        let message = match &self.sender {
            Some(sender) => with(message, "AWS.SNS.SMS.SenderID", sender),
            None => message,
        };
        answer(message.send().await.map(drop), true)
    }

    /// A push, in the forms of Apple and Google.
    pub async fn push(&self, endpoint: &str, link: Option<&str>, letter: &Letter) -> Answer {
        let forms = push_forms(letter, link);
        let message = self.client.publish().target_arn(endpoint).message_structure("json").message(forms.to_string());
        answer(message.send().await.map(drop), true)
    }

    /// To whoever has subscribed to the topic, in the form of their protocol.
    pub async fn broadcast(&self, sms: &str, attributes: &BTreeMap<String, String>, letter: &Letter) -> Answer {
        let forms = json!({ "default": letter.body, "email": letter.body, "sms": sms });
        let mut message = self.client.publish().topic_arn(&self.topic).subject(&letter.subject);
        message = message.message_structure("json").message(forms.to_string());
        for (name, value) in attributes {
            message = with(message, name, value);
        }
        answer(message.send().await.map(drop), false)
    }
}

/// A push as each platform wants it. Google's data is a map of strings, in which null has no place.
fn push_forms(letter: &Letter, link: Option<&str>) -> Value {
    let alert = json!({ "title": letter.subject, "body": letter.body });
    let (mut apple, mut google) = (json!({ "aps": { "alert": alert } }), json!({ "notification": alert }));
    if let Some(link) = link {
        apple["link"] = link.into();
        google["data"] = json!({ "link": link });
    }
    let (apple, google) = (apple.to_string(), google.to_string());
    json!({ "default": letter.body, "APNS": apple, "APNS_SANDBOX": apple, "GCM": google })
}

fn with(message: PublishFluentBuilder, name: &str, value: &str) -> PublishFluentBuilder {
    // Building fails only without a data type.
    match MessageAttributeValue::builder().data_type("String").string_value(value).build() {
        Ok(value) => message.message_attributes(name, value),
        Err(_) => message,
    }
}

fn answer(published: Result<(), SdkError<PublishError>>, to_one: bool) -> Answer {
    let error = match published {
        Ok(()) => return Answer::Taken,
        Err(error) => error,
    };
    // The code's name ends with `Exception` in some of SNS's answers.
    let code = error
        .as_service_error()
        .and_then(|error| error.code())
        .map(|code| code.trim_end_matches("Exception").to_owned());
    match code {
        Some(code) if NEVER.contains(&code.as_str()) => {
            let address = ADDRESS.iter().find(|(known, _)| to_one && *known == code).map(|(_, why)| *why);
            Answer::Never { reason: format!("SNS: {code}"), address }
        }
        Some(code) => Answer::NotNow(format!("SNS: {code}")),
        None => {
            tracing::warn!(error = %chain(&error), "SNS gave no answer");
            Answer::NotNow("SNS gave no answer".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_data_is_a_map_of_strings() {
        let batch = include_str!("../../../events/deliver/letters.json");
        let batch: Value = serde_json::from_str(batch).unwrap();
        let letter: Letter = serde_json::from_str(batch["Records"][0]["body"].as_str().unwrap()).unwrap();
        let read = |link, form: &str| -> Value {
            serde_json::from_str(push_forms(&letter, link)[form].as_str().unwrap()).unwrap()
        };
        assert_eq!(read(Some("https://p.example/#/pay"), "GCM")["data"], json!({ "link": "https://p.example/#/pay" }));
        assert_eq!(read(Some("https://p.example/#/pay"), "APNS")["link"], "https://p.example/#/pay");
        for form in ["GCM", "APNS", "APNS_SANDBOX"] {
            assert!(!read(None, form).to_string().contains("null"), "{form}");
        }
    }
}
