//! Signed links: who has the link may do the one thing that it says, without a login.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::person::{Channel, VISITOR};
use crate::watch::ALERTS;

/// Bytes of the address's digest in a short link, and of its tag: a link must leave room in an SMS. Who guesses tags needs 2^63 tries
/// to silence one unknown visitor's alerts.
const SHORT_ID: usize = 12;
const SHORT_TAG: usize = 8;

/// The secret that links are signed with.
#[derive(Clone)]
pub struct LinkKey(Vec<u8>);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(..)")
    }
}

/// What an unsubscribe link stands for. It does not lapse: an old e-mail must still let its reader out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// Whose preferences.
    #[serde(rename = "p")]
    pub person: String,
    /// About what.
    #[serde(rename = "c")]
    pub category: String,
    /// By which channel.
    #[serde(rename = "h")]
    pub channel: Channel,
}

impl Unsubscribe {
    /// The id that is enough to say it, of a visitor who is told of alerts by SMS.
    fn short(&self) -> Option<Vec<u8>> {
        let id = self.person.strip_prefix(VISITOR).filter(|id| *id == id.to_lowercase())?;
        let plain = self.category == ALERTS && self.channel == Channel::Sms;
        hex::decode(id).ok().filter(|id| plain && id.len() == SHORT_ID)
    }

    fn of_short(id: &[u8]) -> Self {
        Self { person: format!("{VISITOR}{}", hex::encode(id)), category: ALERTS.to_owned(), channel: Channel::Sms }
    }
}

impl LinkKey {
    /// A key; `None` when it is too short to keep anybody out.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Option<Self> {
        Some(Self(secret.into())).filter(|key| key.0.len() >= 16)
    }

    /// The token of a link. That of a visitor who is told by SMS is short.
    #[must_use]
    pub fn sign(&self, what: &Unsubscribe) -> String {
        if let Some(id) = what.short() {
            return self.tagged(&id, SHORT_TAG);
        }
        // Strings and an enum always serialise.
        self.tagged(&serde_json::to_vec(what).unwrap_or_default(), usize::MAX)
    }

    fn tagged(&self, payload: &[u8], most: usize) -> String {
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let tag = self.mac(&payload).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default();
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(tag.get(..most).unwrap_or(&tag)))
    }

    /// What a token stands for; `None` when we did not sign it.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<Unsubscribe> {
        let (payload, tag) = token.split_once('.')?;
        let (read, tag) = (URL_SAFE_NO_PAD.decode(payload).ok()?, URL_SAFE_NO_PAD.decode(tag).ok()?);
        let mac = self.mac(payload)?;
        // No JSON of an `Unsubscribe` is as short as the id of a visitor.
        if read.len() == SHORT_ID && tag.len() == SHORT_TAG {
            mac.verify_truncated_left(&tag).ok()?;
            return Some(Unsubscribe::of_short(&read));
        }
        mac.verify_slice(&tag).ok()?;
        serde_json::from_slice(&read).ok()
    }

    /// HMAC takes keys of any length, so there always is one.
    fn mac(&self, payload: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(b"unsubscribe\n");
        mac.update(payload.as_bytes());
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_is_read() {
        let key = LinkKey::new("0123456789abcdef").unwrap();
        let what = Unsubscribe { person: "ada".into(), category: "alerts".into(), channel: Channel::Email };
        let token = key.sign(&what);
        assert_eq!(key.read(&token), Some(what.clone()));
        let (payload, tag) = token.split_once('.').unwrap();
        let other = key.sign(&Unsubscribe { person: "eve".into(), ..what });
        let (forged, _) = other.split_once('.').unwrap();
        for bad in [
            format!("{forged}.{tag}"),
            format!("{payload}."),
            payload.to_owned(),
            String::new(),
            format!("{payload}.{}", &tag[1..]),
        ] {
            assert_eq!(key.read(&bad), None, "{bad}");
        }
        assert_eq!(LinkKey::new("fedcba9876543210").unwrap().read(&token), None);
        assert!(LinkKey::new("short").is_none());
    }

    #[test]
    fn the_link_of_a_visitor_by_sms_is_short_and_as_hard_to_forge() {
        let key = LinkKey::new("0123456789abcdef").unwrap();
        let address = crate::address::Address::new(Channel::Sms, "+33612345678").unwrap();
        let visitor = |digest: &str| Unsubscribe {
            person: format!("{VISITOR}{digest}"),
            category: ALERTS.to_owned(),
            channel: Channel::Sms,
        };
        let what = visitor(&address.digest());
        let token = key.sign(&what);
        assert!(token.len() <= 28, "{token}");
        assert_eq!(key.read(&token), Some(what.clone()));
        let (payload, tag) = token.split_once('.').unwrap();
        let (other, _) =
            key.sign(&visitor(&"ab".repeat(12))).split_once('.').map(|(id, _)| (id.to_owned(), ())).unwrap();
        for bad in [format!("{other}.{tag}"), format!("{payload}.{}", &tag[..10]), format!("{payload}.")] {
            assert_eq!(key.read(&bad), None, "{bad}");
        }
        assert_eq!(LinkKey::new("fedcba9876543210").unwrap().read(&token), None);
        for long in [Unsubscribe { channel: Channel::Email, ..what.clone() }, visitor("0")] {
            assert_eq!(key.read(&key.sign(&long)), Some(long));
        }
    }
}
