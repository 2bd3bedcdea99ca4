//! The keys that an issuer of tokens publishes (OpenID Connect Discovery and JWK Set, RFC 7517), kept and renewed.
//!
//! Whoever verifies tokens depends on the issuer only for keys that it does not know yet: an issuer that is away for a moment
//! refuses nobody whose key is in hand, and is not asked, and waited for, by everybody who comes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use tokio::{sync::Mutex, time::timeout};

/// Longest wait for the issuer's two answers together, well below the shortest timeout of a function that asks (5 s).
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// How long keys are trusted while the issuer cannot say whether they still hold: it may have withdrawn one.
const TRUSTED_UNASKED: Duration = Duration::from_hours(24);

/// Why a key is not known.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JwksError {
    /// The issuer does not publish it.
    #[error("the key is not one of the issuer's")]
    Unknown,
    /// The issuer failed when it was asked for its keys, just now or a moment ago.
    #[error("the issuer's keys cannot be read")]
    Unreadable(#[from] Arc<reqwest::Error>),
    /// The issuer did not answer in time, just now or a moment ago.
    #[error("the issuer did not answer in time")]
    TooSlow,
}

/// How long what is known holds.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// Age at which keys are read again.
    pub lives: Duration,
    /// A key that is not known, or keys that could not be read, are asked for again, but not more often than this.
    pub ask_again_after: Duration,
}

/// The keys of one issuer.
#[derive(Debug)]
pub struct IssuerKeys {
    issuer: String,
    http: reqwest::Client,
    freshness: Freshness,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<(JwkSet, Instant)>,
    asked: Option<(Instant, Result<(), JwksError>)>,
}

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

impl IssuerKeys {
    /// The keys of `issuer`; they are read when the first one is asked for.
    #[must_use]
    pub fn new(issuer: impl Into<String>, http: reqwest::Client, freshness: Freshness) -> Self {
        Self { issuer: issuer.into(), http, freshness, state: Mutex::default() }
    }

    /// The key with this id.
    ///
    /// # Errors
    /// [`JwksError`].
    pub async fn key(&self, id: &str) -> Result<Jwk, JwksError> {
        // Held across the request, so that a burst of tokens asks the issuer once.
        let mut state = self.state.lock().await;
        let fresh = state.key(id, self.freshness.lives);
        if let Some(key) = fresh {
            return Ok(key);
        }
        let asked_lately = state.asked.as_ref().is_some_and(|(at, _)| at.elapsed() < self.freshness.ask_again_after);
        if !asked_lately {
            let outcome = timeout(ANSWERS_WITHIN, self.read()).await.unwrap_or(Err(JwksError::TooSlow));
            let outcome = outcome.map(|set| state.known = Some((set, Instant::now())));
            if let Err(error) = &outcome {
                tracing::warn!(error = %crate::telemetry::chain(error), issuer = self.issuer, "keys not read");
            }
            state.asked = Some((Instant::now(), outcome));
        }
        match state.key(id, TRUSTED_UNASKED) {
            Some(key) => Ok(key),
            None => {
                Err(state.asked.as_ref().and_then(|(_, outcome)| outcome.clone().err()).unwrap_or(JwksError::Unknown))
            }
        }
    }

    async fn read(&self) -> Result<JwkSet, JwksError> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.get(&url).await.map_err(Arc::new)?;
        Ok(self.get(&discovery.jwks_uri).await.map_err(Arc::new)?)
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: &str) -> reqwest::Result<T> {
        self.http.get(url).send().await?.error_for_status()?.json().await
    }
}

impl State {
    /// The key, if it was read within `age`.
    fn key(&self, id: &str, age: Duration) -> Option<Jwk> {
        let (set, _) = self.known.as_ref().filter(|(_, read_at)| read_at.elapsed() < age)?;
        set.find(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use axum::{Json, Router, extract::State as Shared, http::StatusCode, routing::get};
    use serde_json::{Value, json};

    use super::*;

    const NEVER: Duration = Duration::from_hours(1);

    /// An issuer with one key that can be sent away, and counts how often it is asked.
    #[derive(Default)]
    struct Issuer {
        address: String,
        away: AtomicBool,
        asked: AtomicUsize,
    }

    async fn start() -> Arc<Issuer> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Arc::new(Issuer { address, ..Issuer::default() });
        let discovery = async |Shared(issuer): Shared<Arc<Issuer>>| -> Result<Json<Value>, StatusCode> {
            issuer.asked.fetch_add(1, Ordering::SeqCst);
            if issuer.away.load(Ordering::SeqCst) {
                return Err(StatusCode::SERVICE_UNAVAILABLE);
            }
            Ok(Json(json!({"jwks_uri": format!("{}/keys", issuer.address)})))
        };
        let keys = async || Json(json!({"keys": [{"kid": "one", "kty": "RSA", "n": "AQAB", "e": "AQAB"}]}));
        let routes = Router::new().route("/.well-known/openid-configuration", get(discovery)).route("/keys", get(keys));
        let routes = routes.with_state(Arc::clone(&issuer));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        issuer
    }

    fn keys_of(issuer: &Issuer, lives: Duration, ask_again_after: Duration) -> IssuerKeys {
        crate::telemetry::init();
        IssuerKeys::new(&issuer.address, reqwest::Client::new(), Freshness { lives, ask_again_after })
    }

    #[tokio::test]
    async fn an_issuer_that_is_away_refuses_nobody_whose_key_is_known() {
        let issuer = start().await;
        let keys = keys_of(&issuer, Duration::ZERO, Duration::ZERO);
        assert!(keys.key("one").await.is_ok());
        issuer.away.store(true, Ordering::SeqCst);
        assert!(keys.key("one").await.is_ok());
        assert_eq!(issuer.asked.load(Ordering::SeqCst), 2, "old keys are asked for again");
        assert!(matches!(keys.key("two").await, Err(JwksError::Unreadable(_))), "it may be a new key");
        issuer.away.store(false, Ordering::SeqCst);
        assert!(matches!(keys.key("two").await, Err(JwksError::Unknown)));
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_a_while() {
        let issuer = start().await;
        issuer.away.store(true, Ordering::SeqCst);
        let keys = keys_of(&issuer, NEVER, NEVER);
        for _ in 0..3 {
            assert!(matches!(keys.key("one").await, Err(JwksError::Unreadable(_))));
        }
        assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn known_keys_are_not_asked_for_again_and_unknown_ones_not_at_once() {
        let issuer = start().await;
        let keys = keys_of(&issuer, NEVER, NEVER);
        for _ in 0..3 {
            assert!(keys.key("one").await.is_ok());
            assert!(matches!(keys.key("two").await, Err(JwksError::Unknown)));
        }
        assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
    }
}
