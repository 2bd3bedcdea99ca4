//! Addresses and the codes that prove whose they are.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::person::Channel;

/// How long a code may be given.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(15);
/// How often one may be given wrong.
pub const CODE_TRIES: u8 = 5;

/// What is no address of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// SMS.
    #[error("a phone number in international form is wanted, such as +33612345678")]
    Phone,
    /// E-mail.
    #[error("an e-mail address is wanted")]
    Email,
    /// Push.
    #[error("the ARN of an SNS platform endpoint is wanted")]
    Push,
}

/// Why a code is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    /// No code was asked for, or it has lapsed.
    #[error("there is no code, or it has lapsed; ask for a new one")]
    Lapsed,
    /// It is another one.
    #[error("this is not the code")]
    Wrong,
    /// It was given wrong too often.
    #[error("the code was given wrong too often; ask for a new one")]
    TooOften,
}

/// A code that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// SHA-256 of address and code in hex: who reads the table cannot give it. Six digits can be tried out, within [`CODE_LIFE`].
    hash: String,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    tries: u8,
}

/// Where somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// How.
    pub channel: Channel,
    /// Number, mailbox or ARN, in its normal form.
    pub to: String,
    /// Since when it is known to be theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<DateTime<Utc>>,
    /// What its owner calls it; for devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The code that would prove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

impl Address {
    /// An address that nobody has proven yet.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(channel: Channel, to: &str) -> Result<Self, BadAddress> {
        Ok(Self { channel, to: normal(channel, to)?, verified_at: None, name: None, code: None })
    }

    /// What tells the address from others without telling it.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.channel.as_str(), self.to));
        hex::encode(digest.get(..12).unwrap_or_default())
    }

    /// Notes that `code` is sent.
    pub fn send_code(&mut self, code: &str, now: DateTime<Utc>) {
        self.code = Some(Code { hash: hash(&self.to, code), sent_at: now, tries: 0 });
    }

    /// Takes a code.
    ///
    /// # Errors
    /// [`BadCode`]; the tries are counted, so what changed has to be stored then as well.
    pub fn verify(&mut self, given: &str, now: DateTime<Utc>) -> Result<(), BadCode> {
        let code = self.code.as_mut().filter(|code| now - code.sent_at < CODE_LIFE).ok_or(BadCode::Lapsed)?;
        if code.tries >= CODE_TRIES {
            return Err(BadCode::TooOften);
        }
        if code.hash != hash(&self.to, given.trim()) {
            code.tries += 1;
            return Err(BadCode::Wrong);
        }
        self.code = None;
        self.verified_at = Some(now);
        Ok(())
    }
}

fn hash(to: &str, code: &str) -> String {
    hex::encode(Sha256::digest(format!("{to}\n{code}")))
}

/// The normal form of an address.
fn normal(channel: Channel, to: &str) -> Result<String, BadAddress> {
    let to = to.trim();
    match channel {
        Channel::Sms => phone(to).ok_or(BadAddress::Phone),
        Channel::Email => email(to).ok_or(BadAddress::Email),
        Channel::Push => endpoint(to).ok_or(BadAddress::Push),
    }
}

/// Countries whose numbers start with a 0 at home that is left out from abroad. (In Italy it belongs to the number.)
const NO_ZERO_AFTER: [&str; 6] = ["31", "32", "33", "41", "44", "49"];

/// E.164: a plus and 8 to 15 digits. People write blanks, dots, hyphens and brackets between them.
fn phone(to: &str) -> Option<String> {
    let number: String = to.chars().filter(|c| !" .-()\u{a0}\u{202f}".contains(*c)).collect();
    let digits = number.strip_prefix('+')?;
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let has_home_zero =
        NO_ZERO_AFTER.iter().any(|code| digits.strip_prefix(code).is_some_and(|rest| rest.starts_with('0')));
    (fits && !digits.starts_with('0') && !has_home_zero).then_some(number)
}

