//! The way to mailboxes: SES.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::{Builder, retry::RetryConfig};
use aws_sdk_sesv2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination as Recipients, EmailContent, RawMessage};
use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;
use parvis_notices::{Destination, Letter};

use crate::delivery::Answer;

/// Answers of SES that another attempt will not change: the address or the message is what it does not like.
const FOR_GOOD: [&str; 4] =
    ["BadRequestException", "MessageRejected", "NotFoundException", "MailFromDomainNotVerifiedException"];

/// Why an e-mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The message cannot be written.
    #[error("the message cannot be written")]
    Write(#[from] std::io::Error),
    /// SES does not take it, now or ever.
    #[error("SES did not take the message")]
    Send(#[source] Box<SdkError<SendEmailError>>),
    /// The message is not one for SES.
    #[error("the message is not complete")]
    Incomplete(#[from] aws_sdk_sesv2::error::BuildError),
}

impl MailError {
    /// Whether another attempt would end in the same way.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        match self {
            Self::Write(_) | Self::Incomplete(_) => true,
            Self::Send(error) => {
                error.as_service_error().and_then(|error| error.code()).is_some_and(|code| FOR_GOOD.contains(&code))
            }
        }
    }
}

/// Sends e-mails from one address.
#[derive(Clone, Debug)]
pub struct Mailer {
    client: Client,
    from: String,
    /// Tells bounces and complaints to a topic.
    configuration_set: Option<String>,
}

impl Mailer {
    /// Sends from `from`, an address or domain that SES has verified, once for each claim of a letter, as [`crate::sns::Sns`] does.
    #[must_use]
    pub fn new(config: Builder, from: String, configuration_set: Option<String>) -> Self {
        let client = Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
        Self { client, from, configuration_set }
    }

    /// Sends a letter.
    pub async fn mail(&self, letter: &Letter) -> Answer {
        match self.send(letter).await {
            Ok(()) => Answer::Taken,
            Err(error) => {
                let never = error.is_for_good();
                let reason = match &error {
                    // The code only: the words of SES name the recipient, who is nothing for a log.
                    MailError::Send(error) => {
                        let code = error.as_service_error().and_then(|error| error.code());
                        format!("SES: {}", code.unwrap_or("no answer"))
                    }
                    other => other.to_string(),
                };
                if never { Answer::Never { reason, address: None } } else { Answer::NotNow(reason) }
            }
        }
    }

    async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let raw = RawMessage::builder().data(Blob::new(self.message(letter)?)).build()?;
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .set_configuration_set_name(self.configuration_set.clone())
            .destination(Recipients::builder().to_addresses(letter.to.address()).build())
            .content(EmailContent::builder().raw(raw).build())
            .send()
            .await;
        sent.map(drop).map_err(|error| MailError::Send(Box::new(error)))
    }

    /// The message as RFC 5322: text, and an invitation as the alternative that calendars choose (RFC 6047). A reader finds the way out in
    /// the header as well (RFC 2369), and their program may take it for them (RFC 8058).
    fn message(&self, letter: &Letter) -> std::io::Result<Vec<u8>> {
        let Destination::Email { address, name, calendar, unsubscribe, one_click } = &letter.to else {
            return Err(std::io::Error::other("not a letter for a mailbox"));
        };
        let mut message = MessageBuilder::new()
            .from(("Parvis", self.from.as_str()))
            .to((name.as_deref().unwrap_or_default(), address.as_str()))
            .subject(letter.subject.as_str());
        // A program takes the first one that it can use, and posts only to a route that is made for it.
        if let Some(link) = one_click.as_ref().or(unsubscribe.as_ref()) {
            message = message.header("List-Unsubscribe", Raw::new(format!("<{link}>")));
        }
        if one_click.is_some() {
            message = message.header("List-Unsubscribe-Post", Raw::new("List-Unsubscribe=One-Click"));
        }
        let text = MimePart::new("text/plain", letter.body.as_str());
        let body = match calendar {
            None => text,
            Some(calendar) => {
                let kind = ContentType::new("text/calendar").attribute("charset", "utf-8");
                let kind = kind.attribute("method", calendar.method.as_str());
                MimePart::new("multipart/alternative", vec![text, MimePart::new(kind, calendar.text.as_str())])
            }
        };
        message.body(body).write_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use parvis_notices::Language;
    use parvis_notices::letter::Calendar;

    use super::*;

    fn written(calendar: Option<Calendar>, unsubscribe: Option<&str>, one_click: Option<&str>) -> String {
        let config = aws_sdk_sesv2::Config::builder().behavior_version_latest();
        let mailer = Mailer::new(config, "noreply@parvis.example".to_owned(), None);
        let at = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let letter = Letter {
            key: "k".to_owned(),
            at,
            useful_until: at,
            person: None,
            category: "invitations".to_owned(),
            text: "invitation.invited".to_owned(),
            language: Language::French,
            event: "e".to_owned(),
            to: Destination::Email {
                address: "elise@example.org".to_owned(),
                name: Some("Élise\r\nBcc: all@example.org".to_owned()),
                calendar,
                unsubscribe: unsubscribe.map(str::to_owned),
                one_click: one_click.map(str::to_owned),
            },
            subject: "Invitation : Point projet".to_owned(),
            body: "Vous êtes invité".to_owned(),
        };
        String::from_utf8(mailer.message(&letter).unwrap()).unwrap()
    }

    #[test]
    fn a_calendar_finds_its_part_and_a_name_cannot_add_headers() {
        let text = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n".to_owned();
        let message = written(Some(Calendar { method: "REQUEST".to_owned(), text }), None, None);
        let head = message.split("\r\n\r\n").next().unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc:")), "{head}");
        assert!(head.contains("multipart/alternative"), "{head}");
        assert!(message.contains("text/calendar") && message.contains("method="), "{message}");
    }

    #[test]
    fn the_way_out_stands_in_the_header() {
        let page = "https://parvis.example/#/unsubscribe?token=abc";
        let message = written(None, Some(page), None);
        assert!(message.contains(&format!("List-Unsubscribe: <{page}>\r\n")), "{message}");
        assert!(!message.contains("List-Unsubscribe-Post"), "nothing may be posted to a page: {message}");
        assert!(message.contains("Content-Type: text/plain"), "{message}");
        let message = written(None, Some(page), Some("https://api.example/v1/unsubscribe/abc"));
        assert!(message.contains("List-Unsubscribe: <https://api.example/v1/unsubscribe/abc>\r\n"), "{message}");
        assert!(message.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{message}");
    }
}
