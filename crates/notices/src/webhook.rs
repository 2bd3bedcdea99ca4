//! Signed deliveries to other systems, after Standard Webhooks (<https://www.standardwebhooks.com>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::watch::Filter;

/// What secrets start with.
const PREFIX: &str = "whsec_";
/// How long a receiver may take nothing before it is turned off.
pub const PATIENCE: TimeDelta = TimeDelta::hours(24);

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
    /// Whether it is told at all.
    pub active: bool,
    /// Since when it has taken nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// Why it was turned off, when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_off: Option<String>,
    /// Who made it.
    pub owner: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Counts changes; 0 for one that is not stored yet.
    #[serde(default)]
    pub version: u64,
}

impl Webhook {
    /// Turns it on or off, as a manager wishes: what was before counts no more.
    pub fn turn(&mut self, active: bool) {
        (self.active, self.failing_since, self.turned_off) = (active, None, None);
    }

    /// Notes what came of telling it: nothing is wrong with a status below 300. One that says that it is gone (410), or takes nothing for
    /// [`PATIENCE`], is turned off. True when it has to be stored.
    pub fn answered(&mut self, status: Option<u16>, now: DateTime<Utc>) -> bool {
        if status.is_some_and(|status| status < 300) {
            return self.failing_since.take().is_some();
        }
        let since = *self.failing_since.get_or_insert(now);
        let reason = if status == Some(410) {
            "it answered that it is gone (410)".to_owned()
        } else if now - since >= PATIENCE {
            format!("it has taken nothing since {}", since.format("%Y-%m-%d %H:%M UTC"))
        } else {
            return since == now;
        };
        (self.active, self.turned_off) = (false, Some(reason));
        true
    }
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

    #[test]
    fn a_receiver_that_is_gone_or_takes_nothing_for_a_day_is_turned_off() {
        let at = |hours| DateTime::from_timestamp(1_614_265_330, 0).unwrap() + TimeDelta::hours(hours);
        let mut hook = Webhook {
            id: "w".to_owned(),
            name: "w".to_owned(),
            url: "https://signs.example.org/".to_owned(),
            secret: secret([1; 32]),
            filter: Filter::default(),
            active: true,
            failing_since: None,
            turned_off: None,
            owner: "m".to_owned(),
            created_at: at(0),
            version: 1,
        };
        assert!(!hook.answered(Some(204), at(0)), "nothing to store");
        assert!(hook.answered(Some(500), at(1)) && hook.failing_since == Some(at(1)));
        assert!(!hook.answered(None, at(10)) && hook.active);
        assert!(hook.answered(Some(200), at(11)) && hook.failing_since.is_none());
        assert!(hook.answered(None, at(20)) && !hook.answered(None, at(43)) && hook.active);
        assert!(hook.answered(None, at(44)) && !hook.active && hook.turned_off.is_some());
        hook.turn(true);
        assert!(hook.active && hook.turned_off.is_none() && hook.failing_since.is_none());
        assert!(hook.answered(Some(410), at(50)) && !hook.active);
    }

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
