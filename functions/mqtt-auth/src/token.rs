//! Tokens of the identity provider: signature by its published keys, issuer, audience and times.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use parvis_kit::auth::Role;
use serde::Deserialize;
use tokio::sync::Mutex;

/// How long the issuer's keys are kept before they are read again.
const KEYS_LIVE: Duration = Duration::from_secs(3600);
/// An unknown key id may mean that the issuer has changed its keys; it is asked again, but not more often than this.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);
const ISSUER_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Why a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token, badly signed, of another issuer, or out of date.
    #[error("the token is not valid")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// Signed with a key that the issuer does not publish.
    #[error("the token's key is not one of the issuer's")]
    UnknownKey,
    /// Meant for another application.
    #[error("the token is meant for another application")]
    WrongAudience,
    /// The issuer cannot be asked for its keys.
    #[error("the issuer's keys cannot be read")]
    Issuer(#[from] reqwest::Error),
}

/// Who holds a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Identity at the issuer.
    pub subject: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// End of the token, in seconds since 1970.
    expires: u64,
}

impl Holder {
    /// The subject as AWS IoT takes principals: letters and digits, at most 128.
    #[must_use]
    pub fn principal(&self) -> String {
        self.subject.chars().filter(char::is_ascii_alphanumeric).take(128).collect()
    }

    /// Seconds until the token ends.
    #[must_use]
    pub fn seconds_left(&self) -> u32 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        u32::try_from(self.expires.saturating_sub(now)).unwrap_or(u32::MAX)
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    aud: Option<String>,
    client_id: Option<String>,
    #[serde(rename = "cognito:groups", default)]
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

#[derive(Debug)]
struct Keys {
    set: JwkSet,
    read_at: Instant,
}

/// Verifies tokens of one issuer for one application.
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    http: reqwest::Client,
    keys: Mutex<Option<Keys>>,
}

impl Verifier {
    /// A verifier; the issuer's keys are read when the first token comes.
    ///
    /// # Errors
    /// When there is no TLS.
    pub fn new(issuer: String, audience: String) -> Result<Self, TokenError> {
        let http = reqwest::Client::builder().timeout(ISSUER_ANSWERS_WITHIN).build()?;
        Ok(Self { issuer, audience, http, keys: Mutex::new(None) })
    }

    /// The holder of `token`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn verify(&self, token: &str) -> Result<Holder, TokenError> {
        let header = decode_header(token)?;
        let key = self.key(header.kid.as_deref().ok_or(TokenError::UnknownKey)?).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.issuer]);
        // Cognito names the application in `aud` of an ID token and in `client_id` of an access token.
        validation.validate_aud = false;
        let claims = decode::<Claims>(token, &key, &validation)?.claims;
        if claims.aud.as_ref().or(claims.client_id.as_ref()) != Some(&self.audience) {
            return Err(TokenError::WrongAudience);
        }
        let roles = claims.groups.iter().filter_map(|group| Role::from_group(group)).collect();
        Ok(Holder { subject: claims.sub, roles, expires: claims.exp })
    }

    async fn key(&self, id: &str) -> Result<DecodingKey, TokenError> {
        let mut keys = self.keys.lock().await;
        let known = |keys: &Option<Keys>| keys.as_ref().and_then(|keys| keys.set.find(id).cloned());
        let age = keys.as_ref().map(|keys| keys.read_at.elapsed());
        let stale = match (age, known(&keys)) {
            (None, _) => true,
            (Some(age), Some(_)) => age > KEYS_LIVE,
            (Some(age), None) => age > ASK_AGAIN_AFTER,
        };
        if stale {
            *keys = Some(Keys { set: self.read_keys().await?, read_at: Instant::now() });
        }
        let key = known(&keys).ok_or(TokenError::UnknownKey)?;
        Ok(DecodingKey::from_jwk(&key)?)
    }

    async fn read_keys(&self) -> Result<JwkSet, TokenError> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.http.get(url).send().await?.error_for_status()?.json().await?;
        Ok(self.http.get(discovery.jwks_uri).send().await?.error_for_status()?.json().await?)
    }
}