/// What can stand in an envelope: one `@`, no blank, a domain with a dot. Whether it exists is what the code is for.
fn email(to: &str) -> Option<String> {
    let (local, domain) = to.rsplit_once('@')?;
    let fits = |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let plain = |c: char| !"<>,;:\"()[]\\@".contains(c);
    let domain_fits = domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'));
    let short = to.len() <= 254 && local.len() <= 64;
    (short && fits(local) && local.chars().all(plain) && domain_fits)
        .then(|| format!("{local}@{}", domain.to_lowercase()))
}

fn endpoint(to: &str) -> Option<String> {
    let mut parts = to.splitn(6, ':');
    let arn = [parts.next()?, parts.next()?, parts.next()?];
    let is_sns = arn[0] == "arn" && arn[1].starts_with("aws") && arn[2] == "sns";
    let (_, _, resource) = (parts.next()?, parts.next()?, parts.next()?);
    (is_sns && resource.starts_with("endpoint/") && to.len() <= 256).then(|| to.to_owned())
}

/// An address as it may stand in a log: enough to recognise, not enough to write to.
#[must_use]
pub fn masked(to: &str) -> String {
    if let Some((local, domain)) = to.rsplit_once('@') {
        let first: String = local.chars().take(1).collect();
        return format!("{first}***@{domain}");
    }
    let count = to.chars().count();
    let shown = |range: std::ops::Range<usize>| to.chars().skip(range.start).take(range.len()).collect::<String>();
    if to.starts_with('+') && count > 6 {
        return format!("{}***{}", shown(0..3), shown(count - 2..count));
    }
    if to.starts_with("arn:") { format!("***{}", shown(count.saturating_sub(4)..count)) } else { to.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn addresses_are_kept_in_one_form() {
        let to = |channel, text| Address::new(channel, text).map(|address| address.to);
        assert_eq!(to(Channel::Sms, " +33 6 12-34.56 (78)").unwrap(), "+33612345678");
        for bad in ["0612345678", "+0612345678", "+330612345678", "+33", "+33abc45678", ""] {
            assert_eq!(to(Channel::Sms, bad), Err(BadAddress::Phone), "{bad}");
        }
        assert_eq!(to(Channel::Email, "Ada@Example.ORG ").unwrap(), "Ada@example.org");
        for bad in ["ada", "@x.fr", "a@b", "a b@x.fr", "a@x.fr\r\nBcc: b@x.fr", "a,b@x.fr", "<a@x.fr>"] {
            assert_eq!(to(Channel::Email, bad), Err(BadAddress::Email), "{bad}");
        }
        let arn = "arn:aws:sns:eu-west-3:000000000000:endpoint/GCM/parvis/5e3e9847";
        assert_eq!(to(Channel::Push, arn).unwrap(), arn);
        assert_eq!(to(Channel::Push, "arn:aws:sns:eu-west-3:000000000000:AlertsTopic"), Err(BadAddress::Push));
    }

    #[test]
    fn a_code_proves_an_address_within_its_time_and_tries() {
        let mut address = Address::new(Channel::Sms, "+33612345678").unwrap();
        assert_eq!(address.verify("123456", at(0)), Err(BadCode::Lapsed));
        address.send_code("123456", at(0));
        assert_eq!(address.clone().verify("123456", at(900)), Err(BadCode::Lapsed));
        for _ in 0..CODE_TRIES {
            assert_eq!(address.verify("000000", at(1)), Err(BadCode::Wrong));
        }
        assert_eq!(address.verify("123456", at(1)), Err(BadCode::TooOften));
        address.send_code("654321", at(61));
        assert_eq!(address.verify(" 654321 ", at(62)), Ok(()));
        assert_eq!(address.verified_at, Some(at(62)));
        assert_eq!(address.verify("654321", at(63)), Err(BadCode::Lapsed), "a code is used once");
    }

    #[test]
    fn logs_do_not_tell_addresses() {
        assert_eq!(masked("ada.lovelace@example.org"), "a***@example.org");
        assert_eq!(masked("+33612345678"), "+33***78");
        assert_eq!(masked("arn:aws:sns:eu-west-3:0:endpoint/GCM/parvis/5e3e9847"), "***9847");
    }
}
