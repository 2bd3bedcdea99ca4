//! The key under which a write is done once.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use parvis_kit::auth::Caller;
use parvis_kit::problem::Problem;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::actor::Actor;
use crate::store::tx::WriteKey;

/// The header.
const HEADER: &str = "idempotency-key";

/// Somebody who writes, with the key of the request and its route.
#[derive(Clone, Debug)]
pub struct Writer {
    /// Who writes.
    pub actor: Actor,
    key: String,
    route: String,
}

impl Writer {
    /// The key for writing `body`.
    pub fn key<B: Serialize>(&self, body: &B) -> WriteKey {
        let mut digest = Sha256::new();
        digest.update(self.route.as_bytes());
        digest.update([0]);
        // Bodies are ours and serialise in one way.
        digest.update(serde_json::to_vec(body).unwrap_or_default());
        let fingerprint = digest.finalize().to_vec();
        WriteKey { caller: self.actor.subject.clone(), key: self.key.clone(), fingerprint }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let key = parts.headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // HTTP strings are printable ASCII already where `to_str` succeeds.
        if !(8..=128).contains(&key.len()) {
            let text = "Send an Idempotency-Key header of 8 to 128 printable characters, a new one for each thing that you want \
                        done; repeat a request with its key.";
            return Err(Problem::bad_request(text));
        }
        let route = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self { actor: caller.into(), key: key.to_owned(), route })
    }
}
