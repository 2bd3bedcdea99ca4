//! The way to mailboxes: SES.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};
use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::MimePart;
use parvis_booking::calendar::Method;

use crate::invitations::Mail;

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
}

impl Mailer {
    /// Sends from `from`, an address or domain that SES has verified.
    #[must_use]
    pub fn new(client: Client, from: String) -> Self {
        Self { client, from }
    }

    /// The sender's address.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Sends one.
    ///
    /// # Errors
    /// See [`MailError`].
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let raw = RawMessage::builder().data(Blob::new(self.message(mail)?)).build()?;
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(&mail.to.email).build())
            .content(EmailContent::builder().raw(raw).build())
            .send()
            .await;
        sent.map(drop).map_err(|error| MailError::Send(Box::new(error)))
    }

    /// The message as RFC 5322: text, and the invitation as the alternative that calendars choose.
    fn message(&self, mail: &Mail) -> std::io::Result<Vec<u8>> {
        let method = match mail.method {
            Method::Cancel => "CANCEL",
            Method::Request | Method::Publish => "REQUEST",
        };
        let calendar = ContentType::new("text/calendar").attribute("charset", "utf-8").attribute("method", method);
        let parts =
            vec![MimePart::new("text/plain", mail.text.as_str()), MimePart::new(calendar, mail.calendar.as_str())];
        MessageBuilder::new()
            .from(("Parvis", self.from.as_str()))
            .to((mail.to.name.as_str(), mail.to.email.as_str()))
            .subject(mail.subject.as_str())
            .body(MimePart::new("multipart/alternative", parts))
            .write_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use parvis_booking::calendar::Person;

    use super::*;

    #[test]
    fn a_calendar_finds_its_part_and_a_name_cannot_add_headers() {
        let config = aws_sdk_sesv2::Config::builder().behavior_version_latest().build();
        let mailer = Mailer::new(Client::from_conf(config), "noreply@parvis.example".to_owned());
        let mail = Mail {
            to: Person { name: "Élise\r\nBcc: all@example.org".to_owned(), email: "elise@example.org".to_owned() },
            subject: "Invitation : Point projet".to_owned(),
            text: "Vous êtes invité".to_owned(),
            calendar: "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n".to_owned(),
            method: Method::Request,
        };
        let message = String::from_utf8(mailer.message(&mail).unwrap()).unwrap();
        let head = message.split("\r\n\r\n").next().unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc:")), "{head}");
        assert!(head.contains("multipart/alternative"), "{head}");
        assert!(message.contains("text/calendar") && message.contains("method="), "{message}");
    }
}
