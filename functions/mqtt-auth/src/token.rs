//! Tokens of the identity provider: signature by its published keys, issuer, audience and times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use parvis_kit::auth::Role;
use parvis_kit::jwks::{Freshness, IssuerKeys, JwksError};
use serde::Deserialize;

/// The issuer is asked for its keys each hour; for a key that is not known after ten seconds, since it may have changed them.
const FRESHNESS: Freshness = Freshness { lives: Duration::from_hours(1), ask_again_after: Duration::from_secs(10) };

/// Why a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token, badly signed, of another issuer, or out of date.
    #[error("the token is not valid")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// It names no key.
    #[error("the token names no key")]
    NoKey,
    /// Meant for another application.
    #[error("the token is meant for another application")]
    WrongAudience,
    /// Its key is not known: not the issuer's, or the issuer cannot be asked.
    #[error("the token's key is not known")]
    Key(#[from] JwksError),
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

/// Verifies tokens of one issuer for one application.
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: IssuerKeys,
}

impl Verifier {
    /// A verifier; the issuer's keys are read when the first token comes.
    ///
    /// # Errors
    /// When there is no TLS.
    pub fn new(issuer: String, audience: String) -> Result<Self, reqwest::Error> {
        let keys = IssuerKeys::new(&issuer, reqwest::Client::builder().build()?, FRESHNESS);
        Ok(Self { issuer, audience, keys })
    }

    /// The holder of `token`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn verify(&self, token: &str) -> Result<Holder, TokenError> {
        let header = decode_header(token)?;
        let key = DecodingKey::from_jwk(&self.keys.key(header.kid.as_deref().ok_or(TokenError::NoKey)?).await?)?;
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
}
