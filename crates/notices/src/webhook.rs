//! Signed deliveries to other systems, after Standard Webhooks (<https://www.standardwebhooks.com>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::watch::Filter;

/// What secrets start with.
const PREFIX: &str = "whsec_";

/// A system that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// What it is, for people.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// Base64 with the prefix `whsec_`, as the standard writes it.
    pub secret: String,
    /// Which events it is told.
    pub filter: Filter,
    /// Whether it is told at all; a receiver that answers 410 turns it off.
    pub active: bool,
    /// Who made it.
    pub owner: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A secret from 32 random bytes.
#[must_use]
pub fn secret(random: [u8; 32]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(random))
}

/// The value of `webhook-signature`: version 1, HMAC-SHA256 over id, time in seconds and body. `None` when the secret is none.
#[must_use]
pub fn signature(secret: &str, id: &str, at: DateTime<Utc>, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{}.{body}", at.timestamp()).as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let at = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(signature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "m", at, ""), None);
    }
}
