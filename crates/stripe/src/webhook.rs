//! Signed webhooks (<https://docs.stripe.com/webhooks#verify-manually>).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

/// How old a signature may be, and how far in the future; Stripe's libraries take five minutes.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The header that carries the signature.
pub const HEADER: &str = "stripe-signature";

/// Why a message is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// No signature, or none of the form `t=..,v1=..`.
    #[error("the signature is missing or malformed")]
    Malformed,
    /// Signed with another secret, or changed on the way.
    #[error("the signature does not match")]
    Mismatch,
    /// Too old: it may be a repetition by somebody else.
    #[error("the signature is too old")]
    TooOld,
    /// Signed, and still not an event.
    #[error("the message is not an event")]
    NotAnEvent(#[source] serde_json::Error),
}

/// What a message is about. Its content is not believed beyond that: who is told asks the provider how things stand,
/// so messages may come twice, late, or in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The event's id (`evt_...`).
    pub event: String,
    /// Its type, such as `payment_intent.succeeded`.
    pub kind: String,
    /// Metadata of the object that it is about.
    pub metadata: BTreeMap<String, String>,
    /// The intent that it is about, or that the refund or charge belongs to.
    pub intent: Option<String>,
}

impl Notice {
    /// Whether money that went back is what has changed: types `refund.*`, `charge.refunded` and `charge.refund.updated`.
    #[must_use]
    pub fn is_about_a_refund(&self) -> bool {
        self.kind.starts_with("refund.") || self.kind.starts_with("charge.refund")
    }
}

/// The value of the header for a body, as the provider makes it.
#[must_use]
pub fn sign(secret: &str, body: &[u8], at: DateTime<Utc>) -> String {
    let time = at.timestamp();
    format!("t={time},v1={}", hex::encode(mac(secret, time, body).finalize().into_bytes()))
}

/// Checks a message and reads what it is about.
///
/// # Errors
/// [`Rejected`].
pub fn verify(secret: &str, header: &str, body: &[u8], now: DateTime<Utc>) -> Result<Notice, Rejected> {
    let values = |name: &'static str| header.split(',').filter_map(move |part| part.trim().strip_prefix(name));
    let time: i64 = values("t=").next().and_then(|time| time.parse().ok()).ok_or(Rejected::Malformed)?;
    let mut signatures = values("v1=").filter_map(|text| hex::decode(text).ok()).peekable();
    signatures.peek().ok_or(Rejected::Malformed)?;
    if !signatures.any(|signature| mac(secret, time, body).verify_slice(&signature).is_ok()) {
        return Err(Rejected::Mismatch);
    }
    if now.timestamp().abs_diff(time) > TOLERANCE.num_seconds().unsigned_abs() {
        return Err(Rejected::TooOld);
    }
    read(body).map_err(Rejected::NotAnEvent)
}

fn mac(secret: &str, time: i64, body: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length: the error type is a formality of the trait.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap_or_else(|_| unreachable!());
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    mac
}

fn read(body: &[u8]) -> Result<Notice, serde_json::Error> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
        #[serde(rename = "type")]
        kind: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        object: Object,
    }
    #[derive(Deserialize)]
    struct Object {
        #[serde(default)]
        id: Option<String>,
        #[serde(default)]
        object: Option<String>,
        #[serde(default)]
        payment_intent: Option<String>,
        #[serde(default)]
        metadata: Option<BTreeMap<String, String>>,
    }
    let Event { id, kind, data: Data { object } } = serde_json::from_slice(body)?;
    let own = object.id.filter(|_| object.object.as_deref() == Some("payment_intent"));
    let metadata = object.metadata.unwrap_or_default();
    Ok(Notice { event: id, kind, metadata, intent: own.or(object.payment_intent) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1","type":"payment_intent.succeeded",
        "data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"session":"s"}}}}"#;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_signed_message_says_what_it_is_about() {
        let header = sign("whsec_1", BODY, at(0));
        let notice = verify("whsec_1", &header, BODY, at(30)).unwrap();
        assert_eq!((notice.intent.as_deref(), notice.kind.as_str()), (Some("pi_1"), "payment_intent.succeeded"));
        assert_eq!(notice.metadata["session"], "s");
    }

    /// The documentation's own scheme, computed by OpenSSL:
    /// `printf '1492774577.{}' | openssl dgst -sha256 -hmac whsec_test`.
    #[test]
    fn the_signature_is_that_of_the_documentation() {
        let at = DateTime::from_timestamp(1_492_774_577, 0).unwrap();
        let expected = "0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b";
        assert_eq!(sign("whsec_test", b"{}", at), format!("t=1492774577,v1={expected}"));
    }

    #[test]
    fn what_is_forged_old_or_malformed_is_refused() {
        let header = sign("whsec_1", BODY, at(0));
        assert!(matches!(verify("whsec_2", &header, BODY, at(0)), Err(Rejected::Mismatch)));
        assert!(matches!(verify("whsec_1", &header, b"{}", at(0)), Err(Rejected::Mismatch)));
        assert!(matches!(verify("whsec_1", &header, BODY, at(301)), Err(Rejected::TooOld)));
        assert!(matches!(verify("whsec_1", "t=x", BODY, at(0)), Err(Rejected::Malformed)));
        assert!(matches!(verify("whsec_1", "", BODY, at(0)), Err(Rejected::Malformed)));
        let header = sign("whsec_1", b"[]", at(0));
        assert!(matches!(verify("whsec_1", &header, b"[]", at(0)), Err(Rejected::NotAnEvent(_))));
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let (old, new) = (sign("old", BODY, at(0)), sign("new", BODY, at(0)));
        let header = format!("{old},v1={}", new.rsplit_once("v1=").unwrap().1);
        assert!(verify("new", &header, BODY, at(0)).is_ok());
    }

    proptest! {
        #[test]
        fn nothing_but_the_signed_bytes_passes(body in proptest::collection::vec(any::<u8>(), 0..60), byte in 0usize..60) {
            let header = sign("secret", &body, at(0));
            prop_assert!(!matches!(verify("secret", &header, &body, at(0)), Err(Rejected::Mismatch)));
            if let Some(changed) = body.get(byte) {
                let mut other = body.clone();
                other[byte] = changed.wrapping_add(1);
                prop_assert!(matches!(verify("secret", &header, &other, at(0)), Err(Rejected::Mismatch)));
            }
        }
    }
}
