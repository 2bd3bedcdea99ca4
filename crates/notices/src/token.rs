//! Signed links: who has the link may do the one thing that it says, without a login.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::person::Channel;

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

impl LinkKey {
    /// A key; `None` when it is too short to keep anybody out.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Option<Self> {
        Some(Self(secret.into())).filter(|key| key.0.len() >= 16)
    }

    /// The token of a link.
    #[must_use]
    pub fn sign(&self, what: &Unsubscribe) -> String {
        // Strings and an enum always serialise.
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(what).unwrap_or_default());
        let tag = self.mac(&payload).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())).unwrap_or_default();
        format!("{payload}.{tag}")
    }

    /// What a token stands for; `None` when we did not sign it.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<Unsubscribe> {
        let (payload, tag) = token.split_once('.')?;
        self.mac(payload)?.verify_slice(&URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
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
}
