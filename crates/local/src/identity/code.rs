//! Authorization codes: one use, five minutes, bound to client, redirect address and PKCE challenge.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::tokens::Session;

const LIFE: Duration = Duration::from_secs(5 * 60);

/// What a code stands for.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The login.
    pub session: Session,
    /// Where the code was sent; the client must repeat it.
    pub redirect: String,
    /// `BASE64URL(SHA256(verifier))`.
    pub challenge: String,
}

/// The codes not redeemed yet.
#[derive(Debug, Default)]
pub struct Codes(Mutex<HashMap<String, (Pending, Instant)>>);

impl Codes {
    /// A new code.
    pub fn add(&self, pending: Pending) -> String {
        let code = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, (_, made)| made.elapsed() < LIFE);
        codes.insert(code.clone(), (pending, Instant::now()));
        code
    }

    /// Redeems a code. It is spent by the attempt, successful or not: whoever presents it with a wrong verifier has
    /// stolen it.
    pub fn redeem(&self, code: &str, redirect: &str, verifier: &str) -> Option<Session> {
        let (pending, made) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(code)?;
        let proven = pending.challenge == challenge_of(verifier) && pending.redirect == redirect;
        (made.elapsed() < LIFE && proven).then_some(pending.session)
    }
}

/// The S256 challenge of a verifier (RFC 7636).
#[must_use]
pub fn challenge_of(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{super::users, *};

    #[test]
    fn the_example_of_rfc_7636() {
        assert_eq!(
            challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_code_is_good_for_one_attempt() {
        let codes = Codes::default();
        let session = Session::new(users::find("admin").unwrap(), "web", "openid".into(), None);
        let pending = Pending { session, redirect: "http://localhost/".into(), challenge: challenge_of("verifier") };
        let code = codes.add(pending.clone());
        assert!(codes.redeem(&code, "http://localhost/", "verifier").is_some());
        assert!(codes.redeem(&code, "http://localhost/", "verifier").is_none());

        for (redirect, verifier) in [("http://localhost/", "wrong"), ("http://localhost/other", "verifier")] {
            let code = codes.add(pending.clone());
            assert!(codes.redeem(&code, redirect, verifier).is_none());
            assert!(codes.redeem(&code, "http://localhost/", "verifier").is_none(), "spent by the attempt");
        }
    }
}
