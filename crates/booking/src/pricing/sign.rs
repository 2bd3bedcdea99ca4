//! The signature of a quote: what comes back from a client is what was promised to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Quote;

/// Keeps the signatures of quotes, door codes and calendar links apart, although one secret signs them all.
const QUOTES: &[u8] = b"parvis quote v1";
const CODES: &[u8] = b"parvis door code v1";
/// Bytes of a door code: short enough for a small QR code, far too many to guess.
const CODE_BYTES: usize = 12;

/// Why a quote does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// Not a quote of ours: cut off, changed or made up.
    #[error("this is not a quote of ours")]
    Forged,
    /// Its time has passed.
    #[error("the quote has expired")]
    Expired,
    /// It was given to somebody else.
    #[error("the quote was given to somebody else")]
    OtherOwner,
}

/// The secret that signs quotes and door codes.
#[derive(Clone)]
pub struct QuoteKey(Vec<u8>);

impl std::fmt::Debug for QuoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QuoteKey(..)")
    }
}

impl QuoteKey {
    /// A key of at least 16 bytes; shorter ones give `None`.
    #[must_use]
    pub fn new(secret: impl Into<Vec<u8>>) -> Option<Self> {
        let secret = secret.into();
        (secret.len() >= 16).then_some(Self(secret))
    }

    fn mac(&self, purpose: &[u8], text: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length; there is no other way to fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose);
        mac.update(text);
        Some(mac)
    }

    /// The quote as a token for the client.
    #[must_use]
    pub fn sign(&self, quote: &Quote) -> String {
        let body = serde_json::to_vec(quote).unwrap_or_default();
        let seal = self.mac(QUOTES, &body).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(body), URL_SAFE_NO_PAD.encode(seal))
    }

    /// The quote in a token, given to `owner` and still good at `now`.
    ///
    /// # Errors
    /// See [`QuoteError`].
    pub fn verify(&self, token: &str, owner: &str, now: DateTime<Utc>) -> Result<Quote, QuoteError> {
        let (body, seal) = token.split_once('.').ok_or(QuoteError::Forged)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| QuoteError::Forged)?;
        let seal = URL_SAFE_NO_PAD.decode(seal).map_err(|_| QuoteError::Forged)?;
        let mac = self.mac(QUOTES, &body).ok_or(QuoteError::Forged)?;
        mac.verify_slice(&seal).map_err(|_| QuoteError::Forged)?;
        let quote: Quote = serde_json::from_slice(&body).map_err(|_| QuoteError::Forged)?;
        if quote.owner != owner {
            return Err(QuoteError::OtherOwner);
        }
        if now >= quote.expires_at { Err(QuoteError::Expired) } else { Ok(quote) }
    }

    /// The code that hangs on the door of a resource, as a QR code: whoever has read it stands there.
    #[must_use]
    pub fn door_code(&self, resource: &str) -> String {
        let seal = self.mac(CODES, resource.as_bytes()).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(seal.get(..CODE_BYTES).unwrap_or_default())
    }

    /// Whether `code` is that of the door of `resource`.
    #[must_use]
    pub fn is_door_code(&self, resource: &str, code: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(code).unwrap_or_default();
        let mac = self.mac(CODES, resource.as_bytes());
        given.len() == CODE_BYTES && mac.is_some_and(|mac| mac.verify_truncated_left(&given).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Slot;
    use crate::booking::{Charge, Wish};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn quote() -> Quote {
        Quote {
            owner: "u1".to_owned(),
            wish: Wish { items: vec![], slot: Slot::new(at(100), at(200)).unwrap(), participants: 1 },
            charge: Charge::nothing(),
            lines: vec![],
            repeats: false,
            issued_at: at(0),
            expires_at: at(50),
        }
    }

    fn key() -> QuoteKey {
        QuoteKey::new(*b"a key of a length that will do").unwrap()
    }

    #[test]
    fn a_quote_comes_back_as_it_was_given_to_its_owner_in_time() {
        let token = key().sign(&quote());
        assert_eq!(key().verify(&token, "u1", at(49)), Ok(quote()));
        assert_eq!(key().verify(&token, "u1", at(50)), Err(QuoteError::Expired));
        assert_eq!(key().verify(&token, "u2", at(10)), Err(QuoteError::OtherOwner));
        let other = QuoteKey::new(*b"another key of the same length").unwrap();
        assert_eq!(other.verify(&token, "u1", at(10)), Err(QuoteError::Forged));
        assert!(QuoteKey::new(*b"short").is_none());
    }

    #[test]
    fn a_door_code_opens_one_door() {
        let code = key().door_code("room-1");
        assert_eq!(code.len(), 16);
        assert!(key().is_door_code("room-1", &code));
        assert!(!key().is_door_code("room-2", &code));
        assert!(!key().is_door_code("room-1", ""));
    }

    proptest! {
        #[test]
        fn no_changed_token_is_taken(position in 0_usize..400, replacement in "[A-Za-z0-9_-]") {
            let token = key().sign(&quote());
            let position = position % token.len();
            let changed = format!("{}{replacement}{}", &token[..position], &token[position + 1..]);
            if let Ok(read) = key().verify(&changed, "u1", at(10)) {
                // The last character of a base64 text has spare bits: only those may differ.
                prop_assert_eq!(read, quote());
            }
        }
    }
}
